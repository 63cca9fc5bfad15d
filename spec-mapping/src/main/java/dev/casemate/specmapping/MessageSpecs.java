package dev.casemate.specmapping;

import dev.casemate.base.Failures;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.HookSpec;
import dev.casemate.oci.HooksSpec;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.RootSpec;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.Spec;
import dev.casemate.oci.UserSpec;
import dev.casemate.protocol.oci.Hook;
import dev.casemate.protocol.oci.Hooks;
import dev.casemate.protocol.oci.Linux;
import dev.casemate.protocol.oci.LinuxDevice;
import dev.casemate.protocol.oci.LinuxIDMapping;
import dev.casemate.protocol.oci.LinuxNamespace;
import dev.casemate.protocol.oci.LinuxSeccomp;
import dev.casemate.protocol.oci.LinuxSeccompArg;
import dev.casemate.protocol.oci.LinuxSyscall;
import dev.casemate.protocol.oci.Mount;
import dev.casemate.protocol.oci.POSIXRlimit;
import dev.casemate.protocol.oci.Process;
import dev.casemate.protocol.oci.Root;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Messages as records of the runtime specification: 0 and empty texts are "not set". */
final class MessageSpecs {
  private MessageSpecs() {}

  static Spec spec(dev.casemate.protocol.oci.Spec spec) {
    Root root =
        spec.root()
            .orElseThrow(() -> Failures.invalid("the container's specification has no root"));
    List<MountSpec> mounts = new ArrayList<>();
    for (Mount mount : spec.mounts()) {
      mounts.add(
          new MountSpec(
              mount.destination(),
              mount.type(),
              mount.source(),
              mount.options(),
              List.of(),
              List.of()));
    }
    return new Spec(
        spec.version(),
        spec.process().map(MessageSpecs::process),
        new RootSpec(root.path(), root.readonly()),
        spec.hostname(),
        "",
        mounts,
        spec.hooks().map(MessageSpecs::hooks).orElse(HooksSpec.NONE),
        spec.annotations(),
        spec.linux().map(MessageSpecs::linux).orElse(LinuxSpec.EMPTY));
  }

  static ProcessSpec process(Process process) {
    List<ProcessSpec.Rlimit> rlimits = new ArrayList<>();
    for (POSIXRlimit limit : process.rlimits()) {
      rlimits.add(new ProcessSpec.Rlimit(limit.type(), limit.soft(), limit.hard()));
    }
    return new ProcessSpec(
        process.terminal(),
        process.consoleSize().map(size -> new ProcessSpec.ConsoleSize(size.height(), size.width())),
        process
            .user()
            .map(
                user ->
                    new UserSpec(
                        user.uid(),
                        user.gid(),
                        Optional.empty(),
                        user.additionalGids(),
                        user.username()))
            .orElse(UserSpec.ROOT),
        process.args(),
        process.env(),
        process.cwd(),
        process
            .capabilities()
            .map(
                c ->
                    new ProcessSpec.Capabilities(
                        c.bounding(), c.effective(), c.inheritable(), c.permitted(), c.ambient())),
        rlimits,
        process.noNewPrivileges(),
        process.apparmorProfile(),
        process.oomScoreAdj() == 0
            ? Optional.empty()
            : Optional.of(Math.clamp(process.oomScoreAdj(), Integer.MIN_VALUE, Integer.MAX_VALUE)),
        process.selinuxLabel(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static HooksSpec hooks(Hooks hooks) {
    return new HooksSpec(
        hooks(hooks.prestart()),
        List.of(),
        List.of(),
        List.of(),
        hooks(hooks.poststart()),
        hooks(hooks.poststop()));
  }

  private static List<HookSpec> hooks(List<Hook> hooks) {
    List<HookSpec> specs = new ArrayList<>();
    for (Hook hook : hooks) {
      specs.add(
          new HookSpec(
              hook.path(),
              hook.args(),
              hook.env(),
              hook.timeout() <= 0
                  ? Optional.empty()
                  : Optional.of((int) Math.min(hook.timeout(), Integer.MAX_VALUE))));
    }
    return specs;
  }

  private static LinuxSpec linux(Linux linux) {
    List<LinuxSpec.Namespace> namespaces = new ArrayList<>();
    for (LinuxNamespace namespace : linux.namespaces()) {
      namespaces.add(new LinuxSpec.Namespace(namespace.type(), namespace.path()));
    }
    List<DeviceSpec> devices = new ArrayList<>();
    for (LinuxDevice device : linux.devices()) {
      devices.add(
          new DeviceSpec(
              device.path(),
              device.type(),
              (int) device.major(),
              (int) device.minor(),
              device.fileMode() == 0 ? Optional.empty() : Optional.of(device.fileMode()),
              Optional.of(device.uid()),
              Optional.of(device.gid())));
    }
    return new LinuxSpec(
        namespaces,
        mappings(linux.uidMappings()),
        mappings(linux.gidMappings()),
        Map.of(),
        devices,
        linux.cgroupsPath(),
        linux.resources().map(ResourcesMapping::fromMessage).orElse(Resources.NONE),
        linux.rootfsPropagation(),
        linux.seccomp().map(MessageSpecs::seccomp),
        linux.sysctl(),
        linux.maskedPaths(),
        linux.readonlyPaths(),
        linux.mountLabel(),
        Optional.empty(),
        linux.intelRdt().map(rdt -> LinuxSpec.IntelRdt.of("", rdt.l3CacheSchema(), "")),
        Optional.empty(),
        Map.of());
  }

  private static List<IdMapping> mappings(List<LinuxIDMapping> mappings) {
    List<IdMapping> specs = new ArrayList<>();
    for (LinuxIDMapping mapping : mappings) {
      specs.add(new IdMapping(mapping.containerId(), mapping.hostId(), mapping.size()));
    }
    return specs;
  }

  private static SeccompSpec seccomp(LinuxSeccomp seccomp) {
    List<SeccompSpec.Rule> rules = new ArrayList<>();
    for (LinuxSyscall call : seccomp.syscalls()) {
      List<SeccompSpec.Argument> arguments = new ArrayList<>();
      for (LinuxSeccompArg argument : call.args()) {
        arguments.add(
            new SeccompSpec.Argument(
                (int) argument.index(), argument.value(), argument.valueTwo(), argument.op()));
      }
      rules.add(
          new SeccompSpec.Rule(call.names(), call.action(), boxed(call.errnoRet()), arguments));
    }
    return new SeccompSpec(
        seccomp.defaultAction(),
        Optional.empty(),
        seccomp.architectures(),
        seccomp.flags(),
        "",
        "",
        rules);
  }

  private static Optional<Integer> boxed(OptionalInt value) {
    return value.isPresent() ? Optional.of(value.getAsInt()) : Optional.empty();
  }
}
