package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.protocol.agent.StringUser;
import dev.casemate.protocol.oci.Box;
import dev.casemate.protocol.oci.Linux;
import dev.casemate.protocol.oci.LinuxBlockIO;
import dev.casemate.protocol.oci.LinuxCPU;
import dev.casemate.protocol.oci.LinuxCapabilities;
import dev.casemate.protocol.oci.LinuxDevice;
import dev.casemate.protocol.oci.LinuxDeviceCgroup;
import dev.casemate.protocol.oci.LinuxHugepageLimit;
import dev.casemate.protocol.oci.LinuxMemory;
import dev.casemate.protocol.oci.LinuxNamespace;
import dev.casemate.protocol.oci.LinuxPids;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.LinuxSeccomp;
import dev.casemate.protocol.oci.LinuxSeccompArg;
import dev.casemate.protocol.oci.LinuxSyscall;
import dev.casemate.protocol.oci.Mount;
import dev.casemate.protocol.oci.POSIXRlimit;
import dev.casemate.protocol.oci.Process;
import dev.casemate.protocol.oci.Root;
import dev.casemate.protocol.oci.Spec;
import dev.casemate.protocol.oci.User;
import dev.casemate.seccomp.CompiledSeccomp;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Turns a bundle's {@code config.json} into the agent protocol's specification.
 *
 * <p>What belongs to the host stays here: hooks, paths of the host's namespaces, labels of the
 * host's security modules. Mounts are handed over by the caller, who knows where the host's
 * directories appear in the guest.
 */
final class GuestSpec {
  private GuestSpec() {}

  static Spec translate(Json.Obj spec, String rootPath, List<Mount> mounts, NamespaceScope scope) {
    Spec.Builder builder =
        Spec.builder()
            .version(spec.string("ociVersion"))
            // A pod's name is the VM's.
            .hostname(scope.pod() ? "" : spec.string("hostname"))
            .annotations(annotations(spec))
            .mounts(mounts)
            .root(
                Root.builder()
                    .path(rootPath)
                    .readonly(spec.object("root").map(r -> r.bool("readonly", false)).orElse(false))
                    .build());
    spec.object("process").ifPresent(process -> builder.process(process(process)));
    spec.object("linux").ifPresent(linux -> builder.linux(linux(linux, scope)));
    return builder.build();
  }

  /** The bundle's annotations, and its system call filter compiled. */
  private static Map<String, String> annotations(Json.Obj spec) {
    Map<String, String> annotations = new LinkedHashMap<>(spec.stringMap("annotations"));
    annotations.remove(CompiledSeccomp.ANNOTATION);
    spec.object("linux")
        .flatMap(linux -> linux.object("seccomp"))
        .filter(GuestSpec::isCompiledHere)
        .ifPresent(
            seccomp ->
                annotations.put(
                    CompiledSeccomp.ANNOTATION,
                    CompiledSeccomp.text(SeccompSpec.fromJson(seccomp))));
    return annotations;
  }

  /** Not a filter that asks a listener: the guest says that it has none. */
  private static boolean isCompiledHere(Json.Obj seccomp) {
    return seccomp.string("listenerPath").isEmpty();
  }

  /** The user that the guest must look up in the container's own files, if it is given by name. */
  static Optional<StringUser> user(Json.Obj process) {
    String name = process.object("user").map(user -> user.string("username")).orElse("");
    if (name.isEmpty()) {
      return Optional.empty();
    }
    int colon = name.indexOf(':');
    return Optional.of(
        StringUser.builder()
            .uid(colon < 0 ? name : name.substring(0, colon))
            .gid(colon < 0 ? "" : name.substring(colon + 1))
            .build());
  }

  static Process process(Json.Obj json) {
    Process.Builder process =
        Process.builder()
            .terminal(json.bool("terminal", false))
            .args(json.strings("args"))
            .env(json.strings("env"))
            .cwd(json.string("cwd", "/"))
            .noNewPrivileges(json.bool("noNewPrivileges", false))
            .oomScoreAdj(json.integer("oomScoreAdj", 0));
    json.object("consoleSize")
        .ifPresent(
            size ->
                process.consoleSize(
                    Box.builder()
                        .height((int) size.integer("height", 0))
                        .width((int) size.integer("width", 0))
                        .build()));
    json.object("user")
        .ifPresent(
            user ->
                process.user(
                    User.builder()
                        .uid((int) user.integer("uid", 0))
                        .gid((int) user.integer("gid", 0))
                        .additionalGids(ints(user.integers("additionalGids")))
                        .build()));
    json.object("capabilities")
        .ifPresent(
            caps ->
                process.capabilities(
                    LinuxCapabilities.builder()
                        .bounding(caps.strings("bounding"))
                        .effective(caps.strings("effective"))
                        .inheritable(caps.strings("inheritable"))
                        .permitted(caps.strings("permitted"))
                        .ambient(caps.strings("ambient"))
                        .build()));
    List<POSIXRlimit> rlimits = new ArrayList<>();
    for (Json.Obj limit : json.objects("rlimits")) {
      rlimits.add(
          POSIXRlimit.builder()
              .type(limit.string("type"))
              .hard(limit.integer("hard", 0))
              .soft(limit.integer("soft", 0))
              .build());
    }
    return process.rlimits(rlimits).build();
  }

  private static List<Integer> ints(List<Long> longs) {
    List<Integer> ints = new ArrayList<>();
    for (long value : longs) {
      ints.add((int) value);
    }
    return ints;
  }

  private static Linux linux(Json.Obj json, NamespaceScope scope) {
    Linux.Builder linux =
        Linux.builder()
            .sysctl(json.stringMap("sysctl"))
            .cgroupsPath(json.string("cgroupsPath"))
            .rootfsPropagation(json.string("rootfsPropagation"))
            .maskedPaths(json.strings("maskedPaths"))
            .readonlyPaths(json.strings("readonlyPaths"));
    List<LinuxNamespace> namespaces = new ArrayList<>();
    for (Json.Obj namespace : json.objects("namespaces")) {
      String type = namespace.string("type");
      // The VM is the network and the clock, and a pod's IPC and host name; a path is one of the
      // host's.
      boolean machine =
          type.equals("network")
              || type.equals("time")
              || (scope.pod() && (type.equals("ipc") || type.equals("uts")))
              || (scope.pids() == NamespaceScope.Pids.MACHINE && type.equals("pid"));
      if (!machine) {
        namespaces.add(LinuxNamespace.builder().type(type).build());
      }
    }
    List<LinuxDevice> devices = new ArrayList<>();
    for (Json.Obj device : json.objects("devices")) {
      if (madeInGuest(device)) {
        continue;
      }
      devices.add(
          LinuxDevice.builder()
              .path(device.string("path"))
              .type(device.string("type"))
              .major(device.integer("major", 0))
              .minor(device.integer("minor", 0))
              .fileMode((int) device.integer("fileMode", 0666))
              .uid((int) device.integer("uid", 0))
              .gid((int) device.integer("gid", 0))
              .build());
    }
    json.object("resources").ifPresent(resources -> linux.resources(resources(resources)));
    json.object("seccomp")
        .filter(seccomp -> !isCompiledHere(seccomp))
        .ifPresent(seccomp -> linux.seccomp(seccomp(seccomp)));
    return linux.namespaces(namespaces).devices(devices).build();
  }

  /**
   * Whether the guest's engine makes a device anyway, as the specification's default devices, or
   * has another of its own: a privileged container is given a list of all that the host has.
   */
  private static boolean madeInGuest(Json.Obj device) {
    String path = device.string("path");
    return switch (path) {
      case "/dev/null",
          "/dev/zero",
          "/dev/full",
          "/dev/random",
          "/dev/urandom",
          "/dev/tty",
          "/dev/console",
          "/dev/ptmx" ->
          true;
      default ->
          path.startsWith("/dev/pts/")
              || path.startsWith("/dev/shm/")
              || path.startsWith("/dev/mqueue/")
              || path.startsWith("/dev/fd/");
    };
  }

  static LinuxResources resources(Json.Obj json) {
    LinuxResources.Builder resources = LinuxResources.builder();
    List<LinuxDeviceCgroup> devices = new ArrayList<>();
    for (Json.Obj device : json.objects("devices")) {
      devices.add(
          LinuxDeviceCgroup.builder()
              .allow(device.bool("allow", false))
              .type(device.string("type", "a"))
              .major(device.integer("major", -1))
              .minor(device.integer("minor", -1))
              .access(device.string("access", "rwm"))
              .build());
    }
    json.object("memory")
        .ifPresent(
            memory ->
                resources.memory(
                    LinuxMemory.builder()
                        .limit(memory.integer("limit", 0))
                        .reservation(memory.integer("reservation", 0))
                        .swap(memory.integer("swap", 0))
                        .swappiness(memory.integer("swappiness", 0))
                        .disableOomKiller(memory.bool("disableOOMKiller", false))
                        .build()));
    json.object("cpu")
        .ifPresent(
            cpu ->
                resources.cpu(
                    LinuxCPU.builder()
                        .shares(cpu.integer("shares", 0))
                        .quota(cpu.integer("quota", 0))
                        .period(cpu.integer("period", 0))
                        .cpus(cpu.string("cpus"))
                        .mems(cpu.string("mems"))
                        .build()));
    json.object("pids")
        .ifPresent(
            pids -> resources.pids(LinuxPids.builder().limit(pids.integer("limit", 0)).build()));
    // Its limits of single devices name the host's, which the guest has not.
    json.object("blockIO")
        .ifPresent(
            io ->
                resources.blockIo(
                    LinuxBlockIO.builder().weight((int) io.integer("weight", 0)).build()));
    List<LinuxHugepageLimit> pages = new ArrayList<>();
    for (Json.Obj limit : json.objects("hugepageLimits")) {
      pages.add(
          LinuxHugepageLimit.builder()
              .pagesize(limit.string("pageSize"))
              .limit(limit.integer("limit", 0))
              .build());
    }
    return resources.devices(devices).hugepageLimits(pages).build();
  }

  private static LinuxSeccomp seccomp(Json.Obj json) {
    List<LinuxSyscall> syscalls = new ArrayList<>();
    for (Json.Obj rule : json.objects("syscalls")) {
      List<LinuxSeccompArg> arguments = new ArrayList<>();
      for (Json.Obj argument : rule.objects("args")) {
        arguments.add(
            LinuxSeccompArg.builder()
                .index(argument.integer("index", 0))
                .value(argument.integer("value", 0))
                .valueTwo(argument.integer("valueTwo", 0))
                .op(argument.string("op"))
                .build());
      }
      LinuxSyscall.Builder syscall =
          LinuxSyscall.builder()
              .names(rule.strings("names"))
              .action(rule.string("action"))
              .args(arguments);
      rule.integer("errnoRet").ifPresent(errno -> syscall.errnoRet((int) (long) errno));
      syscalls.add(syscall.build());
    }
    return LinuxSeccomp.builder()
        .defaultAction(json.string("defaultAction"))
        .architectures(json.strings("architectures"))
        .flags(json.strings("flags"))
        .syscalls(syscalls)
        .build();
  }
}
