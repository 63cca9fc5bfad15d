package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.WaitStatus;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Runs the distribution's tools that the set-up path leans on: apt, dpkg-deb, xz, zstd, make. */
final class Tool {
  /** Where tools are looked for, whatever {@code PATH} says: what runs here runs as root. */
  static final String SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private static final int CHUNK = 64 * 1024;

  /**
   * What a tool left: its exit status and what it wrote to standard output and to standard error.
   */
  static final class Result {
    private final int status;
    private final byte[] output;
    private final String errors;

    private Result(int status, byte[] output, String errors) {
      this.status = status;
      this.output = output;
      this.errors = errors;
    }

    /** The exit status, or 128 and the signal's number. */
    int status() {
      return status;
    }

    byte[] output() {
      return output;
    }

    String text() {
      return new String(output, StandardCharsets.UTF_8);
    }

    String errors() {
      return errors;
    }

    boolean ok() {
      return status == 0;
    }
  }

  private Tool() {}

  static boolean isInstalled(String name) {
    return !Spawn.find(name, SEARCH_PATH).isEmpty();
  }

  /** Where a tool lies, or a FAILED_PRECONDITION that names the package to install. */
  static String require(String name, String debianPackage) {
    String path = Spawn.find(name, SEARCH_PATH);
    if (path.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "The tool '"
              + name
              + "' is required but not installed (looked in "
              + SEARCH_PATH
              + "). On Debian: apt-get install -y "
              + debianPackage);
    }
    return path;
  }

  /** Runs a tool, given by its absolute path, to its end with {@code input} as standard input. */
  static Result run(Path directory, byte[] input, List<String> command) {
    try (Fd in = input(input);
        Pipe output = Pipe.open();
        Pipe errors = Pipe.open()) {
      int pid = start(directory, command, in, output.write(), errors.write());
      output.write().close();
      errors.write().close();
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      drain(output.read(), out, errors.read(), err);
      WaitStatus status = Processes.waitFor(pid, 0).orElseThrow();
      return new Result(
          exitStatus(status), out.toByteArray(), err.toString(StandardCharsets.UTF_8).strip());
    }
  }

  static Result run(Path directory, List<String> command) {
    return run(directory, new byte[0], command);
  }

  /** Starts a tool whose output, errors included, is appended to {@code log}. */
  static Running start(Path directory, Path log, List<String> command) {
    try (Fd in = input(new byte[0]);
        Fd out =
            Fs.open(
                log.toString(), OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.APPEND, 0600)) {
      return new Running(start(directory, command, in, out, out));
    }
  }

  private static int start(Path directory, List<String> command, Fd in, Fd out, Fd err) {
    List<String> environment = new ArrayList<>();
    for (String variable : Processes.environment()) {
      if (!variable.startsWith("LC_ALL=")
          && !variable.startsWith("PATH=")
          && !variable.startsWith("MAKEFLAGS=")) {
        environment.add(variable);
      }
    }
    environment.add("LC_ALL=C.UTF-8");
    environment.add("PATH=" + SEARCH_PATH);
    try {
      return Spawn.program(command.getFirst(), command)
          .environment(environment)
          .workingDirectory(directory.toString())
          .stdio(in, out, err)
          .start();
    } catch (LinuxException e) {
      throw Failure.of("run " + String.join(" ", command), e);
    }
  }

  private static Fd input(byte[] content) {
    if (content.length == 0) {
      return Fs.open("/dev/null", OpenFlag.READ_ONLY);
    }
    try (NativeBuffer name = NativeBuffer.ofString("casemate-tool-input")) {
      Fd fd =
          Fd.of(
              (int)
                  SystemCall.check(
                      SystemCall.raw(SystemCall.MEMFD_CREATE, name.address(), 1),
                      "memfd_create",
                      ""));
      fd.writeAll(content);
      FileContent.seek(fd, 0, 0);
      return fd;
    }
  }

  private static void drain(
      Fd first, ByteArrayOutputStream firstInto, Fd second, ByteArrayOutputStream secondInto) {
    byte[] chunk = new byte[CHUNK];
    int[] fds = {first.number(), second.number()};
    int[] events = {Poll.IN, Poll.IN};
    while (fds[0] >= 0 || fds[1] >= 0) {
      int[] ready = Poll.await(fds, events, -1);
      if (ready[0] != 0 && !copy(first, chunk, firstInto)) {
        fds[0] = -1;
      }
      if (ready[1] != 0 && !copy(second, chunk, secondInto)) {
        fds[1] = -1;
      }
    }
  }

  private static boolean copy(Fd from, byte[] chunk, ByteArrayOutputStream into) {
    int n = from.read(chunk, 0, chunk.length);
    if (n > 0) {
      into.write(chunk, 0, n);
    }
    return n != Fd.END;
  }

  private static int exitStatus(WaitStatus status) {
    return status.exited() ? status.exitStatus() : 128 + status.signal();
  }

  /** A tool that runs; closing it ends the tool. */
  static final class Running implements AutoCloseable {
    private static final int SIGTERM = 15;
    private final int pid;
    private boolean reaped;

    private Running(int pid) {
      this.pid = pid;
    }

    /** The exit status, or empty when it still runs after {@code millis}. */
    Optional<Integer> await(int millis) {
      try (Fd process = Processes.openPid(pid)) {
        Poll.await(process, Poll.IN, millis);
      }
      Optional<WaitStatus> status = Processes.waitFor(pid, Processes.WNOHANG);
      reaped = status.isPresent();
      return status.map(Tool::exitStatus);
    }

    @Override
    public void close() {
      if (!reaped) {
        Processes.killIfExists(pid, SIGTERM);
        Processes.waitFor(pid, 0);
        reaped = true;
      }
    }
  }
}
