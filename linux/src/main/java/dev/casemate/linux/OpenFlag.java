package dev.casemate.linux;

/** Flags of {@code open(2)} and {@code openat2(2)}. */
public final class OpenFlag {
  public static final int READ_ONLY = 0;
  public static final int WRITE_ONLY = 1;
  public static final int READ_WRITE = 2;
  public static final int CREATE = 0x40;
  public static final int EXCLUSIVE = 0x80;
  public static final int NO_CTTY = 0x100;
  public static final int TRUNCATE = 0x200;
  public static final int APPEND = 0x400;
  public static final int NON_BLOCK = 0x800;
  public static final int DIRECTORY = 0x10000;
  public static final int NO_FOLLOW = 0x20000;
  public static final int CLOSE_ON_EXEC = 0x80000;
  public static final int PATH = 0x200000;

  /** openat2: do not cross mount points. */
  public static final int RESOLVE_NO_XDEV = 1;

  public static final int RESOLVE_NO_MAGICLINKS = 2;
  public static final int RESOLVE_NO_SYMLINKS = 4;
  public static final int RESOLVE_BENEATH = 8;

  /**
   * openat2: the directory descriptor is the root of the resolution, for {@code ..} and absolute
   * links too.
   */
  public static final int RESOLVE_IN_ROOT = 16;

  private OpenFlag() {}
}
