package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.FileMark;
import dev.casemate.hypervisor.VmTemplate;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import dev.casemate.protocol.casemate.BootReport;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * A VM that has booted once, with an agent that answers and nothing of any container in it: a
 * directory with {@code memory}, {@code state} and {@code template.json}, which is this.
 *
 * @param facts see {@link TemplateKind#facts}
 * @param createdMillis when it was made, since 1970
 * @param memory the mark that the file had when it was complete
 * @param state likewise
 * @param report what the guest said of itself when it had booted
 */
public record Template(
    String directory,
    TemplateKind kind,
    String facts,
    int memoryMib,
    int maxMemoryMib,
    long createdMillis,
    FileMark memory,
    FileMark state,
    BootReport report) {
  static final String RECORD = "/template.json";
  static final String MEMORY = "/memory";
  static final String STATE = "/state";
  private static final int LIMIT = 64 * 1024;

  /** What its directory is called. */
  public String key() {
    return directory.substring(directory.lastIndexOf('/') + 1);
  }

  VmTemplate files() {
    return new VmTemplate(directory + MEMORY, directory + STATE);
  }

  /** Of the guest's kernel. */
  public String kernelRelease() {
    return report.kernelRelease();
  }

  /** Bytes that it takes on the disk. */
  public long diskBytes() {
    long blocks = 0;
    for (String name : new String[] {MEMORY, STATE, RECORD}) {
      blocks += Fs.statIfExists(directory + name).map(Stat::blocks).orElse(0L);
    }
    return blocks * 512;
  }

  /** Why it cannot be used; empty if its files are as they were written. */
  Optional<String> damage() {
    try {
      if (!FileMark.of(directory + MEMORY).isSameAs(memory)) {
        return Optional.of("its memory has been changed since it was written");
      }
      if (!FileMark.of(directory + STATE).isSameAs(state)) {
        return Optional.of("its state has been changed since it was written");
      }
      return Optional.empty();
    } catch (LinuxException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  Json.Obj toJson() {
    return new Json.Obj()
        .put("kind", kind.toJson())
        .put("facts", facts)
        .put("memoryMib", memoryMib)
        .put("maxMemoryMib", maxMemoryMib)
        .put("createdMillis", createdMillis)
        .put("memory", memory.toJson())
        .put("state", state.toJson())
        .put("kernelRelease", report.kernelRelease())
        .put("agentVersion", report.agentVersion())
        .put("machine", report.machine())
        .put("memoryTotalBytes", report.memoryTotalBytes())
        .put("agentRssBytes", report.agentRssBytes());
  }

  void write() {
    FileContent.write(directory + RECORD, toJson().pretty().getBytes(StandardCharsets.UTF_8), 0600);
  }

  /**
   * Reads one.
   *
   * @throws CasemateException CORRUPT if its record is damaged, NOT_FOUND if it has no record
   */
  static Template read(String directory) {
    Json.Obj json;
    try {
      json = Json.parseObject(FileContent.readString(directory + RECORD, LIMIT));
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "template " + directory + " has no record: " + e.getMessage(), e);
    } catch (CasemateException e) {
      throw CasemateException.of(
          Kind.CORRUPT, "template " + directory + " has a damaged record: " + e.getMessage(), e);
    }
    return new Template(
        directory,
        TemplateKind.fromJson(part(json, "kind")),
        json.string("facts"),
        (int) json.integer("memoryMib", 0),
        (int) json.integer("maxMemoryMib", 0),
        json.integer("createdMillis", 0),
        FileMark.fromJson(part(json, "memory")),
        FileMark.fromJson(part(json, "state")),
        BootReport.builder()
            .kernelRelease(json.string("kernelRelease"))
            .agentVersion(json.string("agentVersion"))
            .machine(json.string("machine"))
            .memoryTotalBytes(json.integer("memoryTotalBytes", 0))
            .agentRssBytes(json.integer("agentRssBytes", 0))
            .build());
  }

  private static Json.Obj part(Json.Obj json, String name) {
    return json.object(name).orElseGet(Json.Obj::new);
  }
}
