package dev.casemate.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.EnumMap;
import java.util.Map;

/**
 * The kernel door of a JVM: libc's {@code syscall(2)} through the Foreign Function and Memory API.
 *
 * <p>One call shape serves every system call, because each shape that is linked costs milliseconds.
 * The errno is captured with its call, in memory of that call alone.
 */
final class ForeignKernel implements Kernel {
  private static final MemorySegment EVERYTHING = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final long ERRNO_OFFSET =
      Linker.Option.captureStateLayout().byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  private final MethodHandle syscall;
  private final MethodHandle malloc;
  private final MethodHandle free;
  private final Map<SpawnFunction, MethodHandle> spawnFunctions =
      new EnumMap<>(SpawnFunction.class);

  ForeignKernel() {
    syscall =
        link(
            "syscall",
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG),
            Linker.Option.captureCallState("errno"),
            Linker.Option.firstVariadicArg(1));
    malloc =
        link(
            "calloc",
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    free = link("free", FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
  }

  private static MethodHandle link(
      String symbol, FunctionDescriptor shape, Linker.Option... options) {
    Linker linker = Linker.nativeLinker();
    MemorySegment address = linker.defaultLookup().findOrThrow(symbol);
    return linker.downcallHandle(address, shape, options);
  }

  @Override
  public long syscall(long number, long a, long b, long c, long d, long e, long f) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      long result = (long) syscall.invokeExact(state, number, a, b, c, d, e, f);
      return result == -1 ? -state.get(INT, ERRNO_OFFSET) : result;
    } catch (Throwable t) {
      throw new AssertionError("syscall", t);
    }
  }

  @Override
  public long fork(long flags) {
    throw new IllegalStateException(
        "a JVM cannot fork; use the native executable for operations that need new namespaces");
  }

  @Override
  public boolean idle(long millis) {
    return false;
  }

  @Override
  public void worked() {}

  @Override
  public void exit(int status) {
    Runtime.getRuntime().halt(status);
  }

  @Override
  public synchronized int spawnCall(
      SpawnFunction function, long a, long b, long c, long d, long e, long f) {
    // Every function of the family takes at most six words and ignores the rest of the registers.
    MethodHandle handle =
        spawnFunctions.computeIfAbsent(
            function,
            key ->
                link(
                    key.symbol(),
                    FunctionDescriptor.of(
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG)));
    try {
      return (int) handle.invokeExact(a, b, c, d, e, f);
    } catch (Throwable t) {
      throw new AssertionError(function.symbol(), t);
    }
  }

  @Override
  public long allocate(long size) {
    try {
      long address = (long) malloc.invokeExact(1L, size);
      if (address == 0) {
        throw new OutOfMemoryError(size + " bytes of native memory");
      }
      return address;
    } catch (OutOfMemoryError error) {
      throw error;
    } catch (Throwable t) {
      throw new AssertionError("calloc", t);
    }
  }

  @Override
  public void free(long address) {
    try {
      free.invokeExact(address);
    } catch (Throwable t) {
      throw new AssertionError("free", t);
    }
  }

  @Override
  public byte getByte(long address) {
    return EVERYTHING.get(ValueLayout.JAVA_BYTE, address);
  }

  @Override
  public short getShort(long address) {
    return EVERYTHING.get(SHORT, address);
  }

  @Override
  public int getInt(long address) {
    return EVERYTHING.get(INT, address);
  }

  @Override
  public long getLong(long address) {
    return EVERYTHING.get(LONG, address);
  }

  @Override
  public void putByte(long address, byte value) {
    EVERYTHING.set(ValueLayout.JAVA_BYTE, address, value);
  }

  @Override
  public void putShort(long address, short value) {
    EVERYTHING.set(SHORT, address, value);
  }

  @Override
  public void putInt(long address, int value) {
    EVERYTHING.set(INT, address, value);
  }

  @Override
  public void putLong(long address, long value) {
    EVERYTHING.set(LONG, address, value);
  }

  @Override
  public void copyIn(byte[] source, int offset, long target, int length) {
    MemorySegment.copy(source, offset, EVERYTHING, ValueLayout.JAVA_BYTE, target, length);
  }

  @Override
  public void copyOut(long source, byte[] target, int offset, int length) {
    MemorySegment.copy(EVERYTHING, ValueLayout.JAVA_BYTE, source, target, offset, length);
  }
}
