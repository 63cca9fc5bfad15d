package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.linux.MemoryUse;
import dev.casemate.linux.Processes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a sandbox costs the host, beside what its guest counts: the memory of its VMM, of its
 * file-sharing daemon and of the process that owns them. What the kernel does not tell is absent.
 */
public record HostUse(List<HostUse.Process> processes) {
  /**
   * @param role {@code vmm}, {@code virtiofsd} or {@code sandbox}
   */
  public record Process(String role, int pid, Optional<MemoryUse> memory) {
    static Process of(String role, int pid) {
      return new Process(role, pid, MemoryUse.withChildren(pid));
    }

    private Json.Obj toJson() {
      Json.Obj json = new Json.Obj().put("role", role).put("pid", pid);
      memory.ifPresent(known -> HostUse.put(json, known));
      return json;
    }
  }

  public HostUse {
    processes = List.copyOf(processes);
  }

  /** Of the sandbox that this process owns. */
  static HostUse of(int vmm, Optional<Integer> shareDaemon) {
    List<Process> processes = new ArrayList<>();
    processes.add(Process.of("vmm", vmm));
    shareDaemon.ifPresent(pid -> processes.add(Process.of("virtiofsd", pid)));
    // Not with its children: the two above are among them.
    int own = Processes.currentPid();
    processes.add(new Process("sandbox", own, MemoryUse.of(own)));
    return new HostUse(processes);
  }

  /** All processes together; empty unless each is known. */
  public Optional<MemoryUse> memory() {
    Optional<MemoryUse> sum = Optional.of(new MemoryUse(0, 0));
    for (Process process : processes) {
      sum = sum.flatMap(before -> process.memory().map(before::plus));
    }
    return sum;
  }

  Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    memory().ifPresent(known -> put(json, known));
    List<Json.Obj> each = new ArrayList<>();
    for (Process process : processes) {
      each.add(process.toJson());
    }
    return json.putObjects("processes", each);
  }

  private static void put(Json.Obj json, MemoryUse memory) {
    json.put("pssBytes", memory.proportionalBytes())
        .put("privateBytes", memory.privateBytes())
        .put("sharedBytes", memory.sharedBytes());
  }
}
