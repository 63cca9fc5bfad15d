package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.Processes;
import dev.casemate.linux.TinyExecutable;
import dev.casemate.seccomp.SeccompFilter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The last step of a process of a container: it becomes a command of the container, by way of a
 * program of a few hundred bytes that is made for it in memory.
 *
 * <p>Why not at once: the kernel resolves {@code /proc/self/exe} while it executes the command. An
 * image whose entry point is a link to it, or a script that begins with {@code #!/proc/self/exe},
 * would execute this runtime's file inside of the container, where another process can hold it open
 * by {@code /proc/PID/exe} until nobody executes it any more, and then write to it on the host
 * (CVE-2019-5736). To compare the command's file with ours beforehand does not help: the container
 * may exchange it meanwhile. With the small program between, {@code /proc/self/exe} is that program
 * at the moment of the command's execution: anonymous memory that is thrown away.
 *
 * <p>The others' ways were measured on the machine of the tests, least of 50: a second start of the
 * runtime from a sealed copy in memory (runc 1.1) costs 3.4 ms for the copy of its 9 MB and 1.0 ms
 * for the start; one from a read-only clone of its mount (crun, runc 1.2) costs the start, and
 * needs rights that an ordinary user's runtime does not have. This costs 0.35 ms, takes no rights,
 * and covers hooks that are executed in the container as well. What it leaves are the moments
 * before: there the process cannot be looked into (see {@link Child#hide}).
 *
 * <p>The program first makes a list of system calls, which is what has to come last: the security
 * label, which counts for the next exec; the system call filter, so that it need not allow what the
 * engine does; giving up what the filter's installation took.
 */
final class FinalExec {
  private static final int SYS_WRITE = 1;
  private static final int SYS_CLOSE = 3;
  private static final int SYS_FCNTL = 72;
  private static final int SYS_SETRLIMIT = 160;
  private static final int SYS_CAPSET = 126;
  private static final int SYS_PRCTL = 157;
  private static final int SYS_SECCOMP = 317;
  private static final int PR_CAP_AMBIENT = 47;
  private static final int AMBIENT_LOWER = 3;
  private static final int SYS_READ = 0;
  private static final int F_SETFD = 2;
  private static final int FIRST_FREE = 3;
  private static final int SET_MODE_FILTER = 1;
  private static final int CAPABILITY_VERSION_3 = 0x20080522;

  private final SmallProgram program = new SmallProgram();
  private final SyncChannel channel;

  /** Takes the way to the engine, which {@link #executeAlone} has no use for. */
  FinalExec(SyncChannel channel) {
    this.channel = channel;
  }

  /** Writes a label to a kernel's file; it counts for the exec after this program's. */
  void label(Fd file, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    file.closeOnExec(false);
    program.call(SYS_WRITE, file.number(), program.data(bytes), bytes.length);
    program.call(SYS_CLOSE, file.number(), 0, 0);
  }

  /**
   * Installs a filter.
   *
   * @param flags {@code SECCOMP_FILTER_FLAG_}
   * @param listener the number that its listener will have; −1 if it has none
   */
  void filter(SeccompFilter filter, int flags, int listener) {
    long code = program.data(filter.bytes());
    byte[] header = new byte[16];
    SmallProgram.putShort(header, 0, filter.program().length);
    SmallProgram.putLong(header, 8, code);
    program.call(SYS_SECCOMP, SET_MODE_FILTER, flags, program.data(header));
    if (listener >= 0) {
      // The engine fetches it: a filter may hold up whatever would send it.
      byte[] message = SyncChannel.encode(SyncChannel.LISTENER, Integer.toString(listener));
      program.call(SYS_WRITE, channel.socket().number(), program.data(message), message.length);
      program.call(SYS_READ, channel.socket().number(), TinyExecutable.ZEROS, 1);
      program.call(SYS_CLOSE, listener, 0, 0);
    }
  }

  /** Sets a limit that the engine's own last steps could not bear. */
  void limit(int resource, long soft, long hard) {
    byte[] value = new byte[16];
    SmallProgram.putLong(value, 0, soft);
    SmallProgram.putLong(value, 8, hard);
    program.call(SYS_SETRLIMIT, resource, program.data(value), 0);
  }

  /** Takes capability sets; those that are not inheritable go from the ambient set, too. */
  void capabilities(long effective, long permitted, long inheritable) {
    byte[] header = new byte[8];
    SmallProgram.putInt(header, 0, CAPABILITY_VERSION_3);
    byte[] data = new byte[24];
    for (int half = 0; half < 2; half++) {
      SmallProgram.putInt(data, 12 * half, (int) (effective >>> (32 * half)));
      SmallProgram.putInt(data, 12 * half + 4, (int) (permitted >>> (32 * half)));
      SmallProgram.putInt(data, 12 * half + 8, (int) (inheritable >>> (32 * half)));
    }
    program.call(SYS_CAPSET, program.data(header), program.data(data), 0);
  }

  /** Takes capabilities from the ambient set; those that are not in it are no error. */
  void lowerAmbient(long mask) {
    for (int capability = 0; capability < 64; capability++) {
      if ((mask & (1L << capability)) != 0) {
        program.call(SYS_PRCTL, PR_CAP_AMBIENT, AMBIENT_LOWER, capability);
      }
    }
  }

  /** Makes the calls and executes; returns only by throwing. */
  void execute(String path, List<String> arguments, List<String> environment) {
    int number = channel.socket().number();
    channel.socket().closeOnExec(false);
    // First of all: what the container gets may not hold the engine's socket.
    program.first(SYS_FCNTL, number, F_SETFD, 1);
    byte[] image = program.image(number, SyncChannel.encodeHeader(SyncChannel.EXEC_FAILED, 16));
    List<String> argv = new ArrayList<>(arguments.size() + 1);
    argv.add(path);
    argv.addAll(arguments);
    try (Fd file = SmallProgram.file(image)) {
      Processes.execute(file, argv, environment);
    } catch (LinuxException e) {
      channel.socket().closeOnExec(true);
      throw Failures.of("executing the container's command (by a program in memory)", e);
    }
  }

  /**
   * The same for a program that the engine does not follow, such as a hook's; it ends with 127 on
   * failure.
   *
   * @param way the channel, if the filter is one that asks an agent
   */
  void executeAlone(
      String path, List<String> arguments, List<String> environment, Optional<SyncChannel> way) {
    CommandPath.check(path);
    List<String> argv = new ArrayList<>(arguments.size() + 1);
    argv.add(path);
    argv.addAll(arguments);
    // What leads back to the program finds this descriptor closed, and does not go round for ever.
    Fd once = Fd.STDIN.duplicate(FIRST_FREE);
    once.closeOnExec(false);
    if (way.isPresent()) {
      int number = way.get().socket().number();
      way.get().socket().closeOnExec(false);
      program.first(SYS_FCNTL, number, F_SETFD, 1);
    }
    program.first(SYS_FCNTL, once.number(), F_SETFD, 1);
    try (Fd file = SmallProgram.file(program.image(-1, new byte[0]))) {
      Processes.execute(file, argv, environment);
    }
  }

  /** What the program's report says: which step failed, and why; the exec is the last one. */
  static RuntimeException failure(SyncChannel.Message message, String command) {
    byte[] payload = message.payload();
    try (NativeBuffer buffer = NativeBuffer.of(payload)) {
      if (payload.length < 16) {
        return Failures.internal("the container's process has sent half a report");
      }
      int errno = (int) -buffer.getLong(0);
      long step = buffer.getLong(8);
      return step == 0
          ? CommandPath.failed(command, errno)
          : Failures.of(
              "the last steps before the exec of " + command,
              new LinuxException("step " + step, command, errno));
    }
  }
}
