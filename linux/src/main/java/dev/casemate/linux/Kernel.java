package dev.casemate.linux;

/**
 * The one door to the kernel and to the memory that system calls read and write.
 *
 * <p>Two implementations: {@link NativeKernel} in a native image, {@link ForeignKernel} on a JVM.
 * Results follow the kernel's own convention: a value in {@code [-4095, -1]} is a negated errno, so
 * that an errno can never be separated from its call.
 */
interface Kernel {
  /**
   * Which kernel door this process uses; chosen once, while the image is built or the class is
   * loaded.
   */
  Kernel INSTANCE = KernelChoice.choose();

  long syscall(long number, long a, long b, long c, long d, long e, long f);

  /**
   * {@code clone(2)} with the given flags and SIGCHLD, on the caller's stack; only in a
   * single-threaded native image.
   */
  long fork(long flags);

  /** Ends the process at once, without running anything else. */
  void exit(int status);

  /**
   * Sleeps, until {@link #worked} at most, while the pages of the executable's code are given back.
   * Does nothing and returns false on a JVM, whose executable is not ours.
   */
  boolean idle(long millis);

  /** Ends another thread's {@link #idle} once the caller waits again. */
  void worked();

  /**
   * A call of one of libc's {@code posix_spawn} family; returns the errno that the function
   * returns.
   */
  int spawnCall(SpawnFunction function, long a, long b, long c, long d, long e, long f);

  long allocate(long size);

  void free(long address);

  byte getByte(long address);

  short getShort(long address);

  int getInt(long address);

  long getLong(long address);

  void putByte(long address, byte value);

  void putShort(long address, short value);

  void putInt(long address, int value);

  void putLong(long address, long value);

  void copyIn(byte[] source, int offset, long target, int length);

  void copyOut(long source, byte[] target, int offset, int length);

  /**
   * The functions of libc that {@link Spawn} needs; a raw system call cannot replace them in a
   * process with threads.
   */
  enum SpawnFunction {
    POSIX_SPAWN("posix_spawn"),
    ACTIONS_INIT("posix_spawn_file_actions_init"),
    ACTIONS_DESTROY("posix_spawn_file_actions_destroy"),
    ACTIONS_ADD_DUP2("posix_spawn_file_actions_adddup2"),
    ACTIONS_ADD_CHDIR("posix_spawn_file_actions_addchdir_np"),
    ATTR_INIT("posix_spawnattr_init"),
    ATTR_DESTROY("posix_spawnattr_destroy"),
    ATTR_SET_FLAGS("posix_spawnattr_setflags"),
    ATTR_SET_SIGMASK("posix_spawnattr_setsigmask"),
    ATTR_SET_SIGDEFAULT("posix_spawnattr_setsigdefault");

    private final String symbol;

    SpawnFunction(String symbol) {
      this.symbol = symbol;
    }

    String symbol() {
      return symbol;
    }
  }
}
