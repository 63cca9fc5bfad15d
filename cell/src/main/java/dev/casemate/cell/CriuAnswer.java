package dev.casemate.cell;

import dev.casemate.protobuf.ProtoReader;

/**
 * What criu says: its RPC's {@code criu_resp}.
 *
 * @param type that of the request, or of a notification
 * @param pid of the restored process, 0 if it is none
 * @param script what a notification is of; empty for an answer
 * @param message the first error, if criu tells one
 */
record CriuAnswer(int type, boolean success, int pid, String script, String message) {
  private static final int TYPE = 1 << 3;
  private static final int SUCCESS = 2 << 3;
  private static final int RESTORE = 4 << 3 | 2;
  private static final int NOTIFY = 5 << 3 | 2;
  private static final int MESSAGE = 9 << 3 | 2;
  private static final int RESTORED_PID = 1 << 3;
  private static final int SCRIPT = 1 << 3 | 2;

  static CriuAnswer decode(byte[] bytes) {
    ProtoReader reader = new ProtoReader(bytes);
    int type = 0;
    boolean success = false;
    int pid = 0;
    String script = "";
    String message = "";
    for (int tag = reader.tag(); tag != 0; tag = reader.tag()) {
      switch (tag) {
        case TYPE -> type = reader.varint32();
        case SUCCESS -> success = reader.bool();
        case MESSAGE -> message = reader.string();
        case RESTORE, NOTIFY -> {
          int outer = reader.enter();
          for (int field = reader.tag(); field != 0; field = reader.tag()) {
            if (tag == RESTORE && field == RESTORED_PID) {
              pid = reader.varint32();
            } else if (tag == NOTIFY && field == SCRIPT) {
              script = reader.string();
            } else {
              reader.skip(field);
            }
          }
          reader.leave(outer);
        }
        default -> reader.skip(tag);
      }
    }
    return new CriuAnswer(type, success, pid, script, message);
  }
}
