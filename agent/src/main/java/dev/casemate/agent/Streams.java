package dev.casemate.agent;

import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CloseStdinRequest;
import dev.casemate.protocol.agent.ReadStreamRequest;
import dev.casemate.protocol.agent.TtyWinResizeRequest;
import dev.casemate.protocol.agent.WriteStreamRequest;
import dev.casemate.rpc.RpcException;

/** The requests on a process's streams. */
final class Streams {
  private Streams() {}

  static void handle(Agent agent, String method, byte[] payload, Answer answer) {
    Containers containers = agent.containers();
    switch (method) {
      case AgentService.WRITE_STDIN -> {
        WriteStreamRequest request = WriteStreamRequest.decode(payload);
        containers
            .process(request.containerId(), request.execId())
            .stdin()
            .write(request.data(), answer);
      }
      case AgentService.READ_STDOUT -> {
        ReadStreamRequest request = ReadStreamRequest.decode(payload);
        containers
            .process(request.containerId(), request.execId())
            .stdout()
            .read(request.len(), answer);
      }
      case AgentService.READ_STDERR -> {
        ReadStreamRequest request = ReadStreamRequest.decode(payload);
        containers
            .process(request.containerId(), request.execId())
            .stderr()
            .read(request.len(), answer);
      }
      case AgentService.CLOSE_STDIN -> {
        CloseStdinRequest request = CloseStdinRequest.decode(payload);
        GuestProcess process = containers.process(request.containerId(), request.execId());
        // A terminal stays open: its output comes by the same way.
        if (!process.hasTerminal()) {
          process.stdin().closeWhenWritten();
        }
        answer.ok(Services.EMPTY);
      }
      case AgentService.TTY_WIN_RESIZE -> {
        TtyWinResizeRequest request = TtyWinResizeRequest.decode(payload);
        containers
            .process(request.containerId(), request.execId())
            .resize(request.column() & 0xffff, request.row() & 0xffff);
        answer.ok(Services.EMPTY);
      }
      default -> throw RpcException.unimplemented(AgentService.NAME, method);
    }
  }
}
