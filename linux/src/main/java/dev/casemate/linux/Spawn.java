package dev.casemate.linux;

import dev.casemate.linux.Kernel.SpawnFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * Starts another program by {@code posix_spawn(3)}, which is safe in a process with threads. The
 * child gets exactly the descriptors that are mapped; all others are close-on-exec. It inherits the
 * calling thread's namespaces. Signals are unblocked and back at their defaults.
 */
public final class Spawn {
  private static final Kernel KERNEL = Kernel.INSTANCE;
  private static final int SETSIGDEF = 4;
  private static final int SETSIGMASK = 8;
  private static final int SETSID = 0x80;
  private static final int PR_SET_THP_DISABLE = 41;
  private static final int PR_GET_THP_DISABLE = 42;

  /**
   * Mapped descriptors are first moved above this number, so that no source is overwritten by an
   * earlier target.
   */
  private static final int HIGH = 64;

  private final String path;
  private final List<String> arguments = new ArrayList<>();
  private List<String> environment = Processes.environment();
  private final List<Fd> sources = new ArrayList<>();
  private final List<Integer> targets = new ArrayList<>();
  private String directory = "";
  private boolean session;
  private boolean smallPages;

  private Spawn(String path) {
    this.path = path;
  }

  /** A program by absolute path; the first argument is argv[0]. */
  public static Spawn program(String path, List<String> argv) {
    Spawn spawn = new Spawn(path);
    spawn.arguments.addAll(argv);
    return spawn;
  }

  /** Replaces the inherited environment by {@code NAME=value} strings. */
  public Spawn environment(List<String> variables) {
    environment = List.copyOf(variables);
    return this;
  }

  /** Gives the child a copy of {@code fd} under the number {@code target}. */
  public Spawn descriptor(Fd fd, int target) {
    sources.add(fd);
    targets.add(target);
    return this;
  }

  /** Standard input, output and error. */
  public Spawn stdio(Fd in, Fd out, Fd err) {
    return descriptor(in, 0).descriptor(out, 1).descriptor(err, 2);
  }

  public Spawn workingDirectory(String path) {
    directory = path;
    return this;
  }

  /** Makes the child the leader of a new session, away from this terminal's signals. */
  public Spawn newSession() {
    session = true;
    return this;
  }

  /**
   * The child and its children get no transparent huge pages, whatever they ask for
   * (PR_SET_THP_DISABLE): for a program that touches a little of much memory.
   */
  public Spawn smallPages() {
    smallPages = true;
    return this;
  }

  /**
   * Starts the program.
   *
   * @return the child's pid, which the caller must wait for
   * @throws LinuxException if it cannot be started: ENOENT, EACCES, ENOEXEC …
   */
  public int start() {
    try (Prepared prepared = prepare()) {
      return prepared.start();
    }
  }

  /**
   * Does everything of {@link #start} except the call itself, for a caller that must first give up
   * the rights or the file system that the preparation needs.
   */
  public Prepared prepare() {
    return new Prepared(this);
  }

  /** A program that one system call starts. */
  public static final class Prepared implements AutoCloseable {
    private final Spawn spawn;
    private final List<Fd> moved = new ArrayList<>();
    private final NativeBuffer actions = NativeBuffer.allocate(512);
    private final NativeBuffer attributes = NativeBuffer.allocate(512);
    private final NativeBuffer signals = NativeBuffer.allocate(128);
    private final NativeBuffer pid = NativeBuffer.allocate(8);
    private final NativeBuffer program;
    private final NativeBuffer cwd;
    private final CStrings argv;
    private final CStrings envp;
    private final IntSupplier call;

    private Prepared(Spawn spawn) {
      this.spawn = spawn;
      program = NativeBuffer.ofString(spawn.path);
      cwd = NativeBuffer.ofString(spawn.directory);
      argv = new CStrings(spawn.arguments);
      envp = new CStrings(spawn.environment);
      call = this::call;
      Children.load();
      try {
        fill();
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    private void fill() {
      Spawn.call(SpawnFunction.ACTIONS_INIT, actions.address());
      Spawn.call(SpawnFunction.ATTR_INIT, attributes.address());
      for (int i = 0; i < spawn.sources.size(); i++) {
        Fd high = spawn.sources.get(i).duplicate(HIGH);
        moved.add(high);
        Spawn.call(
            SpawnFunction.ACTIONS_ADD_DUP2, actions.address(), high.number(), spawn.targets.get(i));
      }
      if (!spawn.directory.isEmpty()) {
        Spawn.call(SpawnFunction.ACTIONS_ADD_CHDIR, actions.address(), cwd.address());
      }
      Spawn.call(
          SpawnFunction.ATTR_SET_FLAGS,
          attributes.address(),
          SETSIGDEF | SETSIGMASK | (spawn.session ? SETSID : 0));
      Spawn.call(SpawnFunction.ATTR_SET_SIGMASK, attributes.address(), signals.address());
      // All signals but KILL and STOP: bits count from signal 1; 32 and 33 belong to libc.
      signals.putLong(0, ~((1L << 8) | (1L << 18) | (1L << 31) | (1L << 32)));
      Spawn.call(SpawnFunction.ATTR_SET_SIGDEFAULT, attributes.address(), signals.address());
    }

    /** Starts the program, once; see {@link Spawn#start}. */
    public int start() {
      int error = Children.start(pid, call);
      if (error != 0) {
        throw new LinuxException("posix_spawn", spawn.path, error);
      }
      return pid.getInt(0);
    }

    private int call() {
      return spawn.smallPages
          ? spawnWithSmallPages(pid, program, actions, attributes, argv, envp)
          : spawn(pid, program, actions, attributes, argv, envp);
    }

    @Override
    public void close() {
      // The C library's own structures are inside the buffers: what they point to goes with these.
      KERNEL.spawnCall(SpawnFunction.ACTIONS_DESTROY, actions.address(), 0, 0, 0, 0, 0);
      KERNEL.spawnCall(SpawnFunction.ATTR_DESTROY, attributes.address(), 0, 0, 0, 0, 0);
      for (Fd fd : moved) {
        fd.close();
      }
      envp.close();
      argv.close();
      cwd.close();
      program.close();
      pid.close();
      signals.close();
      attributes.close();
      actions.close();
    }
  }

  private static int spawn(
      NativeBuffer pid,
      NativeBuffer program,
      NativeBuffer actions,
      NativeBuffer attributes,
      CStrings argv,
      CStrings envp) {
    return KERNEL.spawnCall(
        SpawnFunction.POSIX_SPAWN,
        pid.address(),
        program.address(),
        actions.address(),
        attributes.address(),
        argv.address(),
        envp.address());
  }

  /**
   * The flag belongs to an address space and is inherited by what is executed in its place
   * (prctl(2)): ours has it for as long as the call takes. One start at a time: no other program
   * gets it.
   */
  private static int spawnWithSmallPages(
      NativeBuffer pid,
      NativeBuffer program,
      NativeBuffer actions,
      NativeBuffer attributes,
      CStrings argv,
      CStrings envp) {
    boolean already = SystemCall.raw(SystemCall.PRCTL, PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
    // Fails where the kernel knows no such pages: then there is nothing to switch off.
    SystemCall.raw(SystemCall.PRCTL, PR_SET_THP_DISABLE, 1, 0, 0, 0);
    try {
      return spawn(pid, program, actions, attributes, argv, envp);
    } finally {
      if (!already) {
        SystemCall.raw(SystemCall.PRCTL, PR_SET_THP_DISABLE, 0, 0, 0, 0);
      }
    }
  }

  private static void call(SpawnFunction function, long... words) {
    long[] six = java.util.Arrays.copyOf(words, 6);
    int error = KERNEL.spawnCall(function, six[0], six[1], six[2], six[3], six[4], six[5]);
    if (error != 0) {
      throw new LinuxException(function.symbol(), "", error);
    }
  }

  /**
   * The absolute path of a program in the given search path ({@code a:b:c}); empty text if it is
   * not found.
   */
  public static String find(String name, String searchPath) {
    if (name.indexOf('/') >= 0) {
      return isExecutable(name) ? name : "";
    }
    for (String folder : Text.split(searchPath, ':')) {
      String candidate = folder + "/" + name;
      if (isExecutable(candidate)) {
        return candidate;
      }
    }
    return "";
  }

  private static boolean isExecutable(String path) {
    return Fs.statIfExists(path)
        .filter(stat -> stat.isRegular() && (stat.mode() & 0x49) != 0)
        .isPresent();
  }
}
