package dev.casemate.linux;

/** {@code pipe2(2)}: what is written to {@code write} comes out of {@code read}. */
public record Pipe(Fd read, Fd write) implements AutoCloseable {
  public static Pipe open() {
    try (NativeBuffer fds = NativeBuffer.allocate(8)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.PIPE2, fds.address(), OpenFlag.CLOSE_ON_EXEC), "pipe2", "");
      return new Pipe(Fd.of(fds.getInt(0)), Fd.of(fds.getInt(4)));
    }
  }

  @Override
  public void close() {
    write.close();
    read.close();
  }
}
