package dev.casemate.linux;

import org.graalvm.nativeimage.UnmanagedMemory;
import org.graalvm.nativeimage.c.function.CFunction;
import org.graalvm.nativeimage.c.type.CTypeConversion;
import org.graalvm.word.Pointer;
import org.graalvm.word.WordFactory;

/**
 * The kernel door of a native image: {@code native/casemate.c} and libc, bound at build time.
 *
 * <p>Calls go through a transition, so that a blocked thread does not hold up a garbage collection;
 * {@code fork} does not, because the child continues in this very state.
 */
final class NativeKernel implements Kernel {
  @CFunction("casemate_syscall")
  private static native long casemateSyscall(
      long number, long a, long b, long c, long d, long e, long f);

  @CFunction(value = "casemate_fork", transition = CFunction.Transition.NO_TRANSITION)
  private static native long casemateFork(long flags);

  @CFunction(value = "casemate_exit", transition = CFunction.Transition.NO_TRANSITION)
  private static native void casemateExit(int status);

  @CFunction("casemate_idle")
  private static native void casemateIdle(long millis);

  @CFunction("casemate_worked")
  private static native void casemateWorked();

  @CFunction("posix_spawn")
  private static native int posixSpawn(long a, long b, long c, long d, long e, long f);

  @CFunction("posix_spawn_file_actions_init")
  private static native int actionsInit(long a);

  @CFunction("posix_spawn_file_actions_destroy")
  private static native int actionsDestroy(long a);

  @CFunction("posix_spawn_file_actions_adddup2")
  private static native int actionsAddDup2(long a, int from, int to);

  @CFunction("posix_spawn_file_actions_addchdir_np")
  private static native int actionsAddChdir(long a, long path);

  @CFunction("posix_spawnattr_init")
  private static native int attrInit(long a);

  @CFunction("posix_spawnattr_destroy")
  private static native int attrDestroy(long a);

  @CFunction("posix_spawnattr_setflags")
  private static native int attrSetFlags(long a, short flags);

  @CFunction("posix_spawnattr_setsigmask")
  private static native int attrSetSigmask(long a, long set);

  @CFunction("posix_spawnattr_setsigdefault")
  private static native int attrSetSigdefault(long a, long set);

  @Override
  public long syscall(long number, long a, long b, long c, long d, long e, long f) {
    return casemateSyscall(number, a, b, c, d, e, f);
  }

  @Override
  public long fork(long flags) {
    return casemateFork(flags);
  }

  @Override
  public void exit(int status) {
    casemateExit(status);
  }

  @Override
  public boolean idle(long millis) {
    casemateIdle(millis);
    return true;
  }

  @Override
  public void worked() {
    casemateWorked();
  }

  @Override
  public int spawnCall(SpawnFunction function, long a, long b, long c, long d, long e, long f) {
    return switch (function) {
      case POSIX_SPAWN -> posixSpawn(a, b, c, d, e, f);
      case ACTIONS_INIT -> actionsInit(a);
      case ACTIONS_DESTROY -> actionsDestroy(a);
      case ACTIONS_ADD_DUP2 -> actionsAddDup2(a, (int) b, (int) c);
      case ACTIONS_ADD_CHDIR -> actionsAddChdir(a, b);
      case ATTR_INIT -> attrInit(a);
      case ATTR_DESTROY -> attrDestroy(a);
      case ATTR_SET_FLAGS -> attrSetFlags(a, (short) b);
      case ATTR_SET_SIGMASK -> attrSetSigmask(a, b);
      case ATTR_SET_SIGDEFAULT -> attrSetSigdefault(a, b);
    };
  }

  @Override
  public long allocate(long size) {
    Pointer memory = UnmanagedMemory.calloc(WordFactory.unsigned(size));
    return memory.rawValue();
  }

  @Override
  public void free(long address) {
    UnmanagedMemory.free(pointer(address));
  }

  private static Pointer pointer(long address) {
    return WordFactory.pointer(address);
  }

  @Override
  public byte getByte(long address) {
    return pointer(address).readByte(0);
  }

  @Override
  public short getShort(long address) {
    return pointer(address).readShort(0);
  }

  @Override
  public int getInt(long address) {
    return pointer(address).readInt(0);
  }

  @Override
  public long getLong(long address) {
    return pointer(address).readLong(0);
  }

  @Override
  public void putByte(long address, byte value) {
    pointer(address).writeByte(0, value);
  }

  @Override
  public void putShort(long address, short value) {
    pointer(address).writeShort(0, value);
  }

  @Override
  public void putInt(long address, int value) {
    pointer(address).writeInt(0, value);
  }

  @Override
  public void putLong(long address, long value) {
    pointer(address).writeLong(0, value);
  }

  @Override
  public void copyIn(byte[] source, int offset, long target, int length) {
    CTypeConversion.asByteBuffer(pointer(target), length).put(source, offset, length);
  }

  @Override
  public void copyOut(long source, byte[] target, int offset, int length) {
    CTypeConversion.asByteBuffer(pointer(source), length).get(target, offset, length);
  }
}
