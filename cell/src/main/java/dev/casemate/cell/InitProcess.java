package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.cgroup.OutOfMemory;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Identity;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Loopback;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Scheduling;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.HooksSpec;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import dev.casemate.seccomp.SeccompFilter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The first process of a container, from its fork to its exec. */
final class InitProcess {
  private final ContainerConfig config;
  private final LaunchOptions options;
  private final Namespaces namespaces;
  private final Optional<SeccompFilter> filter;
  private final boolean terminal;
  private final SyncChannel channel;
  private final Optional<Fd> gate;
  private final List<String> warnings = new ArrayList<>();

  InitProcess(
      ContainerConfig config,
      LaunchOptions options,
      Namespaces namespaces,
      Optional<SeccompFilter> filter,
      boolean terminal,
      SyncChannel channel,
      Optional<Fd> gate) {
    this.config = config;
    this.options = options;
    this.gate = gate;
    this.namespaces = namespaces;
    this.filter = filter;
    this.terminal = terminal;
    this.channel = channel;
  }

  /** Does not return but by an exception. */
  void run(boolean joined) {
    Spec spec = config.spec();
    LinuxSpec linux = spec.linux();
    ProcessSpec process = spec.process().orElseGet(InitProcess::nothing);
    HooksSpec hooks = spec.hooks();
    String step = "namespaces";
    Labels labels;
    try {
      if (!joined) {
        join(namespaces.joined);
      }
      if (namespaces.has(Processes.CLONE_NEWUSER)) {
        step = "user namespace";
        becomeRoot(spec);
      }
      if (!namespaces.isFresh(Processes.CLONE_NEWPID)) {
        Child.hide();
      }
      // The CPUs that the caller restricts itself to are no matter of the container's.
      step = "CPU affinity";
      Scheduling.everyCpu();
      step = "session";
      Processes.newSession();
      if (options.newKeyring()) {
        Keyring.join(warnings);
      }
      Processes.fileModeMask(0);
      step = "cgroup namespace";
      if (namespaces.isFresh(Processes.CLONE_NEWCGROUP)) {
        Processes.unshare(Processes.CLONE_NEWCGROUP);
      }
      step = "host name";
      nameHost(spec);
      step = "loopback interface";
      if (namespaces.isFresh(Processes.CLONE_NEWNET)) {
        Loopback.up();
      }
      Sysctls.apply(linux.sysctl(), namespaces, config.ownKernel());
      step = "oom_score_adj";
      OutOfMemory.adjust(process.oomScoreAdj(), warnings);
      labels = Labels.open(process, config.ownKernel(), warnings);
    } catch (LinuxException e) {
      throw Failures.of(step, e);
    }
    buildRoot(process, hooks);
    ProcessSetup setup =
        new ProcessSetup(
            process, config, filter, options.preserved().size(), channel, labels, warnings);
    EndingSignals signals = EndingSignals.hold();
    setup.execute(
        (environment, last) -> {
          awaitGo(signals);
          if (gate.isPresent()) {
            try (Fd listener = gate.get()) {
              signals.await(listener);
              channel.replace(UnixSocket.accept(listener));
            }
            awaitGo(signals);
          }
          signals.release();
          Hooks.inContainer(hooks.startContainer(), config, environment, last, channel);
        });
  }

  /** Stands for the process of a container that has none: it cannot be started. */
  private static ProcessSpec nothing() {
    return ProcessSpec.of(List.of(), List.of(), "/");
  }

  private void awaitGo(EndingSignals signals) {
    signals.await(channel.socket());
    awaitGo();
  }

  private void awaitGo() {
    if (!channel.awaitGo()) {
      Processes.exit(1);
    }
  }

  private void buildRoot(ProcessSpec process, HooksSpec hooks) {
    try {
      Rootfs rootfs = Rootfs.open(config, namespaces, new Outside(channel));
      rootfs.mount();
      if (terminal) {
        try (Fd ptmx = terminals(rootfs.paths());
            Fd slave = Terminals.attach(ptmx.procPath(), process, channel)) {
          Terminals.bindConsole(slave, rootfs.paths());
        }
      }
      rootfs.makeWorkingDirectory(process.cwd());
      if (!hooks.prestart().isEmpty() || !hooks.createRuntime().isEmpty()) {
        channel.send(SyncChannel.HOOKS, "");
        awaitGo();
      }
      Hooks.inMounts(hooks.createContainer(), config, rootfs.paths().root());
      rootfs.protect();
      rootfs.enter(options.noPivot());
    } catch (LinuxException e) {
      throw Failures.of("root file system", e);
    }
  }

  private static Fd terminals(RootPaths paths) {
    Optional<Fd> ptmx = paths.find("/dev/pts/ptmx");
    if (ptmx.isPresent() && Terminals.isPty(ptmx.get())) {
      return ptmx.get();
    }
    ptmx.ifPresent(Fd::close);
    throw Failures.invalid(
        "process.terminal needs a devpts on /dev/pts, which mounts does not have; add it");
  }

  /** Enters namespaces by path; that of pids is the caller's business. */
  static void join(Map<Long, String> namespaces) {
    for (Map.Entry<Long, String> namespace : namespaces.entrySet()) {
      if (namespace.getKey() == Processes.CLONE_NEWPID) {
        continue;
      }
      try (Fd fd = open(namespace.getValue())) {
        Processes.joinNamespace(fd, namespace.getKey());
      } catch (LinuxException e) {
        throw Failures.of("joining namespace " + namespace.getValue(), e);
      }
    }
  }

  static Fd open(String path) {
    try {
      return Fs.open(path, 0);
    } catch (LinuxException e) {
      throw Failures.of("opening namespace " + path, e);
    }
  }

  /** Takes the ids that the engine has mapped; until then the process has the overflow ids. */
  static void becomeRoot(Spec spec) {
    try {
      if (!spec.keepsGroups()) {
        Identity.groups(List.of());
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPERM) {
        throw e;
      }
    }
    try {
      Identity.gid(0);
      Identity.uid(0);
    } catch (LinuxException e) {
      // A map without 0 leaves the process what it is; it has all rights in there all the same.
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
    }
  }

  private void nameHost(Spec spec) {
    if (spec.hostname().isEmpty() && spec.domainname().isEmpty()) {
      return;
    }
    if (!namespaces.has(Processes.CLONE_NEWUTS)) {
      throw Failures.invalid(
          "hostname or domainname without a \"uts\" namespace; add one or remove them");
    }
    if (!spec.hostname().isEmpty()) {
      Processes.hostname(spec.hostname());
    }
    if (!spec.domainname().isEmpty()) {
      Processes.domainname(spec.domainname());
    }
  }
}
