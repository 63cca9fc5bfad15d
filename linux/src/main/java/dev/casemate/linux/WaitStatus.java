package dev.casemate.linux;

/** How a process ended: {@code wait(2)}'s status word. */
public record WaitStatus(int pid, int word) {
  public boolean exited() {
    return (word & 0x7f) == 0;
  }

  public boolean signaled() {
    return !exited() && (word & 0x7f) != 0x7f;
  }

  /** The signal that ended the process; 0 if none did. */
  public int signal() {
    return signaled() ? word & 0x7f : 0;
  }

  /** The shell's convention: the exit code, or 128 + signal. */
  public int exitStatus() {
    return exited() ? (word >> 8) & 0xff : 128 + signal();
  }
}
