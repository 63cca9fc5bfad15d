package dev.casemate.task;

import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.protocol.containerd.ProcessDetails;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.PidsResponse;
import dev.casemate.protocol.task.ProcessInfo;

/**
 * The guest's processes as reported by containerd's Pids call. A pid of the guest means nothing on
 * the host, and callers look pids up there (docker top runs ps): so the first entry has the VMM's
 * pid, the others have none, and the details name the guest process of each entry; {@code ctr task
 * ps} prints them.
 */
public final class GuestPids {
  /** What clients of containerd know the details as. */
  private static final String DETAILS_TYPE = "containerd.runc.v1.ProcessDetails";

  private static final int TEXT_LIMIT = 256;

  /** Of a process that the host does not have. */
  private static final int NO_PID = 0;

  private GuestPids() {}

  /**
   * @param processes the agent's list, a JSON array
   * @param vmmPid the host's process that runs them all
   */
  public static PidsResponse of(String processes, int vmmPid) {
    PidsResponse.Builder response = PidsResponse.builder();
    if (!(Json.parse(processes) instanceof Json.Arr list)) {
      return response.build();
    }
    boolean first = true;
    for (Json entry : list.values()) {
      if (entry instanceof Json.Obj process) {
        String text = process.integer("pid", 0) + " " + name(process);
        response.addProcesses(
            ProcessInfo.builder()
                .pid(first ? vmmPid : NO_PID)
                .info(
                    Any.builder()
                        .typeUrl(DETAILS_TYPE)
                        .value(ProcessDetails.builder().execId(text).build().encode())
                        .build())
                .build());
        first = false;
      }
    }
    return response.build();
  }

  private static String name(Json.Obj process) {
    String command = process.string("command");
    String name = command.isEmpty() ? "[" + process.string("comm") + "]" : command;
    return PlainText.line(name, TEXT_LIMIT);
  }
}
