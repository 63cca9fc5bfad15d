package dev.casemate.cell;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Processes;
import dev.casemate.oci.CriuOptions;
import dev.casemate.protobuf.ProtoWriter;

/** What criu is asked for: its RPC's {@code criu_req} (criu's images/rpc.proto). */
final class CriuRequest {
  /** Requests; {@code value} as in {@code criu_req_type}. */
  enum Type {
    DUMP("dump", 1, "dump.log"),
    RESTORE("restore", 2, "restore.log"),
    PRE_DUMP("pre-dump", 13, "dump.log");

    /** As criu's command line calls it. */
    final String word;

    final int value;

    /** Name of the log file. */
    final String log;

    Type(String word, int value, String log) {
      this.word = word;
      this.value = value;
      this.log = log;
    }
  }

  /** The type of a notification and of what it is answered with. */
  static final int NOTIFY = 6;

  private static final int TYPE = 1;
  private static final int OPTIONS = 2;
  private static final int NOTIFY_SUCCESS = 3;

  // Fields of criu_opts.
  private static final int IMAGES_DIRECTORY = 1;
  private static final int PID = 2;
  private static final int LEAVE_RUNNING = 3;
  private static final int EXTERNAL_UNIX_SOCKETS = 4;
  private static final int TCP_ESTABLISHED = 5;
  private static final int EVASIVE_DEVICES = 6;
  private static final int SHELL_JOB = 7;
  private static final int FILE_LOCKS = 8;
  private static final int LOG_LEVEL = 9;
  private static final int LOG_FILE = 10;
  private static final int NOTIFY_SCRIPTS = 12;
  private static final int ROOT = 13;
  private static final int PARENT_IMAGES = 14;
  private static final int TRACK_MEMORY = 15;
  private static final int AUTO_DEDUP = 16;
  private static final int WORK_DIRECTORY = 17;
  private static final int CGROUP_ROOT = 25;
  private static final int RESTORE_SIBLING = 26;
  private static final int INHERIT_FD = 27;
  private static final int MANAGE_CGROUPS_MODE = 34;
  private static final int EXTERNAL = 37;
  private static final int EMPTY_NAMESPACES = 38;
  private static final int FREEZE_CGROUP = 44;
  private static final int ORPHAN_PTS_MASTER = 50;
  private static final int CONFIGURATION_FILE = 51;
  private static final int LSM_PROFILE = 53;
  private static final int LSM_MOUNT_CONTEXT = 63;

  private static final int VERBOSE = 4;

  private final Type type;
  private final CriuOptions options;
  private final ProtoWriter fields = new ProtoWriter(1024);

  private CriuRequest(Type type, CriuOptions options, String rootfs) {
    this.type = type;
    this.options = options;
    fields.putInt32(LOG_LEVEL, VERBOSE);
    fields.string(LOG_FILE, type.log);
    fields.putBool(NOTIFY_SCRIPTS, true);
    // The other end of a container's terminal is the outside's.
    fields.putBool(ORPHAN_PTS_MASTER, true);
    fields.string(ROOT, rootfs);
    fields.putInt32(MANAGE_CGROUPS_MODE, cgroupsMode(options.manageCgroups()));
    fields.bool(TCP_ESTABLISHED, options.tcpEstablished());
    fields.bool(EXTERNAL_UNIX_SOCKETS, options.externalUnixSockets());
    fields.bool(SHELL_JOB, options.shellJob());
    fields.bool(FILE_LOCKS, options.fileLocks());
    fields.bool(AUTO_DEDUP, options.autoDedup());
    if (options.emptyNetwork()) {
      fields.putUint32(EMPTY_NAMESPACES, (int) Processes.CLONE_NEWNET);
    }
  }

  /** As {@code criu_cg_mode} numbers it. */
  private static int cgroupsMode(String word) {
    return switch (word) {
      case "ignore" -> 0;
      case "full" -> 4;
      case "strict" -> 5;
      default -> 3;
    };
  }

  static CriuRequest dump(CriuOptions options, int pid, String rootfs) {
    CriuRequest request =
        new CriuRequest(options.preDump() ? Type.PRE_DUMP : Type.DUMP, options, rootfs);
    request.fields.putInt32(PID, pid);
    request.fields.string(PARENT_IMAGES, options.parent());
    request.fields.bool(TRACK_MEMORY, options.preDump() || !options.parent().isEmpty());
    request.fields.bool(LEAVE_RUNNING, options.leaveRunning() && !options.preDump());
    return request;
  }

  static CriuRequest restore(CriuOptions options, String rootfs) {
    CriuRequest request = new CriuRequest(Type.RESTORE, options, rootfs);
    // A child of the process that started criu; criu itself ends then.
    request.fields.putBool(RESTORE_SIBLING, true);
    // The inherited streams may be devices that the container does not have.
    request.fields.putBool(EVASIVE_DEVICES, true);
    request.fields.string(LSM_PROFILE, options.lsmProfile());
    request.fields.string(LSM_MOUNT_CONTEXT, options.lsmMountContext());
    return request;
  }

  Type type() {
    return type;
  }

  CriuOptions options() {
    return options;
  }

  /** A file of options, which is descriptor {@code number} of criu's. */
  void configuration(int number) {
    fields.string(CONFIGURATION_FILE, "/proc/self/fd/" + number);
  }

  /** Something of the outside, as criu(8) names it under {@code --external}. */
  void external(String what) {
    fields.string(EXTERNAL, what);
  }

  /** By what criu freezes the processes. */
  void freezeCgroup(String directory) {
    fields.string(FREEZE_CGROUP, directory);
  }

  /** Where restored processes go; {@code controller} is empty for version 2. */
  void cgroupRoot(String controller, String path) {
    int root = fields.begin(CGROUP_ROOT);
    fields.string(1, controller);
    fields.putString(2, path);
    fields.end(root);
  }

  /** The descriptor {@code number} of criu's takes the place of what is so called in the images. */
  void inherit(int number, String key) {
    int inherited = fields.begin(INHERIT_FD);
    fields.putString(1, key);
    fields.putInt32(2, number);
    fields.end(inherited);
  }

  /** The whole request; criu finds the directories as descriptors of the process that sends it. */
  byte[] bytes(Fd images, Fd work) {
    fields.putInt32(IMAGES_DIRECTORY, images.number());
    fields.putInt32(WORK_DIRECTORY, work.number());
    ProtoWriter request = new ProtoWriter(fields.size() + 16);
    request.putInt32(TYPE, type.value);
    request.putBytes(OPTIONS, fields.toByteArray());
    return request.toByteArray();
  }

  /** What a notification is answered with: go on. */
  static byte[] goOn() {
    ProtoWriter answer = new ProtoWriter();
    answer.putInt32(TYPE, NOTIFY);
    answer.putBool(NOTIFY_SUCCESS, true);
    return answer.toByteArray();
  }
}
