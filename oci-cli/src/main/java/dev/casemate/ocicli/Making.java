package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Tty;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What {@code create}, {@code run}, {@code exec} and {@code restore} share. */
final class Making {
  private static final int PRESERVE_LIMIT = 1024;
  private static final int PID_FILE_MODE = 0644;

  static final Option BUNDLE =
      Option.value("bundle", 'b', "DIR", "bundle directory (default: the working directory)");
  static final Option CONSOLE_SOCKET =
      Option.value("console-socket", "SOCKET", "unix socket that gets the terminal's master");
  static final Option PIDFD_SOCKET =
      Option.value("pidfd-socket", "SOCKET", "unix socket that gets a pidfd of the process");
  static final Option PID_FILE = Option.value("pid-file", "FILE", "file to write the pid to");
  static final Option NO_PIVOT =
      Option.flag("no-pivot", "move the root instead of using pivot_root, for a root on a ramdisk");
  static final Option NO_NEW_KEYRING =
      Option.flag("no-new-keyring", "keep the caller's session keyring");
  static final Option PRESERVE_FDS =
      Option.value(
          "preserve-fds", "N", "pass N additional file descriptors, from 3 on, to the process");

  private Making() {}

  /** What is asked for: checked, and the bundle read. */
  static Engine.Creation creation(String command, Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(command, 1, 1).getFirst());
    if (session.systemdCgroup()) {
      refuseSystemd();
    }
    String bundle = Paths.absolute(arguments.last("bundle", "."));
    Spec spec = Bundle.read(bundle);
    int listenFds = listenFds();
    if (listenFds > 0 && spec.process().isPresent()) {
      spec = spec.withProcess(withListenFds(spec.process().get(), listenFds));
    }
    return new Engine.Creation(
        id,
        bundle,
        spec,
        arguments.has("no-pivot"),
        arguments.has("no-new-keyring"),
        listenFds + preserveFds(arguments, listenFds),
        false);
  }

  private static void refuseSystemd() {
    throw CasemateException.of(
        Kind.FAILED_PRECONDITION,
        (Fs.exists("/run/systemd/system")
                ? "control groups are made without systemd"
                : "systemd not running on this host, cannot use systemd cgroups manager")
            + "; leave out --systemd-cgroup, and tell the engine to use the \"cgroupfs\" driver");
  }

  /** Sockets that systemd gives to services, from 3 on (sd_listen_fds(3)). */
  static int listenFds() {
    String text = System.getenv("LISTEN_FDS");
    if (text == null || text.isEmpty()) {
      return 0;
    }
    try {
      int count = Integer.parseInt(text);
      if (count >= 0 && count <= PRESERVE_LIMIT) {
        return count;
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "environment variable LISTEN_FDS is \""
            + text
            + "\", expected a number from 0 to "
            + PRESERVE_LIMIT
            + "; correct or unset it");
  }

  /** Announces them as systemd does; the process is the first of its pid namespace. */
  private static ProcessSpec withListenFds(ProcessSpec process, int count) {
    List<String> environment = new ArrayList<>(process.env());
    environment.add("LISTEN_FDS=" + count);
    environment.add("LISTEN_PID=1");
    return process.withEnv(environment);
  }

  /** The descriptors to pass on, behind those of systemd; each must be open. */
  static int preserveFds(Arguments arguments, int listenFds) {
    int count = arguments.number("preserve-fds", 0, PRESERVE_LIMIT).orElse(0L).intValue();
    for (int fd = 3; fd < 3 + listenFds + count; fd++) {
      if (!Fd.isValid(fd)) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            (fd < 3 + listenFds ? "LISTEN_FDS=" + listenFds : "--preserve-fds " + count)
                + ": descriptor "
                + fd
                + " is not open; open it or pass less");
      }
    }
    return count;
  }

  /** Refuses a detached terminal without a console socket, and a socket without a terminal. */
  static void checkTerminal(
      Optional<ProcessSpec> process, boolean detach, Optional<String> consoleSocket) {
    boolean terminal = process.isPresent() && process.get().terminal();
    if (detach && terminal && consoleSocket.isEmpty()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "cannot allocate tty if the process is detached without setting console socket; give"
              + " --console-socket, or take out process.terminal");
    }
    if (consoleSocket.isPresent() && (!detach || !terminal)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "cannot use console socket if the process is not detached or has no terminal; leave out"
              + " --console-socket, or set process.terminal");
    }
  }

  /**
   * A process in the foreground begins with the size of our terminal: set later it may have looked
   * already.
   */
  static ProcessSpec withOurSize(ProcessSpec process) {
    if (!process.terminal() || !Tty.isTerminal(Fd.STDIN)) {
      return process;
    }
    Tty.Size size = Tty.size(Fd.STDIN);
    return process.withTerminal(
        true, Optional.of(new ProcessSpec.ConsoleSize(size.rows(), size.columns())));
  }

  /** Whether what a process in the foreground prints goes to no terminal, which wants CR LF. */
  static boolean wantsPlainLines() {
    return !Tty.isTerminal(Fd.STDOUT);
  }

  /** Sends the terminal's master to the listener of the socket (runc's docs/terminals.md). */
  static void sendConsole(Optional<String> consoleSocket, Engine.Running process) {
    if (consoleSocket.isEmpty()) {
      return;
    }
    Fd master =
        process
            .terminal()
            .orElseThrow(
                () -> CasemateException.of(Kind.INTERNAL, "the process has got no terminal"));
    try (Fd socket = UnixSocket.connect(consoleSocket.get())) {
      UnixSocket.sendDescriptors(socket, List.of(master));
    }
  }

  /** Sends a pidfd of the process to the listener of the socket: no pid is taken for it. */
  static void sendPidfd(Arguments arguments, Engine.Running process) {
    String path = arguments.last("pidfd-socket", "");
    if (path.isEmpty()) {
      return;
    }
    try (Fd socket = UnixSocket.connect(path)) {
      UnixSocket.sendDescriptors(socket, List.of(process.ended()));
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "--pidfd-socket " + path + ": " + e.getMessage() + "; let a program listen there",
          e);
    }
  }

  /** Writes the pid, so that a reader sees all of it or nothing. */
  static void writePid(Optional<String> pidFile, int pid) {
    if (pidFile.isEmpty()) {
      return;
    }
    String path = Paths.absolute(pidFile.get());
    int slash = path.lastIndexOf('/');
    String temporary =
        path.substring(0, slash + 1)
            + "."
            + path.substring(slash + 1)
            + "."
            + Processes.currentPid();
    try {
      FileContent.write(
          temporary, Integer.toString(pid).getBytes(StandardCharsets.US_ASCII), PID_FILE_MODE);
      Fs.rename(temporary, path);
    } catch (LinuxException e) {
      Fs.unlinkIfExists(temporary);
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "writing the pid file: " + e.getMessage(), e);
    }
  }

  /** Tells what the kernel refused. */
  static void warn(Session session, List<String> warnings) {
    for (String warning : warnings) {
      session.log().warning(warning);
    }
  }

  /** Takes back a container that was made when a later step has failed. */
  static void undo(Session session, String id) {
    try {
      session.engine().delete(id, true);
    } catch (CasemateException | LinuxException e) {
      session.log().warning("removing container " + id + " again: " + e.getMessage());
    }
  }
}
