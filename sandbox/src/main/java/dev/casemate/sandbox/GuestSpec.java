package dev.casemate.sandbox;

import dev.casemate.base.Failures;
import dev.casemate.linux.Text;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.RootSpec;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.StringUser;
import dev.casemate.seccomp.CompiledSeccomp;
import dev.casemate.specmapping.SpecMapping;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What the guest gets of a bundle's {@code config.json}. What belongs to the host stays on it:
 *
 * <ul>
 *   <li>the hooks of the runtime's namespaces, which {@link HostHooks} runs;
 *   <li>paths of the host's namespaces (a pod's containers join the pod's user namespace in the
 *       VM), and the namespaces that are the VM itself: the network's, a pod's for IPC and host
 *       name;
 *   <li>the nodes of devices that the guest's engine makes anyway;
 *   <li>with a warning that names the field: {@code apparmorProfile}, {@code selinuxLabel}, {@code
 *       mountLabel} (security modules), {@code intelRdt}, {@code memoryPolicy}, the marks of
 *       packets ({@code resources.network}), {@code rdma}, the limits of single devices in {@code
 *       blockIO}, in a pod the {@code domainname}, annotations that only Casemate may set, and the
 *       one that keeps the engine's groups;
 *   <li>refused: a {@code seccomp.listenerPath}, and {@code netDevices}.
 * </ul>
 *
 * <p>All else is carried as it is. Mounts are handed over by the caller, who knows where the host's
 * directories appear in the guest.
 */
final class GuestSpec {
  private GuestSpec() {}

  /**
   * The guest's specification.
   *
   * @param rootPath the container's root in the guest
   * @param mounts with sources that the guest has
   * @param warnings receives what is left out
   */
  static Spec of(
      Spec spec,
      String rootPath,
      List<MountSpec> mounts,
      NamespaceScope scope,
      Consumer<String> warnings) {
    Spec guest =
        spec.withRoot(new RootSpec(rootPath, spec.root().readonly()))
            .withMounts(mounts)
            .withHooks(spec.hooks().ofContainer())
            .withAnnotations(annotations(spec, warnings))
            .withLinux(linux(spec.linux(), scope, warnings));
    if (spec.process().isPresent()) {
      guest = guest.withProcess(process(spec.process().get(), warnings));
    }
    if (spec.linux().namespace("user").isPresent()
        && spec.process()
            .flatMap(ProcessSpec::capabilities)
            .filter(sets -> sets.effective().contains("CAP_NET_ADMIN"))
            .isPresent()) {
      warnings.accept(
          "process.capabilities CAP_NET_ADMIN has no effect on the VM's network, which is outside"
              + " of the container's user namespace");
    }
    if (scope.pod()) {
      // A pod's name is the VM's.
      if (!spec.domainname().isEmpty()) {
        left(warnings, "domainname", spec.domainname(), "a pod's containers share the VM's names");
      }
      guest = guest.withHostname("").withDomainname("");
    }
    return guest;
  }

  private static void left(Consumer<String> warnings, String field, String value, String why) {
    warnings.accept(
        field + (value.isEmpty() ? "" : " \"" + value + "\"") + " is not passed to the VM: " + why);
  }

  /** The bundle's annotations, and its system call filter compiled. */
  private static Map<String, String> annotations(Spec spec, Consumer<String> warnings) {
    Map<String, String> annotations = new LinkedHashMap<>(spec.annotations());
    for (String own : List.of(CompiledSeccomp.ANNOTATION, SpecMapping.REST)) {
      if (annotations.remove(own) != null) {
        left(warnings, "annotation " + own, "", "only Casemate sets it");
      }
    }
    if (annotations.remove(Spec.KEEP_GROUPS) != null) {
      left(
          warnings,
          "annotation " + Spec.KEEP_GROUPS,
          "",
          "the engine's groups have no process there; use process.user.additionalGids");
    }
    Optional<SeccompSpec> seccomp = spec.linux().seccomp();
    if (seccomp.isPresent() && isCompiledHere(seccomp.get())) {
      annotations.put(CompiledSeccomp.ANNOTATION, CompiledSeccomp.text(seccomp.get()));
    }
    return annotations;
  }

  private static boolean isCompiledHere(SeccompSpec seccomp) {
    return seccomp.listenerPath().isEmpty();
  }

  /** The user that the guest must look up in the container's own files, if it is given by name. */
  static Optional<StringUser> user(ProcessSpec process) {
    String name = process.user().username();
    if (name.isEmpty()) {
      return Optional.empty();
    }
    // user:group:additional,groups, as the owner of the sandbox wrote it.
    int colon = name.indexOf(':');
    String groups = colon < 0 ? "" : name.substring(colon + 1);
    int second = groups.indexOf(':');
    return Optional.of(
        StringUser.builder()
            .uid(colon < 0 ? name : name.substring(0, colon))
            .gid(second < 0 ? groups : groups.substring(0, second))
            .additionalGids(second < 0 ? List.of() : Text.split(groups.substring(second + 1), ','))
            .build());
  }

  /**
   * The process with a terminal or without, as the request has its streams. That is what engines go
   * by: CRI-O says it there only.
   */
  static ProcessSpec withTerminal(ProcessSpec process, boolean terminal) {
    return process.terminal() == terminal
        ? process
        : process.withTerminal(terminal, terminal ? process.consoleSize() : Optional.empty());
  }

  /** A process for the guest: without labels of the host's security modules. */
  static ProcessSpec process(ProcessSpec process, Consumer<String> warnings) {
    ProcessSpec guest = process;
    if (process.cwd().isEmpty()) {
      guest = guest.withCwd("/");
    }
    if (!process.apparmorProfile().isEmpty()) {
      left(
          warnings, "process.apparmorProfile", process.apparmorProfile(), "it belongs to the host");
      guest = guest.withApparmorProfile("");
    }
    if (!process.selinuxLabel().isEmpty()) {
      left(warnings, "process.selinuxLabel", process.selinuxLabel(), "it belongs to the host");
      guest = guest.withSelinuxLabel("");
    }
    return guest;
  }

  private static LinuxSpec linux(LinuxSpec linux, NamespaceScope scope, Consumer<String> warnings) {
    List<LinuxSpec.Namespace> namespaces = new ArrayList<>();
    for (LinuxSpec.Namespace namespace : linux.namespaces()) {
      String type = namespace.type();
      // The VM is the network, and a pod's IPC and host name. Its clock is the container's unless
      // that has offsets of its own. A path is one of the host's.
      boolean machine =
          type.equals("network")
              || (type.equals("time") && linux.timeOffsets().isEmpty())
              || (scope.pod() && (type.equals("ipc") || type.equals("uts")))
              || (scope.pids() == NamespaceScope.Pids.MACHINE && type.equals("pid"));
      if (!machine) {
        boolean shared = scope.pod() && type.equals("user");
        namespaces.add(new LinuxSpec.Namespace(type, shared ? GuestContract.USER_NAMESPACE : ""));
      }
    }
    // An engine on a host with version 1 of control groups asks for none, and its container would
    // look for its limits at the host's path. The VM has no groups that are to be hidden or shown.
    LinuxSpec.Namespace groups = new LinuxSpec.Namespace("cgroup", "");
    if (!namespaces.contains(groups)) {
      namespaces.add(groups);
    }
    List<DeviceSpec> devices = new ArrayList<>();
    for (DeviceSpec device : linux.devices()) {
      if (!madeInGuest(device.path())) {
        devices.add(device);
      }
    }
    if (!linux.mountLabel().isEmpty()) {
      left(warnings, "linux.mountLabel", linux.mountLabel(), "it belongs to the host");
    }
    if (linux.intelRdt().isPresent()) {
      left(
          warnings,
          "linux.intelRdt",
          linux.intelRdt().get().closId(),
          "classes of cache and memory bandwidth belong to the host");
    }
    if (linux.memoryPolicy().isPresent()) {
      left(
          warnings,
          "linux.memoryPolicy",
          linux.memoryPolicy().get().mode(),
          "its memory nodes are the host's");
    }
    if (!linux.netDevices().isEmpty()) {
      throw Failures.invalid(
          "linux.netDevices \""
              + linux.netDevices().keySet().iterator().next()
              + "\": a device of the host cannot be in a VM; remove it, and attach a network");
    }
    return linux
        .withMemoryPolicy(Optional.empty())
        .withNamespaces(namespaces)
        .withDevices(devices)
        .withMountLabel("")
        .withIntelRdt(Optional.empty())
        .withResources(resources(linux.resources(), warnings))
        .withSeccomp(seccomp(linux));
  }

  /** The filter that the guest itself is to compile: none, or one that it will refuse. */
  private static Optional<SeccompSpec> seccomp(LinuxSpec linux) {
    if (linux.seccomp().isPresent() && !isCompiledHere(linux.seccomp().get())) {
      throw Failures.invalid(
          "linux.seccomp.listenerPath \""
              + linux.seccomp().get().listenerPath()
              + "\": a listener on the host cannot serve a VM's system calls; remove it and the"
              + " rules with SCMP_ACT_NOTIFY");
    }
    return Optional.empty();
  }

  /**
   * Whether the guest's engine makes a device anyway, as the specification's default devices, or
   * has another of its own: a privileged container is given a list of all that the host has.
   */
  private static boolean madeInGuest(String path) {
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

  /** Limits for the guest: without those that name what only the host has. */
  static Resources resources(Resources limits, Consumer<String> warnings) {
    Resources guest = limits;
    Resources.BlockIo io = limits.blockIo();
    if (!io.weightDevices().isEmpty()
        || !io.readBps().isEmpty()
        || !io.writeBps().isEmpty()
        || !io.readIops().isEmpty()
        || !io.writeIops().isEmpty()) {
      left(warnings, "linux.resources.blockIO of single devices", "", "they belong to the host");
      guest =
          guest.withBlockIo(
              new Resources.BlockIo(
                  io.weight(),
                  io.leafWeight(),
                  List.of(),
                  List.of(),
                  List.of(),
                  List.of(),
                  List.of()));
    }
    if (!limits.network().isEmpty()) {
      left(warnings, "linux.resources.network", "", "the host does not see a VM's classes");
      guest = guest.withNetwork(Resources.NONE.network());
    }
    if (!limits.rdma().isEmpty()) {
      left(warnings, "linux.resources.rdma", "", "its devices belong to the host");
      guest = guest.withRdma(Map.of());
    }
    return guest;
  }
}
