package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import dev.casemate.jail.Jail;
import dev.casemate.jail.JailLimits;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.linux.UnixSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A daemon that serves one directory of the host to one VM over virtio-fs. It inherits its
 * listening socket, so a VMM can connect as soon as {@link #start} has returned. It ends by itself
 * when the VMM disconnects.
 *
 * <p>Two implementations: the one in C that came with QEMU up to 7.2 ({@code
 * /usr/lib/qemu/virtiofsd}) and the one in Rust ({@code /usr/libexec/virtiofsd}).
 */
public final class Virtiofsd implements AutoCloseable {
  /** How long the guest caches what it knows about files. */
  public enum Cache {
    /** Changes on the host are visible immediately. */
    NEVER,
    /** Names and attributes are cached for a second, content while a file is open. */
    AUTO,
    /** Only for directories that only the guest changes. */
    ALWAYS
  }

  /**
   * What is served, and how.
   *
   * @param sharedDirectory absolute path
   * @param socketPath absolute path of at most 107 bytes; an existing file is replaced
   * @param sandbox whether the daemon shuts itself into the directory by namespaces; without, the
   *     directory may be {@code /} (the implementation in C then uses chroot)
   * @param xattr whether extended attributes pass, see {@link #XATTR_MAP}; each write of the guest
   *     costs a look-up then, because Linux 6.1 does not take over what the first mount of
   *     virtio-fs has agreed on (SB_NOSEC) for the mounts that the daemon announces
   * @param jailed whether the daemon has namespaces and limits of its own, and of root's
   *     capabilities only those that it needs
   */
  public record Options(
      String sharedDirectory,
      String socketPath,
      Cache cache,
      boolean sandbox,
      boolean xattr,
      boolean jailed) {
    public Options(String sharedDirectory, String socketPath) {
      this(sharedDirectory, socketPath, Cache.AUTO, true, true, true);
    }

    /** With the jail or without it. */
    public Options withJail(boolean wanted) {
      return new Options(sharedDirectory, socketPath, cache, sandbox, xattr, wanted);
    }
  }

  /**
   * To act as the guest's users on files, and to shut itself in (CAP_SYS_ADMIN) and drop the rest
   * (CAP_SETPCAP), which both implementations do before they serve.
   */
  private static final List<String> CAPABILITIES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_MKNOD",
          "CAP_SETFCAP",
          "CAP_SETPCAP",
          "CAP_SYS_ADMIN",
          "CAP_SYS_CHROOT");

  /**
   * Which extended attributes the guest has. Those that mean something to the host's kernel alone
   * (labels of security modules, IMA, EVM) it neither sees nor sets. What the guest calls {@code
   * trusted.}, as its overlays do, is {@code user.virtiofs.trusted.} on the host: there the name
   * would direct the host's own overlays. File capabilities and lists are the guest's as set-id
   * bits and modes are.
   */
  static final String XATTR_MAP =
      ":prefix:all:trusted.:user.virtiofs.:"
          + ":bad:all:user.virtiofs.::"
          + ":ok:all:user.::"
          + ":ok:all:security.capability::"
          + ":ok:all:system.posix_acl_::"
          + ":unsupported:client:::"
          + ":bad:server:::";

  private static final String C_IMPLEMENTATION = "/usr/lib/qemu/virtiofsd";

  private static final List<String> PLACES =
      List.of(
          "/usr/libexec/virtiofsd",
          "/usr/lib/virtiofsd",
          "/usr/local/libexec/virtiofsd",
          C_IMPLEMENTATION,
          "/usr/libexec/qemu/virtiofsd");

  /**
   * The daemon holds a descriptor for each file that the guest knows the name of, so this bounds
   * the guest's cache of names. It is what the daemon takes by itself where it may.
   */
  private static final long OPEN_FILES = 1_000_000;

  /**
   * No limit on the length of files: it would be one on what a volume may hold, which the host's
   * file system and its quotas decide.
   */
  private static final JailLimits LIMITS = new JailLimits(-1, OPEN_FILES);

  private static final int SOCKET_NUMBER = 3;
  private static final int MESSAGE_LIMIT = 8 * 1024;
  private static final int END_MILLIS = 5_000;

  private final String socketPath;
  private final int pid;
  private final long startTime;
  private final Fd process;
  private final Fd errors;
  private final ByteRing message = new ByteRing(MESSAGE_LIMIT);
  private boolean closed;

  private Virtiofsd(String socketPath, int pid, long startTime, Fd process, Fd errors) {
    this.socketPath = socketPath;
    this.pid = pid;
    this.startTime = startTime;
    this.process = process;
    this.errors = errors;
  }

  /**
   * The daemon's path.
   *
   * @throws CasemateException NOT_FOUND if it is not installed
   */
  public static String find() {
    return find("")
        .orElseThrow(
            () ->
                CasemateException.of(
                    CasemateException.Kind.NOT_FOUND,
                    "virtiofsd is not installed: neither "
                        + PLACES.getFirst()
                        + " nor "
                        + C_IMPLEMENTATION
                        + "; run: apt-get install virtiofsd (on Debian 12: qemu-system-common)"));
  }

  static Optional<String> find(String root) {
    for (String place : PLACES) {
      if (Fs.statIfExists(root + place).filter(Stat::isRegular).isPresent()) {
        return Optional.of(root + place);
      }
    }
    return Optional.empty();
  }

  /**
   * Starts a daemon in a session of its own.
   *
   * @throws CasemateException NOT_FOUND if the daemon or the directory is missing
   */
  public static Virtiofsd start(Options options) {
    String binary = find();
    if (!Fs.statIfExists(options.sharedDirectory()).filter(Stat::isDirectory).isPresent()) {
      throw CasemateException.of(
          CasemateException.Kind.NOT_FOUND,
          "shared directory \""
              + options.sharedDirectory()
              + "\" does not exist or is not a directory: create it before it is shared");
    }
    Fs.unlinkIfExists(options.socketPath());
    try (Pipe pipe = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE);
        Fd listener = UnixSocket.listen(options.socketPath(), 1)) {
      // A full pipe must not stop the daemon: what does not fit is dropped.
      pipe.write().nonBlocking(true);
      pipe.read().nonBlocking(true);
      Spawn spawn =
          Spawn.program(binary, arguments(binary, options))
              .environment(List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"))
              .stdio(nothing, pipe.write(), pipe.write())
              .descriptor(listener, SOCKET_NUMBER)
              .workingDirectory("/")
              .newSession();
      int pid =
          options.jailed()
              ? Jail.daemon(CAPABILITIES, LIMITS).start(spawn)
              : Jail.none().start(spawn);
      return new Virtiofsd(
          options.socketPath(),
          pid,
          Processes.startTime(pid).orElse(0L),
          Processes.openPid(pid),
          Fd.of(pipe.read().release()));
    } catch (LinuxException e) {
      Fs.unlinkIfExists(options.socketPath());
      throw CasemateException.of(
          CasemateException.Kind.INTERNAL,
          "cannot share \"" + options.sharedDirectory() + "\": " + e.getMessage(),
          e);
    }
  }

  /** Whether a daemon is the one in C that QEMU had up to version 7.2. */
  static boolean isOfQemu(String binary) {
    return binary.endsWith("/qemu/virtiofsd");
  }

  static List<String> arguments(String binary, Options options) {
    List<String> line = new ArrayList<>();
    line.add(binary);
    line.add("--fd=" + SOCKET_NUMBER);
    // By default it wants more than the hard limit, which takes CAP_SYS_RESOURCE, and gives up.
    line.add("--rlimit-nofile=" + openFiles(hardLimit("/proc/self/limits")));
    line.add("--thread-pool-size=1");
    boolean xattr = options.xattr();
    if (isOfQemu(binary)) {
      line.add("-f");
      option(line, "source=" + options.sharedDirectory().replace("\\", "\\\\").replace(",", "\\,"));
      option(
          line,
          switch (options.cache()) {
            case NEVER -> "cache=none";
            case AUTO -> "cache=auto";
            case ALWAYS -> "cache=always";
          });
      option(line, options.sandbox() ? "sandbox=namespace" : "sandbox=chroot");
      option(line, "log_level=err");
      option(line, xattr ? "xattr" : "no_xattr");
      if (xattr) {
        option(line, "xattrmap=" + XATTR_MAP);
        option(line, "posix_acl");
      }
      option(line, "announce_submounts");
    } else {
      line.add("--shared-dir=" + options.sharedDirectory());
      line.add(
          switch (options.cache()) {
            case NEVER -> "--cache=never";
            case AUTO -> "--cache=auto";
            case ALWAYS -> "--cache=always";
          });
      line.add(options.sandbox() ? "--sandbox=namespace" : "--sandbox=none");
      line.add("--log-level=error");
      if (xattr) {
        line.add("--xattrmap=" + XATTR_MAP);
        line.add("--posix-acl");
      }
      line.add("--announce-submounts");
    }
    return line;
  }

  private static void option(List<String> line, String value) {
    line.add("-o");
    line.add(value);
  }

  /** What the daemon is to set; 0, which leaves the jail's limit, for a hard limit of 0. */
  static long openFiles(long hardLimit) {
    return Math.min(hardLimit, OPEN_FILES);
  }

  /** The hard limit on open files; 0 if it cannot be read. */
  static long hardLimit(String path) {
    try {
      for (String row : Text.split(FileContent.readString(path, 64 * 1024), '\n')) {
        if (row.startsWith("Max open files")) {
          List<String> fields = Text.split(row.substring("Max open files".length()), ' ');
          return fields.size() < 2 ? 0 : Long.parseLong(fields.get(1));
        }
      }
    } catch (LinuxException | NumberFormatException e) {
      // Unlimited, or no /proc.
    }
    return 0;
  }

  public String socketPath() {
    return socketPath;
  }

  public int pid() {
    return pid;
  }

  /**
   * How many descriptors the daemon has: one for each file whose name the guest knows, and some.
   *
   * @return 0 if it has ended
   */
  public long descriptors() {
    return OpenDescriptors.most(pid);
  }

  /** How many descriptors it may have; 0 if that is not known. */
  public long mostDescriptors() {
    return hardLimit("/proc/" + pid + "/limits");
  }

  /** Together with the pid it identifies the process uniquely; see {@link #cleanUp}. */
  public long startTime() {
    return startTime;
  }

  public synchronized boolean running() {
    return !closed && Poll.await(process, Poll.IN, 0) == 0;
  }

  /** What the daemon has written to standard error: the last 8 KiB. */
  public synchronized String message() {
    byte[] chunk = new byte[4096];
    while (errors.isOpen()) {
      int n = errors.read(chunk, 0, chunk.length);
      if (n <= 0) {
        break;
      }
      message.append(chunk, 0, n);
    }
    return message.text();
  }

  /** Kills the daemon with all its processes and removes the socket. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    message();
    closed = true;
    // The leader is not reaped yet, so its pid still names this group and no other.
    killGroup(pid);
    Poll.await(process, Poll.IN, END_MILLIS);
    try {
      Processes.waitFor(pid, Processes.WNOHANG);
    } catch (LinuxException e) {
      // Reaped by another.
    }
    process.close();
    errors.close();
    Fs.unlinkIfExists(socketPath);
  }

  private static void killGroup(int leader) {
    Processes.killIfExists(-leader, Signals.KILL);
  }

  /**
   * Kills a daemon that another process started, if pid and start time still name it, and removes
   * its socket.
   */
  public static void cleanUp(int pid, long startTime, String socketPath) {
    if (pid > 1) {
      try (Fd process = Processes.openPid(pid)) {
        Optional<Long> now = Processes.startTime(pid);
        if (now.isPresent() && now.get() == startTime) {
          killGroup(pid);
          Poll.await(process, Poll.IN, END_MILLIS);
        }
      } catch (LinuxException e) {
        if (e.errno() != Errno.ESRCH && e.errno() != Errno.EINVAL) {
          throw e;
        }
      }
    }
    Fs.unlinkIfExists(socketPath);
  }
}
