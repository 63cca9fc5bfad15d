package dev.casemate.linux;

/** What this process keeps in memory. */
public final class ProcessMemory {
  private static final int SMAPS_LIMIT = 4 << 20;
  private static final int DONTNEED = 4;
  private static final String ANONYMOUS = "Anonymous:";

  private ProcessMemory() {}

  /**
   * Gives back what can be read again: unmaps the pages of the process's executable that it may not
   * write to and has not changed (proc_pid_smaps(5), MADV_DONTNEED). They stay in the page cache;
   * what is used again is mapped again, some microseconds a piece. For a process that waits for a
   * long time now: mapped pages are charged to it, if only in part, and cost page tables.
   *
   * @return how many bytes of address space were given back
   */
  public static long releaseUnchanged() {
    String executable = Fs.readLink("/proc/self/exe");
    String smaps = Fs.readString("/proc/self/smaps", SMAPS_LIMIT);
    long released = 0;
    long start = 0;
    long end = 0;
    for (int at = 0; at < smaps.length(); ) {
      int lineEnd = smaps.indexOf('\n', at);
      if (lineEnd < 0) {
        lineEnd = smaps.length();
      }
      int dash = smaps.indexOf('-', at);
      int blank = smaps.indexOf(' ', at);
      if (dash > at && dash < blank && blank < lineEnd && isHex(smaps, at, dash)) {
        // 00400000-00401000 r--p 00000000 fe:00 2171266    /usr/bin/casemate
        boolean writable = smaps.charAt(blank + 2) == 'w' || smaps.charAt(blank + 4) != 'p';
        boolean ours = !writable && smaps.substring(at, lineEnd).endsWith(" " + executable);
        start = ours ? Long.parseLong(smaps.substring(at, dash), 16) : 0;
        end = ours ? Long.parseLong(smaps.substring(dash + 1, blank), 16) : 0;
      } else if (end > start && smaps.startsWith(ANONYMOUS, at)) {
        if (smaps.substring(at + ANONYMOUS.length(), lineEnd).strip().equals("0 kB")) {
          SystemCall.check(
              SystemCall.raw(SystemCall.MADVISE, start, end - start, DONTNEED), "madvise", "");
          released += end - start;
        }
        end = start;
      }
      at = lineEnd + 1;
    }
    return released;
  }

  private static boolean isHex(String text, int start, int end) {
    for (int i = start; i < end; i++) {
      if (Character.digit(text.charAt(i), 16) < 0) {
        return false;
      }
    }
    return true;
  }
}
