package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A container that was saved with its VM: a directory with {@code casemate.json}, which this is,
 * {@code memory}, and a file for each disk that can be written to, numbered from 0. What can only
 * be read (an image's layers) is not in it and must be there again.
 *
 * <p>What is read here may come from anybody: it names sizes, never files of the host, and {@link
 * VmRestore} holds it against what the node allows.
 *
 * @param start what the VM was started with
 * @param configured see {@link SandboxConfig}
 * @param size what it had when it was saved
 * @param agentChannel which device the VM has for it
 * @param kernelBytes size of the guest kernel's file
 * @param disks in the order of {@code snapshot.disks()}
 * @param container as the guest knows it
 */
public record VmCheckpoint(
    VmSize start,
    VmSize configured,
    VmSize most,
    VmSize size,
    int hotplugPorts,
    AgentChannel agentChannel,
    long kernelBytes,
    VmSnapshot snapshot,
    List<SavedDisk> disks,
    SavedContainer container) {
  private static final int VERSION = 1;
  private static final int LIMIT = 1 << 20;
  private static final String RECORD = "/casemate.json";

  /**
   * A disk.
   *
   * @param fingerprint of what can only be read; see {@link DiskContent#fingerprint}
   */
  public record SavedDisk(boolean readOnly, long bytes, long fingerprint) {}

  /** The container's init process is frozen. */
  public record SavedContainer(String guestId, boolean terminal) {}

  public VmCheckpoint {
    disks = List.copyOf(disks);
  }

  static String memory(String directory) {
    return directory + "/memory";
  }

  static String disk(String directory, int index) {
    return directory + "/disk" + index;
  }

  /**
   * Opens a file of a checkpoint. Engines unpack checkpoints from images, which may have a link to
   * any file of the host in its place, or a FIFO without a writer.
   *
   * @throws CasemateException INVALID_ARGUMENT if it is not a regular file
   */
  static Fd open(String path) {
    int slash = path.lastIndexOf('/');
    try (Fd directory = Fs.open(path.substring(0, slash + 1), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      return Fs.openRegularAt(directory, path.substring(slash + 1))
          .orElseThrow(
              () ->
                  CasemateException.of(
                      Kind.INVALID_ARGUMENT,
                      "checkpoint file " + path + " is not a regular file; do not use it"));
    }
  }

  private static String record(String path) {
    try (Fd file = open(path)) {
      return new String(FileContent.readBytes(file, path, LIMIT), StandardCharsets.UTF_8);
    }
  }

  /** Removes what an unfinished checkpoint has written. */
  static void discard(String directory, int disks) {
    try {
      Fs.unlinkIfExists(directory + RECORD);
      Fs.unlinkIfExists(memory(directory));
      for (int i = 0; i < disks; i++) {
        Fs.unlinkIfExists(disk(directory, i));
      }
    } catch (LinuxException e) {
      // The cause of the failure is being reported.
    }
  }

  void write(String directory) {
    List<Json.Obj> all = new ArrayList<>();
    for (SavedDisk disk : disks) {
      all.add(
          new Json.Obj()
              .put("readOnly", disk.readOnly())
              .put("bytes", disk.bytes())
              .put("fingerprint", disk.fingerprint()));
    }
    Json.Obj json =
        new Json.Obj()
            .put("version", VERSION)
            .put("start", size(start))
            .put("configured", size(configured))
            .put("most", size(most))
            .put("size", size(size))
            .put("hotplugPorts", hotplugPorts)
            .put("agentChannel", agentChannel.word())
            .put("kernelBytes", kernelBytes)
            .put("snapshot", snapshot.toJson())
            .putObjects("disks", all)
            .put(
                "container",
                new Json.Obj()
                    .put("guestId", container.guestId())
                    .put("terminal", container.terminal()));
    byte[] text = json.pretty().getBytes(StandardCharsets.UTF_8);
    try (var file =
        Fs.open(
            directory + RECORD, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0600)) {
      file.writeAll(text);
    }
  }

  /**
   * Reads what {@link #write} has written.
   *
   * @throws CasemateException INVALID_ARGUMENT if the directory has no checkpoint of a VM
   */
  public static VmCheckpoint read(String directory) {
    Json.Obj json;
    try {
      json = Json.parseObject(record(directory + RECORD));
    } catch (LinuxException | CasemateException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "checkpoint "
              + directory
              + " cannot be restored: it is not a checkpoint of a VM made by Casemate ("
              + e.getMessage()
              + ")",
          e);
    }
    if (json.integer("version", 0) != VERSION) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "checkpoint "
              + directory
              + " has version "
              + json.integer("version", 0)
              + ", this Casemate reads version "
              + VERSION);
    }
    List<SavedDisk> disks = new ArrayList<>();
    for (Json.Obj disk : json.objects("disks")) {
      disks.add(
          new SavedDisk(
              disk.bool("readOnly", false),
              disk.integer("bytes", 0),
              disk.integer("fingerprint", 0)));
    }
    Json.Obj container = json.object("container").orElseGet(Json.Obj::new);
    return new VmCheckpoint(
        size(json, "start"),
        size(json, "configured"),
        size(json, "most"),
        size(json, "size"),
        (int) json.integer("hotplugPorts", 0),
        AgentChannel.of(json.string("agentChannel")),
        json.integer("kernelBytes", 0),
        VmSnapshot.fromJson(json.object("snapshot").orElseGet(Json.Obj::new)),
        disks,
        new SavedContainer(container.string("guestId"), container.bool("terminal", false)));
  }

  private static Json.Obj size(VmSize size) {
    return new Json.Obj().put("memoryMib", size.memoryMib()).put("vcpus", size.vcpus());
  }

  private static VmSize size(Json.Obj json, String name) {
    Json.Obj size = json.object(name).orElseGet(Json.Obj::new);
    return new VmSize((int) size.integer("memoryMib", 0), (int) size.integer("vcpus", 0));
  }
}
