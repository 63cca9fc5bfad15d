package dev.casemate.cell;

import dev.casemate.base.Json;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.cgroup.CgroupV1;
import dev.casemate.cgroup.ResctrlGroup;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protobuf.MalformedMessageException;

/** What a cell reads back: records, a dumped container's, criu's answers, its child's messages. */
@Fuzzes({
  ContainerRecord.class,
  ImageRecord.class,
  ResctrlGroup.class,
  Cgroup.class,
  CgroupV1.class,
  CriuAnswer.class,
  SyncChannel.class
})
public final class CellRecordsFuzz {
  private static final TempFile FILE = new TempFile("casemate.json");
  private static final int MOST_MESSAGES = 64;

  private CellRecordsFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> CriuAnswer.decode(data), MalformedMessageException.class);
    Expect.parsed(() -> Json.parseObject(Input.text(data)))
        .ifPresent(
            json -> {
              Expect.parsed(() -> ContainerRecord.fromJson(json))
                  .ifPresent(
                      record ->
                          Expect.same(
                              record.toJson().text(),
                              ContainerRecord.fromJson(record.toJson()).toJson().text()));
              Expect.parsed(() -> Cgroup.of(json));
            });
    FILE.with(data);
    Expect.parsed(() -> ImageRecord.read(FILE.directory()));
    child(data);
  }

  /** Messages of a process that is on its way into a container. */
  private static void child(byte[] data) {
    Fd[] ends = UnixSocket.pair();
    try (SyncChannel channel = new SyncChannel(ends[0])) {
      try (Fd end = ends[1]) {
        end.writeAll(data, 0, Math.min(data.length, 60_000));
      }
      for (int i = 0; i < MOST_MESSAGES; i++) {
        SyncChannel.Message message = channel.receive();
        if (message.type() == SyncChannel.END) {
          return;
        }
        SyncChannel.warnings(message);
        Expect.that(SyncChannel.error(message).getMessage() != null, "no words");
      }
    }
  }
}
