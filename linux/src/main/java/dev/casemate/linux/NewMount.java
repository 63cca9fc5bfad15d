package dev.casemate.linux;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * New mounts by the descriptor calls {@code fsopen(2)}, {@code fsconfig(2)}, {@code fsmount(2)}:
 * nothing is reached by a path, and the kernel names an option that it rejects.
 */
public final class NewMount {
  /** Attributes of a mount, as {@code mount_setattr(2)} has them. */
  public static final long ATTR_RDONLY = 1;

  public static final long ATTR_NOSUID = 2;
  public static final long ATTR_NODEV = 4;
  public static final long ATTR_NOEXEC = 8;
  public static final long ATTR_ATIME = 0x70;
  public static final long ATTR_RELATIME = 0;
  public static final long ATTR_NOATIME = 0x10;
  public static final long ATTR_STRICTATIME = 0x20;
  public static final long ATTR_NODIRATIME = 0x80;
  public static final long ATTR_IDMAP = 0x100000;
  public static final long ATTR_NOSYMFOLLOW = 0x200000;

  private static final int CLOEXEC = 1;
  private static final int SET_FLAG = 0;
  private static final int SET_STRING = 1;
  private static final int CREATE = 6;

  private NewMount() {}

  /**
   * Makes a mount that is attached nowhere yet; see {@link Mounts#moveMount}.
   *
   * @param source empty for none
   * @param options {@code name} or {@code name=value} each
   * @param attributes {@code ATTR_} flags
   */
  public static Fd create(String fstype, String source, List<String> options, long attributes) {
    try (NativeBuffer type = NativeBuffer.ofString(fstype);
        Fd context =
            Fd.of(
                (int)
                    SystemCall.check(
                        SystemCall.raw(SystemCall.FSOPEN, type.address(), CLOEXEC),
                        "fsopen",
                        fstype))) {
      if (!source.isEmpty()) {
        configure(context, fstype, SET_STRING, "source", source);
      }
      for (String option : options) {
        int equals = option.indexOf('=');
        if (equals < 0) {
          configure(context, fstype, SET_FLAG, option, "");
        } else {
          configure(
              context,
              fstype,
              SET_STRING,
              option.substring(0, equals),
              option.substring(equals + 1));
        }
      }
      configure(context, fstype, CREATE, "", "");
      return Fd.of(
          (int)
              SystemCall.check(
                  SystemCall.raw(SystemCall.FSMOUNT, context.number(), CLOEXEC, attributes),
                  "fsmount",
                  fstype));
    }
  }

  private static void configure(Fd context, String fstype, int command, String key, String value) {
    try (NativeBuffer k = NativeBuffer.ofString(key);
        NativeBuffer v = NativeBuffer.ofString(value)) {
      long r =
          SystemCall.raw(
              SystemCall.FSCONFIG,
              context.number(),
              command,
              command == CREATE ? 0 : k.address(),
              command == SET_STRING ? v.address() : 0,
              0);
      if (SystemCall.failed(r)) {
        String subject = fstype;
        if (command != CREATE) {
          subject += " option \"" + key + (command == SET_STRING ? "=" + value : "") + "\"";
        }
        throw new LinuxException("fsconfig", subject + complaint(context), (int) -r);
      }
    }
  }

  /** What the kernel has written into the context's log, {@code e <text>}. */
  private static String complaint(Fd context) {
    try (NativeBuffer text = NativeBuffer.allocate(512)) {
      long n = SystemCall.raw(SystemCall.READ, context.number(), text.address(), 511);
      if (n <= 2) {
        return "";
      }
      return " (" + new String(text.bytes(2, (int) n - 2), StandardCharsets.UTF_8).strip() + ")";
    }
  }
}
