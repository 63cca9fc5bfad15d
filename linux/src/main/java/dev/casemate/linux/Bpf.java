package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;

/** {@code bpf(2)}, as far as control groups need it. */
public final class Bpf {
  private static final int PROG_LOAD = 5;
  private static final int PROG_ATTACH = 8;
  private static final int PROG_DETACH = 9;
  private static final int PROG_GET_FD_BY_ID = 13;
  private static final int PROG_QUERY = 16;
  private static final int TYPE_CGROUP_DEVICE = 15;
  private static final int ATTACH_CGROUP_DEVICE = 6;
  private static final int ALLOW_MULTI = 2;
  private static final int REPLACE = 4;
  private static final int ATTRIBUTES = 128;
  private static final int LOG = 16 * 1024;

  private Bpf() {}

  private static long call(int command, NativeBuffer attributes) {
    return SystemCall.raw(SystemCall.BPF, command, attributes.address(), attributes.size());
  }

  /**
   * Loads a {@code BPF_PROG_TYPE_CGROUP_DEVICE} program.
   *
   * @param instructions {@code struct bpf_insn}s, 8 bytes each
   */
  public static Fd loadDeviceProgram(byte[] instructions) {
    try (NativeBuffer code = NativeBuffer.of(instructions);
        NativeBuffer license = NativeBuffer.ofString("Apache-2.0");
        NativeBuffer attributes = NativeBuffer.allocate(ATTRIBUTES);
        NativeBuffer log = NativeBuffer.allocate(LOG)) {
      attributes
          .putInt(0, TYPE_CGROUP_DEVICE)
          .putInt(4, instructions.length / 8)
          .putLong(8, code.address())
          .putLong(16, license.address());
      long fd = call(PROG_LOAD, attributes);
      if (!SystemCall.failed(fd)) {
        return Fd.of((int) fd);
      }
      attributes.putInt(24, 1).putInt(28, LOG).putLong(32, log.address());
      long again = call(PROG_LOAD, attributes);
      if (!SystemCall.failed(again)) {
        return Fd.of((int) again);
      }
      String reason = log.string(0).strip();
      int line = reason.lastIndexOf('\n');
      throw new LinuxException(
          "bpf(BPF_PROG_LOAD)", "device filter " + reason.substring(line + 1), (int) -fd);
    }
  }

  /** Makes {@code program} the only device program that is attached to the cgroup itself. */
  public static void attachDeviceProgram(Fd cgroup, Fd program) {
    List<Integer> before = attached(cgroup);
    try (NativeBuffer attributes = NativeBuffer.allocate(ATTRIBUTES)) {
      attributes
          .putInt(0, cgroup.number())
          .putInt(4, program.number())
          .putInt(8, ATTACH_CGROUP_DEVICE)
          .putInt(12, ALLOW_MULTI);
      if (before.size() == 1) {
        try (Fd old = byId(before.get(0))) {
          attributes.putInt(12, ALLOW_MULTI | REPLACE).putInt(16, old.number());
          SystemCall.check(call(PROG_ATTACH, attributes), "bpf(BPF_PROG_ATTACH)", "device filter");
          return;
        }
      }
      SystemCall.check(call(PROG_ATTACH, attributes), "bpf(BPF_PROG_ATTACH)", "device filter");
    }
    for (int id : before) {
      try (Fd old = byId(id);
          NativeBuffer attributes = NativeBuffer.allocate(ATTRIBUTES)) {
        attributes
            .putInt(0, cgroup.number())
            .putInt(4, old.number())
            .putInt(8, ATTACH_CGROUP_DEVICE);
        SystemCall.check(call(PROG_DETACH, attributes), "bpf(BPF_PROG_DETACH)", "device filter");
      }
    }
  }

  private static Fd byId(int id) {
    try (NativeBuffer attributes = NativeBuffer.allocate(ATTRIBUTES)) {
      attributes.putInt(0, id);
      return Fd.of(
          (int)
              SystemCall.check(
                  call(PROG_GET_FD_BY_ID, attributes), "bpf(BPF_PROG_GET_FD_BY_ID)", "" + id));
    }
  }

  private static List<Integer> attached(Fd cgroup) {
    try (NativeBuffer attributes = NativeBuffer.allocate(ATTRIBUTES);
        NativeBuffer ids = NativeBuffer.allocate(4 * 64)) {
      attributes
          .putInt(0, cgroup.number())
          .putInt(4, ATTACH_CGROUP_DEVICE)
          .putLong(16, ids.address())
          .putInt(24, 64);
      SystemCall.check(call(PROG_QUERY, attributes), "bpf(BPF_PROG_QUERY)", "device filter");
      List<Integer> result = new ArrayList<>();
      for (int i = 0; i < Math.min(64, attributes.getInt(24)); i++) {
        result.add(ids.getInt(4 * i));
      }
      return result;
    }
  }
}
