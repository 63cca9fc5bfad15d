package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.jail.JailUser;
import dev.casemate.jail.UserRange;
import dev.casemate.vmms.Vmms;
import java.util.Optional;

/**
 * What a sandbox has on the host besides its own process, as its record on disk holds it.
 *
 * @param vm the VMM
 * @param shareDaemon the file-sharing daemon
 * @param user the id that the VMM runs under
 * @param cgroup path of the sandbox's control group; empty if it has none
 */
record HostTraces(
    Optional<VmRecord> vm,
    Optional<Virtiofsd> shareDaemon,
    Optional<JailUser> user,
    String cgroup) {
  static final HostTraces NONE =
      new HostTraces(Optional.empty(), Optional.empty(), Optional.empty(), "");

  HostTraces withVm(VmRecord record) {
    return new HostTraces(Optional.of(record), shareDaemon, user, cgroup);
  }

  HostTraces withShareDaemon(Virtiofsd daemon) {
    return new HostTraces(vm, Optional.of(daemon), user, cgroup);
  }

  HostTraces withUser(JailUser owner) {
    return new HostTraces(vm, shareDaemon, Optional.of(owner), cgroup);
  }

  HostTraces withCgroup(String path) {
    return new HostTraces(vm, shareDaemon, user, path);
  }

  Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    vm.ifPresent(record -> json.put("vm", record.toJson()));
    shareDaemon.ifPresent(
        daemon ->
            json.put(
                "virtiofsd",
                new Json.Obj()
                    .put("pid", daemon.pid())
                    .put("startTime", daemon.startTime())
                    .put("socket", daemon.socketPath())));
    user.ifPresent(owner -> json.put("user", new Json.Obj().put("uid", owner.uid())));
    if (!cgroup.isEmpty()) {
      json.put("cgroup", cgroup);
    }
    return json;
  }

  /**
   * Ends the processes of a record and gives back the rest.
   *
   * @param directory the sandbox's, which owns the user id
   */
  static void cleanUp(Json.Obj json, String directory) {
    Optional<Json.Obj> vm = json.object("vm");
    if (vm.isPresent()) {
      VmRecord record = VmRecord.fromJson(vm.get());
      Vmms.named(record.driver()).cleanUp(record);
    }
    json.object("virtiofsd")
        .ifPresent(
            daemon ->
                Virtiofsd.cleanUp(
                    (int) daemon.integer("pid", 0),
                    daemon.integer("startTime", 0),
                    daemon.string("socket")));
    Optional<Json.Obj> user = json.object("user");
    if (user.isPresent() && user.get().integer("uid", 0) > 0) {
      int uid = (int) user.get().integer("uid", 0);
      UserRange.release(new JailUser(uid, uid), directory);
    }
    if (!json.string("cgroup").isEmpty()) {
      HostCgroup.remove(json.string("cgroup"));
    }
  }
}
