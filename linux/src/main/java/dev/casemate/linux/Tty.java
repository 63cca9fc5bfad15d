package dev.casemate.linux;

/** Terminals: size, raw mode, and new pseudo-terminals (tty_ioctl(4), termios(3)). */
public final class Tty {
  private static final int TCGETS = 0x5401;
  private static final int TCSETS = 0x5402;
  private static final int TIOCSCTTY = 0x540e;
  private static final int TIOCGWINSZ = 0x5413;
  private static final int TIOCSWINSZ = 0x5414;
  private static final int TIOCSPTLCK = 0x40045431;
  private static final int TIOCGPTN = 0x80045430;
  private static final int TIOCGPTPEER = 0x5441;
  private static final int TERMIOS_SIZE = 36;
  private static final int ONLCR = 4;

  private Tty() {}

  /** Columns and rows in characters. */
  public record Size(int columns, int rows) {}

  /** A terminal's settings, to be given back. */
  public record Settings(byte[] termios) {}

  /** A new pseudo-terminal: the end that stays and the end that becomes a process's terminal. */
  public record Pair(Fd master, Fd slave) {}

  private static long ioctl(Fd fd, int request, long argument) {
    return SystemCall.raw(SystemCall.IOCTL, fd.number(), request & 0xffffffffL, argument);
  }

  public static boolean isTerminal(Fd fd) {
    try (NativeBuffer termios = NativeBuffer.allocate(TERMIOS_SIZE)) {
      return !SystemCall.failed(ioctl(fd, TCGETS, termios.address()));
    }
  }

  public static Size size(Fd terminal) {
    try (NativeBuffer window = NativeBuffer.allocate(8)) {
      SystemCall.check(
          ioctl(terminal, TIOCGWINSZ, window.address()), "ioctl(TIOCGWINSZ)", terminal.toString());
      return new Size(window.getShort(2) & 0xffff, window.getShort(0) & 0xffff);
    }
  }

  public static void resize(Fd terminal, Size size) {
    try (NativeBuffer window = NativeBuffer.allocate(8)) {
      window.putShort(0, size.rows()).putShort(2, size.columns());
      SystemCall.check(
          ioctl(terminal, TIOCSWINSZ, window.address()), "ioctl(TIOCSWINSZ)", terminal.toString());
    }
  }

  /** Switches to raw mode as cfmakeraw(3) does and returns what to {@link #restore}. */
  public static Settings raw(Fd terminal) {
    try (NativeBuffer termios = NativeBuffer.allocate(TERMIOS_SIZE)) {
      SystemCall.check(
          ioctl(terminal, TCGETS, termios.address()), "ioctl(TCGETS)", terminal.toString());
      Settings before = new Settings(termios.bytes(0, TERMIOS_SIZE));
      // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON; OPOST; ECHO ECHONL ICANON ISIG IEXTEN;
      // CSIZE PARENB
      termios.putInt(0, termios.getInt(0) & ~(1 | 2 | 8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x400));
      termios.putInt(4, termios.getInt(4) & ~1);
      termios.putInt(8, (termios.getInt(8) & ~(0x30 | 0x100)) | 0x30);
      termios.putInt(12, termios.getInt(12) & ~(8 | 0x40 | 2 | 1 | 0x8000));
      termios.putByte(17 + 6, 1).putByte(17 + 5, 0);
      SystemCall.check(
          ioctl(terminal, TCSETS, termios.address()), "ioctl(TCSETS)", terminal.toString());
      return before;
    }
  }

  /** Has a pseudo-terminal hand out LF as LF, not as CR LF (ONLCR off); either end will do. */
  public static void plainLines(Fd terminal) {
    try (NativeBuffer termios = NativeBuffer.allocate(TERMIOS_SIZE)) {
      SystemCall.check(
          ioctl(terminal, TCGETS, termios.address()), "ioctl(TCGETS)", terminal.toString());
      termios.putInt(4, termios.getInt(4) & ~ONLCR);
      SystemCall.check(
          ioctl(terminal, TCSETS, termios.address()), "ioctl(TCSETS)", terminal.toString());
    }
  }

  public static void restore(Fd terminal, Settings settings) {
    try (NativeBuffer termios = NativeBuffer.of(settings.termios())) {
      ioctl(terminal, TCSETS, termios.address());
    }
  }

  /**
   * Opens a new pseudo-terminal; {@code ptmx} is {@code /dev/ptmx} or a container's {@code
   * /dev/pts/ptmx}.
   */
  public static Pair open(String ptmx) {
    Fd master = Fs.open(ptmx, OpenFlag.READ_WRITE | OpenFlag.NO_CTTY);
    try (NativeBuffer zero = NativeBuffer.allocate(4)) {
      SystemCall.check(ioctl(master, TIOCSPTLCK, zero.address()), "ioctl(TIOCSPTLCK)", ptmx);
      // By descriptor, not by /dev/pts/N: that path may be another instance's.
      long slave =
          ioctl(
              master, TIOCGPTPEER, OpenFlag.READ_WRITE | OpenFlag.NO_CTTY | OpenFlag.CLOSE_ON_EXEC);
      return new Pair(master, Fd.of((int) SystemCall.check(slave, "ioctl(TIOCGPTPEER)", ptmx)));
    } catch (LinuxException e) {
      master.close();
      throw e;
    }
  }

  /** The N of {@code /dev/pts/N}. */
  public static int number(Fd master) {
    try (NativeBuffer n = NativeBuffer.allocate(4)) {
      SystemCall.check(ioctl(master, TIOCGPTN, n.address()), "ioctl(TIOCGPTN)", master.toString());
      return n.getInt(0);
    }
  }

  /** Makes the terminal the controlling one of the calling session leader. */
  public static void control(Fd terminal) {
    SystemCall.check(ioctl(terminal, TIOCSCTTY, 0), "ioctl(TIOCSCTTY)", terminal.toString());
  }
}
