package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CloseStdinRequest;
import dev.casemate.protocol.agent.CopyFileRequest;
import dev.casemate.protocol.agent.OOMEvent;
import dev.casemate.protocol.agent.ReadStreamRequest;
import dev.casemate.protocol.agent.ReadStreamResponse;
import dev.casemate.protocol.agent.SignalProcessRequest;
import dev.casemate.protocol.agent.WaitProcessResponse;
import dev.casemate.protocol.agent.WriteStreamRequest;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.RelayRequest;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.rpc.TtrpcServer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;

/** A guest whose agent says what a test wants: relays are two queues of pieces. */
final class ScriptedGuest implements AutoCloseable {
  /** What a relay's standard output ends with. */
  static final byte[] END = ProtoMessage.NO_BYTES;

  /** One relay, by its exec id. */
  static final class Relay {
    final BlockingQueue<byte[]> output = new LinkedBlockingQueue<>();
    final BlockingQueue<byte[]> input = new LinkedBlockingQueue<>();
    volatile String container = "";
  }

  final Map<String, Relay> relays = new ConcurrentHashMap<>();
  final BlockingQueue<String> oomEvents = new LinkedBlockingQueue<>();
  final List<String> warnings = new CopyOnWriteArrayList<>();

  /** Whether the next warning fails as anything may that takes memory. */
  final AtomicBoolean outOfMemory = new AtomicBoolean();

  /** {@code path=content} of each file that was sent. */
  final List<String> files = new CopyOnWriteArrayList<>();

  volatile int fileMode;
  volatile String fileOwner = "";
  final List<String> gone = new CopyOnWriteArrayList<>();
  final AgentClient agent;
  volatile boolean deaf;
  private final TtrpcServer server;

  ScriptedGuest() {
    Fd[] ends = UnixSocket.pair();
    server =
        new TtrpcServer(List.of(new Service(AgentService.NAME), new Service(GuestService.NAME)));
    server.start(new FdChannel(ends[1]));
    agent = new AgentClient(new TtrpcClient(new FdChannel(ends[0]), "the guest"), this::warned);
  }

  private void warned(String message) {
    if (outOfMemory.getAndSet(false)) {
      throw new OutOfMemoryError("a test's");
    }
    warnings.add(message);
  }

  Relay relay(String execId) {
    return relays.computeIfAbsent(execId, _ -> new Relay());
  }

  @Override
  public void close() {
    agent.close();
    server.close();
  }

  private final class Service implements RpcService {
    private final String name;

    Service(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      try {
        return handle(method, payload);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    private byte[] handle(String method, byte[] payload) throws InterruptedException {
      switch (method) {
        case GuestService.START_RELAY -> {
          RelayRequest request = RelayRequest.decode(payload);
          if (gone.contains(request.containerId())) {
            throw new RpcException(RpcStatus.NOT_FOUND, request.containerId());
          }
          relay(request.execId()).container = request.containerId();
        }
        case AgentService.READ_STDOUT -> {
          byte[] piece = relay(ReadStreamRequest.decode(payload).execId()).output.take();
          return ReadStreamResponse.builder().data(piece).build().encode();
        }
        case AgentService.GET_OOM_EVENT -> {
          return OOMEvent.builder().containerId(oomEvents.take()).build().encode();
        }
        case AgentService.WRITE_STDIN -> {
          WriteStreamRequest request = WriteStreamRequest.decode(payload);
          relay(request.execId()).input.add(request.data());
        }
        case AgentService.CLOSE_STDIN ->
            relay(CloseStdinRequest.decode(payload).execId()).input.add(END);
        case AgentService.SIGNAL_PROCESS -> {
          if (!deaf) {
            relay(SignalProcessRequest.decode(payload).execId()).output.add(END);
          }
        }
        case AgentService.COPY_FILE -> {
          CopyFileRequest request = CopyFileRequest.decode(payload);
          fileMode = request.fileMode();
          fileOwner = request.uid() + ":" + request.gid();
          files.add(request.path() + "=" + new String(request.data(), StandardCharsets.UTF_8));
        }
        case AgentService.WAIT_PROCESS -> {
          return WaitProcessResponse.builder().build().encode();
        }
        default -> throw RpcException.unimplemented(name, method);
      }
      return ProtoMessage.NO_BYTES;
    }
  }
}
