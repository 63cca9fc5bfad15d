package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.cgroup.OutOfMemory;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Tty;
import dev.casemate.linux.UnixSocket;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.Spec;
import dev.casemate.seccomp.SeccompFilter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The engine's side of making a process: forks with the right namespaces, so that the process is a
 * child of this one, and follows it on its way to its exec.
 */
final class Launcher {
  private static final long BY_CLONE = ~(Processes.CLONE_NEWCGROUP | Processes.CLONE_NEWTIME);

  private Launcher() {}

  /** A process that has been forked and waits for its first go. */
  static final class Launched {
    final SyncChannel channel;
    private final boolean plainLines;
    int pid;
    String command = "";
    boolean ready;
    Optional<Fd> terminal = Optional.empty();
    List<String> warnings = List.of();

    /** Those that mounts are mapped by; they are the caller's. */
    List<Optional<Fd>> userNamespaces = List.of();

    Launched(SyncChannel channel, Stdio stdio) {
      this.channel = channel;
      this.plainLines = stdio instanceof Stdio.Terminal terminal && terminal.plainLines();
    }

    /** Takes the terminal's master, long before the command can write to the terminal. */
    private void takeTerminal() {
      terminal = channel.receiveDescriptor();
      if (plainLines && terminal.isPresent()) {
        Tty.plainLines(terminal.get());
      }
    }

    /** Ends a process that is not wanted any more, and waits for it. */
    void abandon() {
      channel.close();
      if (terminal.isPresent()) {
        terminal.get().close();
      }
      if (pid > 0) {
        Processes.killIfExists(pid, Signals.KILL);
        Processes.waitFor(pid, 0);
      }
    }
  }

  /** The descriptors that a child gets as 0, 1 and 2 at first. */
  private static List<Fd> streams(Stdio stdio, Fd nothing) {
    return switch (stdio) {
      case Stdio.Pipes pipes -> List.of(pipes.in(), pipes.out(), pipes.err());
      case Stdio.Terminal t -> List.of(nothing, nothing, nothing);
    };
  }

  private static Fd nothing() {
    return Fs.open("/dev/null", OpenFlag.READ_WRITE);
  }

  /** Forks a container's first process. */
  static Launched init(
      ContainerConfig config,
      LaunchOptions options,
      Namespaces namespaces,
      Optional<SeccompFilter> filter,
      Stdio stdio,
      List<Optional<Fd>> userNamespaces,
      Optional<Fd> gate) {
    List<Fd> given = new ArrayList<>();
    gate.ifPresent(given::add);
    boolean terminal = stdio instanceof Stdio.Terminal;
    Fd[] pair = UnixSocket.pair();
    Launched launched = new Launched(new SyncChannel(pair[0]), stdio);
    launched.userNamespaces = userNamespaces;
    try (Fd theirs = pair[1];
        Fd nothing = nothing()) {
      List<Fd> streams = streams(stdio, nothing);
      config
          .spec()
          .process()
          .ifPresent(
              first -> StreamOwner.ownPipes(streams, config.spec().linux(), first.user().uid()));
      long fresh = namespaces.fresh & BY_CLONE;
      boolean helper = namespaces.needsHelper();
      Child.Body body =
          (channel, fds) -> {
            if (helper) {
              // Below, the rights to lower it are gone; the process proper inherits it.
              OutOfMemory.adjust(
                  config.spec().process().flatMap(process -> process.oomScoreAdj()),
                  new ArrayList<>());
              joinAndPart(namespaces, config.spec(), fresh, channel);
            }
            if (!channel.awaitGo()) {
              Processes.exit(1);
            }
            Optional<Fd> kept = gate.isPresent() ? Optional.of(fds.get(0)) : Optional.empty();
            new InitProcess(config, options, namespaces, filter, terminal, channel, kept)
                .run(helper);
          };
      if (!helper && namespaces.joined.containsKey(Processes.CLONE_NEWPID)) {
        Child.hide();
      }
      Borrowed borrowed =
          helper ? Borrowed.nothing() : Borrowed.of(namespaces, config.spec().linux());
      fork(
          launched,
          borrowed,
          helper ? 0 : fresh,
          theirs,
          streams,
          options.preserved(),
          given,
          body);
    } catch (LinuxException e) {
      launched.channel.close();
      throw Failures.of("making the container's process", e);
    } catch (CasemateException e) {
      launched.channel.close();
      throw e;
    }
    if (namespaces.needsHelper()) {
      exchange(launched);
    }
    return launched;
  }

  private static void fork(
      Launched launched,
      Borrowed borrowed,
      long flags,
      Fd theirs,
      List<Fd> streams,
      List<Fd> preserved,
      List<Fd> given,
      Child.Body body) {
    try {
      launched.pid = Processes.fork(flags);
      if (launched.pid == 0) {
        Child.run(new SyncChannel(theirs), streams, preserved, given, body);
      }
    } finally {
      borrowed.close();
    }
  }

  /**
   * In the helper: joins what must be joined first, makes the process proper and ends. Which rights
   * a namespace takes depends on its owner: those of the engine do for the outside's, and for those
   * that belong to a user namespace of the engine's user the ones in there.
   */
  private static void joinAndPart(
      Namespaces namespaces, Spec spec, long fresh, SyncChannel channel) {
    Map<Long, Fd> left = new LinkedHashMap<>();
    for (Map.Entry<Long, String> namespace : namespaces.joined.entrySet()) {
      // All before the first is joined: a mount namespace would change what the paths mean.
      left.put(namespace.getKey(), InitProcess.open(namespace.getValue()));
    }
    Fd user = left.remove(Processes.CLONE_NEWUSER);
    boolean time = namespaces.isFresh(Processes.CLONE_NEWTIME);
    Optional<Fd> offsets = time ? Optional.of(Borrowed.openOffsets()) : Optional.empty();
    join(left, namespaces, user != null);
    long flags = fresh;
    if (user != null) {
      if (namespaces.joined.containsKey(Processes.CLONE_NEWPID)) {
        // Processes in there see the next one from its first moment on.
        Child.hide();
      }
      Map<Long, Fd> first = new LinkedHashMap<>();
      first.put(Processes.CLONE_NEWUSER, user);
      join(first, namespaces, false);
      InitProcess.becomeRoot(spec);
      join(left, namespaces, false);
    } else if (time) {
      Processes.unshare(Processes.CLONE_NEWUSER);
      flags &= ~Processes.CLONE_NEWUSER;
    }
    if (offsets.isPresent()) {
      Processes.unshare(Processes.CLONE_NEWTIME);
      Borrowed.offset(offsets.get(), spec.linux().timeOffsets());
    }
    part(flags, channel);
  }

  /**
   * Joins namespaces and takes them from the map.
   *
   * @param lenient whether those that are refused stay in the map
   */
  private static void join(Map<Long, Fd> left, Namespaces namespaces, boolean lenient) {
    for (Map.Entry<Long, Fd> namespace : List.copyOf(left.entrySet())) {
      try {
        Processes.joinNamespace(namespace.getValue(), namespace.getKey());
      } catch (LinuxException e) {
        if (lenient && e.errno() == Errno.EPERM) {
          continue;
        }
        throw Failures.of("joining namespace " + namespaces.joined.get(namespace.getKey()), e);
      }
      left.remove(namespace.getKey());
    }
  }

  /** Forks a sibling, says its pid and ends; returns in the sibling. */
  private static void part(long flags, SyncChannel channel) {
    int pid = Processes.fork(flags | Processes.CLONE_PARENT);
    if (pid != 0) {
      channel.send(SyncChannel.PID, Integer.toString(pid));
      Processes.exit(0);
    }
  }

  /** Takes the pid of the process proper from the helper, and waits for the helper. */
  private static void exchange(Launched launched) {
    int helper = launched.pid;
    launched.pid = 0;
    SyncChannel.Message message = launched.channel.receive();
    if (message.type() == SyncChannel.PID) {
      launched.pid = Integer.parseInt(message.text());
    }
    Processes.waitFor(helper, 0);
    if (launched.pid == 0) {
      launched.channel.close();
      throw message.type() == SyncChannel.ERROR
          ? SyncChannel.error(message)
          : CasemateException.of(
              CasemateException.Kind.INTERNAL, "the container's helper process has died");
    }
  }

  /**
   * Forks a further process of a container.
   *
   * @param init its first process's pidfd
   * @param root its root, if its mounts are the engine's
   */
  static Launched exec(
      ContainerConfig config,
      long namespaces,
      LaunchOptions options,
      dev.casemate.oci.ProcessSpec process,
      Optional<SeccompFilter> filter,
      Stdio stdio,
      Fd init,
      Optional<Fd> root) {
    boolean terminal = stdio instanceof Stdio.Terminal;
    boolean helper = (namespaces & Processes.CLONE_NEWUSER) != 0;
    Fd[] pair = UnixSocket.pair();
    Launched launched = new Launched(new SyncChannel(pair[0]), stdio);
    launched.command = process.args().get(0);
    try (Fd theirs = pair[1];
        Fd nothing = nothing()) {
      List<Fd> streams = streams(stdio, nothing);
      StreamOwner.ownPipes(streams, config.spec().linux(), process.user().uid());
      Child.Body body =
          (channel, fds) -> {
            long toJoin = namespaces & ~Processes.CLONE_NEWPID;
            if (helper) {
              OutOfMemory.adjust(process.oomScoreAdj(), new ArrayList<>());
              Child.hide();
              // All at once: those outside of the user namespace need the rights that end with it.
              Processes.joinNamespace(fds.get(0), namespaces);
              InitProcess.becomeRoot(config.spec());
              part(0, channel);
              toJoin = 0;
            }
            new ExecProcess(config, process, filter, terminal, options, channel)
                .run(
                    fds.get(0),
                    root.isPresent() ? Optional.of(fds.get(1)) : Optional.empty(),
                    toJoin);
          };
      boolean bornInside = !helper && (namespaces & Processes.CLONE_NEWPID) != 0;
      if (bornInside) {
        // The container sees the child from the first moment on. Children inherit this.
        Child.hide();
      }
      Borrowed borrowed = bornInside ? Borrowed.pid(init) : Borrowed.nothing();
      List<Fd> given = new ArrayList<>(List.of(init));
      root.ifPresent(given::add);
      fork(launched, borrowed, 0, theirs, streams, options.preserved(), given, body);
    } catch (LinuxException e) {
      launched.channel.close();
      // A pid namespace whose first process is gone takes no more: ESRCH by setns, ENOMEM by clone.
      if (e.errno() == Errno.ESRCH || (e.errno() == Errno.ENOMEM && e.call().equals("clone"))) {
        throw Failures.precondition("the container is not running; start it first");
      }
      throw Failures.of("making a process in the container", e);
    }
    if (helper) {
      exchange(launched);
    }
    return launched;
  }

  /** Follows a process until it is ready; with {@code toEnd} until it has executed its command. */
  static void follow(Launched launched, boolean toEnd, ContainerConfig config) {
    while (true) {
      SyncChannel.Message message = launched.channel.receive();
      switch (message.type()) {
        case SyncChannel.TERMINAL -> launched.takeTerminal();
        case SyncChannel.OPEN -> Outside.answerOpen(launched.channel, message, config);
        case SyncChannel.DEVICE -> Outside.answerDevice(launched.channel, message, config);
        case SyncChannel.MAKE -> Outside.answerMake(launched.channel, message, config);
        case SyncChannel.MAP, SyncChannel.MAP_ALL ->
            Outside.answerMap(
                launched.channel, message, config.spec().mounts(), launched.userNamespaces);
        case SyncChannel.READY -> {
          launched.warnings = SyncChannel.warnings(message);
          launched.ready = true;
          if (!toEnd) {
            return;
          }
        }
        case SyncChannel.HOOKS -> {
          Hooks.run("prestart", config.spec().hooks().prestart(), config, launched.pid, "creating");
          Hooks.run(
              "createRuntime",
              config.spec().hooks().createRuntime(),
              config,
              launched.pid,
              "creating");
          launched.channel.go();
        }
        case SyncChannel.LISTENER -> {
          SeccompListener.forward(launched.pid, message, config);
          launched.channel.go();
        }
        case SyncChannel.ERROR -> throw SyncChannel.error(message);
        case SyncChannel.EXEC_FAILED -> throw FinalExec.failure(message, launched.command);
        default -> {
          if (launched.ready) {
            return;
          }
          throw died(launched);
        }
      }
    }
  }

  /** Follows a container's first process from its start until it has executed its command. */
  static void followStart(SyncChannel channel, int pid, Supplier<ContainerConfig> config) {
    while (true) {
      SyncChannel.Message message = channel.receive();
      switch (message.type()) {
        case SyncChannel.LISTENER -> {
          SeccompListener.forward(pid, message, config.get());
          channel.go();
        }
        case SyncChannel.HOOK_LISTENER -> {
          try (Fd hook = channel.receiveDescriptor().orElseThrow(Launcher::withoutHook)) {
            SeccompListener.forward(hook, pid, message, config.get());
          }
          channel.go();
        }
        case SyncChannel.ERROR -> throw SyncChannel.error(message);
        case SyncChannel.EXEC_FAILED -> throw FinalExec.failure(message, command(config.get()));
        default -> {
          return;
        }
      }
    }
  }

  private static CasemateException withoutHook() {
    return CasemateException.of(
        CasemateException.Kind.INTERNAL, "a hook's process has not been passed on");
  }

  private static String command(ContainerConfig config) {
    return config.spec().process().map(process -> process.args().get(0)).orElse("");
  }

  private static CasemateException died(Launched launched) {
    WaitStatus status = Processes.waitFor(launched.pid, 0).orElseThrow();
    launched.pid = 0;
    return CasemateException.of(
        CasemateException.Kind.INTERNAL,
        "the container's process has ended before its command, with "
            + (status.exited() ? "exit code " : "signal ")
            + (status.exited() ? status.exitStatus() : status.signal())
            + (status.signal() == Signals.KILL ? "; was its memory limit too small?" : ""));
  }
}
