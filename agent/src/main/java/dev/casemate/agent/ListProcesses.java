package dev.casemate.agent;

import dev.casemate.base.Json;
import dev.casemate.linux.ProcessInfo;
import dev.casemate.protocol.agent.ListProcessesRequest;
import dev.casemate.protocol.agent.ListProcessesResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * {@code ListProcesses}: a JSON array with an object a process: pid (in the guest), containerPid,
 * ppid, uid, cpuMillis, startSeconds (since the guest's boot), rssBytes, tty, stat, comm, command.
 */
final class ListProcesses {
  private static final int PROCESSES_LIMIT = 4096;
  private static final int BYTES_LIMIT = 1 << 20;
  private static final int COMMAND_LIMIT = 4096;
  private static final int TICKS_A_SECOND = 100;

  private ListProcesses() {}

  static ListProcessesResponse handle(Agent agent, ListProcessesRequest request) {
    if (!request.format().isEmpty() && !request.format().equals("json")) {
      throw Failures.invalid(
          "process list format \"" + request.format() + "\" is unknown; expected json");
    }
    String text = json(agent.containers().find(request.containerId()).cell().processes());
    return ListProcessesResponse.builder()
        .processList(text.getBytes(StandardCharsets.UTF_8))
        .build();
  }

  static String json(List<ProcessInfo> processes) {
    StringBuilder text = new StringBuilder("[");
    int count = 0;
    for (ProcessInfo process : processes) {
      String object = object(process).text();
      // A character takes up to three bytes.
      if (++count > PROCESSES_LIMIT || text.length() + object.length() > BYTES_LIMIT / 3) {
        break;
      }
      text.append(count > 1 ? "," : "").append(object);
    }
    return text.append(']').toString();
  }

  private static Json.Obj object(ProcessInfo process) {
    return new Json.Obj()
        .put("pid", process.pid())
        .put("containerPid", process.containerPid())
        .put("ppid", process.ppid())
        .put("uid", process.uid() & 0xffffffffL)
        .put("cpuMillis", process.cpuTicks() * 1000 / TICKS_A_SECOND)
        .put("startSeconds", process.startTicks() / TICKS_A_SECOND)
        .put("rssBytes", process.residentBytes())
        .put("tty", terminal(process.tty()))
        .put("stat", clean(process.state()))
        .put("comm", clean(process.command()))
        .put("command", clean(process.commandLine()));
  }

  /** A name as ps(1) writes it; the number is the kernel's encoding of major and minor. */
  static String terminal(int device) {
    int major = (device >> 8) & 0xfff;
    int minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    if (device == 0) {
      return "?";
    }
    if (major >= 136 && major <= 143) {
      return "pts/" + (minor + (major - 136) * 256);
    }
    return major == 5 && minor == 1 ? "console" : major + ":" + minor;
  }

  /** A process chooses its name: no control characters, no endless texts. */
  private static String clean(String text) {
    String part = text.length() > COMMAND_LIMIT ? text.substring(0, COMMAND_LIMIT) : text;
    return Console.printable(part).replace('\n', ' ').replace('\t', ' ');
  }
}
