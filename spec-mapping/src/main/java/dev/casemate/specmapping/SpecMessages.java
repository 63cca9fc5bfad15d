package dev.casemate.specmapping;

import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.HooksSpec;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.UserSpec;
import dev.casemate.protocol.oci.Box;
import dev.casemate.protocol.oci.Hook;
import dev.casemate.protocol.oci.Hooks;
import dev.casemate.protocol.oci.Linux;
import dev.casemate.protocol.oci.LinuxCapabilities;
import dev.casemate.protocol.oci.LinuxDevice;
import dev.casemate.protocol.oci.LinuxIDMapping;
import dev.casemate.protocol.oci.LinuxIntelRdt;
import dev.casemate.protocol.oci.LinuxNamespace;
import dev.casemate.protocol.oci.LinuxSeccomp;
import dev.casemate.protocol.oci.LinuxSeccompArg;
import dev.casemate.protocol.oci.LinuxSyscall;
import dev.casemate.protocol.oci.Mount;
import dev.casemate.protocol.oci.POSIXRlimit;
import dev.casemate.protocol.oci.Process;
import dev.casemate.protocol.oci.Root;
import dev.casemate.protocol.oci.Spec;
import dev.casemate.protocol.oci.User;
import java.util.ArrayList;
import java.util.List;

/** Records of the runtime specification as messages, as far as these have fields. */
final class SpecMessages {
  private SpecMessages() {}

  static Spec spec(dev.casemate.oci.Spec spec) {
    List<Mount> mounts = new ArrayList<>();
    for (MountSpec mount : spec.mounts()) {
      mounts.add(
          Mount.builder()
              .destination(mount.destination())
              .type(mount.type())
              .source(mount.source())
              .options(mount.options())
              .build());
    }
    Spec.Builder message =
        Spec.builder()
            .version(spec.ociVersion())
            .hostname(spec.hostname())
            .annotations(spec.annotations())
            .mounts(mounts)
            .root(Root.builder().path(spec.root().path()).readonly(spec.root().readonly()).build());
    spec.process().ifPresent(process -> message.process(process(process)));
    if (!hasNone(spec.hooks())) {
      message.hooks(hooks(spec.hooks()));
    }
    if (!spec.linux().isEmpty()) {
      message.linux(linux(spec.linux()));
    }
    return message.build();
  }

  /** None of those that the message has. */
  private static boolean hasNone(HooksSpec hooks) {
    return hooks.prestart().isEmpty() && hooks.poststart().isEmpty() && hooks.poststop().isEmpty();
  }

  static Process process(ProcessSpec process) {
    UserSpec user = process.user();
    List<POSIXRlimit> rlimits = new ArrayList<>();
    for (ProcessSpec.Rlimit limit : process.rlimits()) {
      rlimits.add(
          POSIXRlimit.builder().type(limit.type()).hard(limit.hard()).soft(limit.soft()).build());
    }
    Process.Builder message =
        Process.builder()
            .terminal(process.terminal())
            .user(
                User.builder()
                    .uid(user.uid())
                    .gid(user.gid())
                    .additionalGids(user.additionalGids())
                    .username(user.username())
                    .build())
            .args(process.args())
            .env(process.env())
            .cwd(process.cwd())
            .rlimits(rlimits)
            .noNewPrivileges(process.noNewPrivileges())
            .apparmorProfile(process.apparmorProfile())
            .oomScoreAdj(process.oomScoreAdj().orElse(0))
            .selinuxLabel(process.selinuxLabel());
    if (process.consoleSize().isPresent()) {
      ProcessSpec.ConsoleSize size = process.consoleSize().get();
      message.consoleSize(Box.builder().height(size.height()).width(size.width()).build());
    }
    if (process.capabilities().isPresent()) {
      ProcessSpec.Capabilities sets = process.capabilities().get();
      message.capabilities(
          LinuxCapabilities.builder()
              .bounding(sets.bounding())
              .effective(sets.effective())
              .inheritable(sets.inheritable())
              .permitted(sets.permitted())
              .ambient(sets.ambient())
              .build());
    }
    return message.build();
  }

  private static Hooks hooks(HooksSpec hooks) {
    return Hooks.builder()
        .prestart(hooks(hooks.prestart()))
        .poststart(hooks(hooks.poststart()))
        .poststop(hooks(hooks.poststop()))
        .build();
  }

  private static List<Hook> hooks(List<HookSpec> hooks) {
    List<Hook> messages = new ArrayList<>();
    for (HookSpec hook : hooks) {
      messages.add(
          Hook.builder()
              .path(hook.path())
              .args(hook.args())
              .env(hook.env())
              .timeout(hook.timeoutSeconds().orElse(0))
              .build());
    }
    return messages;
  }

  private static Linux linux(LinuxSpec linux) {
    List<LinuxNamespace> namespaces = new ArrayList<>();
    for (LinuxSpec.Namespace namespace : linux.namespaces()) {
      namespaces.add(
          LinuxNamespace.builder().type(namespace.type()).path(namespace.path()).build());
    }
    List<LinuxDevice> devices = new ArrayList<>();
    for (DeviceSpec device : linux.devices()) {
      devices.add(
          LinuxDevice.builder()
              .path(device.path())
              .type(device.type())
              .major(device.major())
              .minor(device.minor())
              .fileMode(device.fileMode().orElse(0))
              .uid(device.uid().orElse(0))
              .gid(device.gid().orElse(0))
              .build());
    }
    Linux.Builder message =
        Linux.builder()
            .uidMappings(mappings(linux.uidMappings()))
            .gidMappings(mappings(linux.gidMappings()))
            .sysctl(linux.sysctl())
            .cgroupsPath(linux.cgroupsPath())
            .namespaces(namespaces)
            .devices(devices)
            .rootfsPropagation(linux.rootfsPropagation())
            .maskedPaths(linux.maskedPaths())
            .readonlyPaths(linux.readonlyPaths())
            .mountLabel(linux.mountLabel());
    if (!linux.resources().isEmpty()) {
      message.resources(ResourcesMapping.toMessage(linux.resources()));
    }
    if (linux.seccomp().isPresent()) {
      message.seccomp(seccomp(linux.seccomp().get()));
    }
    if (linux.intelRdt().isPresent()) {
      message.intelRdt(
          LinuxIntelRdt.builder().l3CacheSchema(linux.intelRdt().get().l3CacheSchema()).build());
    }
    return message.build();
  }

  private static List<LinuxIDMapping> mappings(List<IdMapping> mappings) {
    List<LinuxIDMapping> messages = new ArrayList<>();
    for (IdMapping mapping : mappings) {
      messages.add(
          LinuxIDMapping.builder()
              .containerId(mapping.containerId())
              .hostId(mapping.hostId())
              .size(mapping.size())
              .build());
    }
    return messages;
  }

  private static LinuxSeccomp seccomp(SeccompSpec filter) {
    List<LinuxSyscall> syscalls = new ArrayList<>();
    for (SeccompSpec.Rule rule : filter.syscalls()) {
      List<LinuxSeccompArg> arguments = new ArrayList<>();
      for (SeccompSpec.Argument argument : rule.args()) {
        arguments.add(
            LinuxSeccompArg.builder()
                .index(argument.index() & 0xffffffffL)
                .value(argument.value())
                .valueTwo(argument.valueTwo())
                .op(argument.op())
                .build());
      }
      LinuxSyscall.Builder syscall =
          LinuxSyscall.builder().names(rule.names()).action(rule.action()).args(arguments);
      if (rule.errnoRet().isPresent()) {
        syscall.errnoRet(rule.errnoRet().get());
      }
      syscalls.add(syscall.build());
    }
    return LinuxSeccomp.builder()
        .defaultAction(filter.defaultAction())
        .architectures(filter.architectures())
        .flags(filter.flags())
        .syscalls(syscalls)
        .build();
  }
}
