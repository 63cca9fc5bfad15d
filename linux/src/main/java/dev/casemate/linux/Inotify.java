package dev.casemate.linux;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Watches directories and files (inotify(7)). For one thread at a time. */
public final class Inotify implements AutoCloseable {
  public static final int MODIFY = 0x2;
  public static final int ATTRIB = 0x4;
  public static final int CLOSE_WRITE = 0x8;
  public static final int MOVED_FROM = 0x40;
  public static final int MOVED_TO = 0x80;
  public static final int CREATE = 0x100;
  public static final int DELETE = 0x200;
  public static final int DELETE_SELF = 0x400;
  public static final int OVERFLOW = 0x4000;

  /** The watch has ended, because its object no longer exists. */
  public static final int IGNORED = 0x8000;

  private static final int HEADER = 16;
  private static final int CHUNK = 16 * 1024;

  private final Fd fd;
  private final byte[] chunk = new byte[CHUNK];

  /**
   * What happened.
   *
   * @param watch what {@link #add} returned; −1 for an overflow
   * @param mask the events' bits
   * @param name of the file in the watched directory, or empty
   */
  public record Event(int watch, int mask, String name) {}

  private Inotify(Fd fd) {
    this.fd = fd;
  }

  /** EMFILE if the user has as many as {@code fs.inotify.max_user_instances} allows. */
  public static Inotify open() {
    return new Inotify(
        Fd.of(
            (int)
                SystemCall.check(
                    SystemCall.raw(
                        SystemCall.INOTIFY_INIT1, OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK),
                    "inotify_init",
                    "")));
  }

  /** Readable when something has happened. */
  public Fd fd() {
    return fd;
  }

  /** Watches a path; the same file twice has the same number. ENOSPC: too many are watched. */
  public int add(String path, int mask) {
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      return (int)
          SystemCall.check(
              SystemCall.raw(SystemCall.INOTIFY_ADD_WATCH, fd.number(), p.address(), mask),
              "inotify_add_watch",
              path);
    }
  }

  /** Ends a watch; one that has ended already is fine. */
  public void remove(int watch) {
    SystemCall.raw(SystemCall.INOTIFY_RM_WATCH, fd.number(), watch);
  }

  /** What has happened since the last call, as far as one read brings it. */
  public List<Event> read() {
    List<Event> events = new ArrayList<>();
    int n = fd.read(chunk, 0, chunk.length);
    int at = 0;
    while (n - at >= HEADER) {
      int length = integer(at + 12);
      int end = at + HEADER;
      while (end < at + HEADER + length && chunk[end] != 0) {
        end++;
      }
      events.add(
          new Event(
              integer(at),
              integer(at + 4),
              new String(chunk, at + HEADER, end - at - HEADER, StandardCharsets.UTF_8)));
      at += HEADER + length;
    }
    return events;
  }

  private int integer(int at) {
    return (chunk[at] & 0xff)
        | (chunk[at + 1] & 0xff) << 8
        | (chunk[at + 2] & 0xff) << 16
        | (chunk[at + 3] & 0xff) << 24;
  }

  @Override
  public void close() {
    fd.close();
  }
}
