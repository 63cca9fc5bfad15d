package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protobuf.ProtoWriter;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CreateContainerRequest;
import dev.casemate.protocol.agent.ExecProcessRequest;
import dev.casemate.protocol.agent.OOMEvent;
import dev.casemate.protocol.agent.ReadStreamResponse;
import dev.casemate.protocol.oci.Process;
import dev.casemate.rpc.Frame;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Plays {@link HostileRole}s. They come from the initramfs, from variable {@code HOSTILE} of a
 * container that is made, and from {@code exec CONTAINER hostile LINES}, which replaces those
 * before, runs nothing, and is answered with an error that tells what was done.
 */
final class Hostile implements HostConnection.Service {
  private static final String COMMAND = "hostile";
  private static final String VARIABLE = "HOSTILE=";
  private static final int PIECE = Transfer.LIMIT;
  private static final long ENDLESS = -1;
  private static final int BUSY_MILLIS = 2;

  private final Agent agent;
  private Fd port;
  private List<HostileRole> roles = List.of();
  private String containerId = "";
  private final StringBuilder told = new StringBuilder();
  private int played;

  Hostile(Agent agent, Fd port) {
    this.agent = agent;
    this.port = port;
  }

  void start(String lines) {
    load(lines);
    if (port.isOpen()) {
      agent.start(new HostWay.Port(port), this);
    }
  }

  private void load(String lines) {
    roles = HostileRole.parse(lines);
    told.setLength(0);
    played = 0;
    for (HostileRole role : roles) {
      if (role.method().equals(HostileRole.NOW)) {
        play(role, 0, null);
      }
    }
  }

  @Override
  public void call(String service, String method, byte[] payload, Answer answer) {
    switch (method) {
      case AgentService.CREATE_CONTAINER -> {
        CreateContainerRequest request = CreateContainerRequest.decode(payload);
        containerId = request.containerId();
        request.oci().flatMap(spec -> spec.process()).ifPresent(this::loadFromVariable);
      }
      case AgentService.EXEC_PROCESS -> {
        List<String> words =
            ExecProcessRequest.decode(payload).process().map(Process::args).orElse(List.of());
        if (words.size() == 2 && words.getFirst().equals(COMMAND)) {
          int before = played;
          load(words.getLast());
          throw CasemateException.of(
              Kind.COMMAND_NOT_FOUND, "requests played with: " + before + "; now:" + told);
        }
      }
      default -> {}
    }
    for (HostileRole role : roles) {
      if (role.concerns(method, payload)) {
        played++;
        play(role, 0, new Request(service, method, payload, answer));
        return;
      }
    }
    Services.call(agent, service, method, payload, answer);
  }

  private void loadFromVariable(Process process) {
    for (String variable : process.env()) {
      if (variable.startsWith(VARIABLE)) {
        load(variable.substring(VARIABLE.length()));
      }
    }
  }

  private record Request(String service, String method, byte[] payload, Answer answer) {
    private Request {
      payload = payload.clone();
    }
  }

  private static Request requireRequest(@Nullable Request request) {
    if (request == null) {
      throw new IllegalArgumentException("there is no request to answer");
    }
    return request;
  }

  private void play(HostileRole role, int first, @Nullable Request request) {
    for (int i = first; i < role.actions().size(); i++) {
      HostileRole.Action action = role.actions().get(i);
      if (action.word().equals("then")) {
        int next = i + 1;
        agent.loop().after(action.number(0), () -> play(role, next, request));
        return;
      }
      if (!playOnMachine(action)) {
        answer(role, action, requireRequest(request));
      }
    }
  }

  private void answer(HostileRole role, HostileRole.Action action, Request request) {
    Answer answer = request.answer();
    switch (action.word()) {
      case "silent" -> {}
      case "real" ->
          Services.call(agent, request.service(), request.method(), request.payload(), answer);
      case "ok" -> answer.ok(new Raw(action.bytes(0)));
      case "fail" ->
          answer.fail(
              new RpcException(
                  RpcStatus.of((int) action.number(0)),
                  new String(action.bytes(1), StandardCharsets.UTF_8)));
      case "oom" -> answer.ok(OOMEvent.builder().containerId(containerId).build());
      case "stream" -> {
        long total = action.number(1);
        long left = total == ENDLESS ? Long.MAX_VALUE : total - role.streamed;
        int count = (int) Math.min(left, action.arguments().size() > 2 ? action.number(2) : PIECE);
        byte[] data = repeated(action.bytes(0), role.streamed, count);
        role.streamed += count;
        answer.ok(ReadStreamResponse.builder().data(data).build());
      }
      default -> throw new IllegalArgumentException("no action " + action.word());
    }
  }

  private boolean playOnMachine(HostileRole.Action action) {
    switch (action.word()) {
      case "raw" -> write(port, action.bytes(0), 0, action.number(1));
      case "frames" -> frames(action);
      case "close" -> {
        agent.loop().forget(port);
        port.close();
      }
      case "open" -> {
        port = VirtioPort.open().orElseThrow();
        new HostConnection(agent.loop(), agent.console(), port, this).start();
      }
      case "never" -> port.close();
      case "reboot" -> Machine.restart();
      case "halt" -> Machine.powerOff();
      case "clock" -> Machine.setTime(action.number(0), 0);
      case "console" -> {
        int flags = OpenFlag.WRITE_ONLY | OpenFlag.NO_CTTY | OpenFlag.NON_BLOCK;
        write(Fs.open("/dev/console", flags), action.bytes(0), 0, action.number(1));
      }
      case "plant" -> told.append(' ').append(HostilePlanting.plant(action.text(0)));
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Frames of streams FROM to TO by STEP: TYPE, the length to claim (-1: the truth), the data. */
  private void frames(HostileRole.Action action) {
    byte[] data = action.bytes(5);
    int length = action.number(4) == ENDLESS ? data.length : (int) action.number(4);
    for (long id = action.number(0); id <= action.number(1); id += action.number(2)) {
      byte[] frame = new byte[Frame.HEADER_LENGTH + data.length];
      putInt(frame, 0, length);
      putInt(frame, 4, (int) id);
      frame[8] = (byte) action.number(3);
      System.arraycopy(data, 0, frame, Frame.HEADER_LENGTH, data.length);
      write(port, frame, 0, frame.length);
    }
  }

  private static void putInt(byte[] to, int at, int value) {
    for (int i = 0; i < 4; i++) {
      to[at + i] = (byte) (value >>> (24 - 8 * i));
    }
  }

  /** Writes a pattern again and again, as fast as it is taken. */
  private void write(Fd fd, byte[] pattern, long begin, long total) {
    long done = begin;
    for (int turns = 0; turns < 16 && (total == ENDLESS || done < total); turns++) {
      int want = (int) (total == ENDLESS ? PIECE : Math.min(PIECE, total - done));
      int n;
      try {
        n = agent.loop().transfer().write(fd, repeated(pattern, done, want), 0, want);
      } catch (LinuxException e) {
        return;
      }
      if (n == Fd.WOULD_BLOCK) {
        long reached = done;
        agent.loop().after(BUSY_MILLIS, () -> write(fd, pattern, reached, total));
        return;
      }
      done += n;
    }
    if (total == ENDLESS || done < total) {
      long reached = done;
      agent.loop().later(() -> write(fd, pattern, reached, total));
    }
  }

  private static byte[] repeated(byte[] pattern, long offset, int count) {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = pattern[(int) ((offset + i) % pattern.length)];
    }
    return bytes;
  }

  /** What is sent as it is, whether it is a message or not. */
  private record Raw(byte[] bytes) implements ProtoMessage {
    private Raw {
      bytes = bytes.clone();
    }

    @Override
    public byte[] encode() {
      return bytes;
    }

    @Override
    public void write(ProtoWriter writer) {
      throw new IllegalStateException("what is raw has no fields");
    }
  }
}
