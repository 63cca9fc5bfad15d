package dev.casemate.cell;

import dev.casemate.base.Json;
import dev.casemate.cgroup.ResctrlGroup;
import java.util.Map;
import java.util.Optional;

/**
 * What is kept of a container for other processes, as {@code state.json} of its {@link
 * StateDirectory}.
 *
 * @param pid its first process; 0 while it is being made
 * @param startTime clock ticks since boot at which that process started: tells it from a later one
 * @param rootfs absolute path on the outside
 * @param createdMillis since the epoch
 * @param cgroup as {@link Cgroup#record} gives it
 * @param resctrl its class of service, if it has one
 * @param namespaces {@code CLONE_NEW…} of those that differ from, or may differ from, the outside's
 * @param ownPids whether its pid namespace is its own, so that all end with the first process
 * @param mountBelow the mount below its root, if its mounts are the outside's; else 0
 * @param process whether it has a command, without which it cannot be started
 * @param poststart whether there are hooks to be run after the start
 * @param poststop whether there are hooks to be run at the end
 */
public record ContainerRecord(
    String ociVersion,
    String id,
    int pid,
    long startTime,
    String bundle,
    String rootfs,
    long createdMillis,
    Map<String, String> annotations,
    Json.Obj cgroup,
    Optional<ResctrlGroup> resctrl,
    long namespaces,
    boolean ownPids,
    long mountBelow,
    boolean process,
    boolean poststart,
    boolean poststop) {

  static ContainerRecord of(ContainerConfig config, Namespaces namespaces) {
    return new ContainerRecord(
        config.spec().ociVersion(),
        config.id(),
        0,
        0,
        config.bundle(),
        Rootfs.path(config),
        System.currentTimeMillis(),
        config.spec().annotations(),
        config.cgroup().record(),
        ResctrlGroup.of(config.spec().linux().intelRdt(), config.id()),
        namespaces.all,
        namespaces.isFresh(dev.casemate.linux.Processes.CLONE_NEWPID),
        OuterRoot.mountBelow(config, namespaces),
        config.spec().process().isPresent(),
        !config.spec().hooks().poststart().isEmpty(),
        !config.spec().hooks().poststop().isEmpty());
  }

  /**
   * The same with the process that was made.
   *
   * @param newCgroup what there is of the control group now: an ordinary user may have got less
   */
  ContainerRecord withProcess(int newPid, long newStartTime, Json.Obj newCgroup) {
    return new ContainerRecord(
        ociVersion,
        id,
        newPid,
        newStartTime,
        bundle,
        rootfs,
        createdMillis,
        annotations,
        newCgroup,
        resctrl,
        namespaces,
        ownPids,
        mountBelow,
        process,
        poststart,
        poststop);
  }

  /** The same with these {@code CLONE_NEW…} of namespaces that differ from the outside's. */
  ContainerRecord withNamespaces(long value) {
    return new ContainerRecord(
        ociVersion,
        id,
        pid,
        startTime,
        bundle,
        rootfs,
        createdMillis,
        annotations,
        cgroup,
        resctrl,
        value,
        ownPids,
        mountBelow,
        process,
        poststart,
        poststop);
  }

  static ContainerRecord fromJson(Json.Obj json) {
    return new ContainerRecord(
        json.string("ociVersion"),
        json.string("id"),
        (int) json.integer("pid", 0),
        json.integer("startTime", 0),
        json.string("bundle"),
        json.string("rootfs"),
        json.integer("createdMillis", 0),
        json.stringMap("annotations"),
        json.object("cgroup").orElse(new Json.Obj()),
        json.object("resctrl").map(ResctrlGroup::fromJson),
        json.integer("namespaces", 0),
        json.bool("ownPids", true),
        json.integer("mountBelow", 0),
        json.bool("process", true),
        json.bool("poststart", false),
        json.bool("poststop", false));
  }

  Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    resctrl.ifPresent(group -> json.put("resctrl", group.toJson()));
    return json.put("ociVersion", ociVersion)
        .put("id", id)
        .put("pid", pid)
        .put("startTime", startTime)
        .put("bundle", bundle)
        .put("rootfs", rootfs)
        .put("createdMillis", createdMillis)
        .putMap("annotations", annotations)
        .put("cgroup", cgroup)
        .put("namespaces", namespaces)
        .put("ownPids", ownPids)
        .put("mountBelow", mountBelow)
        .put("process", process)
        .put("poststart", poststart)
        .put("poststop", poststop);
  }
}
