package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.OOMEvent;
import dev.casemate.rpc.Channel;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.task.GuestPids;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A hostile agent: to the host's calls it says the fuzzer's bytes, once as a whole stream and once
 * as what each answer carries.
 */
@Fuzzes({AgentClient.class, TtrpcClient.class, GuestPids.class, RpcErrors.class})
public final class GuestAnswersFuzz {
  private static final int TIMEOUT_MILLIS = 5_000;

  private GuestAnswersFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int mode = input.next();
    byte[] rest = input.rest();
    Expect.parsed(() -> GuestPids.of(Input.text(rest), 1))
        .ifPresent(
            pids -> {
              for (int i = 0; i < pids.processes().size(); i++) {
                Expect.same(i == 0 ? 1 : 0, pids.processes().get(i).pid());
              }
            });
    try (TtrpcClient client = new TtrpcClient(new Bytes(rest), "the guest")) {
      call(new AgentClient(client), mode);
    }
  }

  private static void call(AgentClient agent, int mode) {
    try {
      switch (mode & 3) {
        case 0 -> agent.readStream(false, "container", "exec", 1000);
        case 1 -> {
          int status = agent.waitProcess("container", "exec");
          Expect.that(status >= 0 && status < 256, "status ", status);
        }
        case 2 ->
            OOMEvent.decode(
                agent.call(
                    AgentService.NAME,
                    AgentService.GET_OOM_EVENT,
                    OOMEvent.builder().build(),
                    TIMEOUT_MILLIS));
        default -> agent.check(TIMEOUT_MILLIS);
      }
    } catch (RpcException e) {
      // A refusal by the guest is told in our words.
      CasemateException told = RpcErrors.fromRpc(e);
      Expect.that(told.getMessage() != null && told.getMessage().length() < 10_000, "long");
    } catch (MalformedMessageException e) {
      // The guest is given up.
      return;
    }
  }

  /** A connection on which the guest has said something and hangs up. */
  private static final class Bytes implements Channel {
    private final byte[] bytes;
    private final BlockingQueue<Boolean> asked = new LinkedBlockingQueue<>();
    private int at = -1;

    Bytes(byte[] bytes) {
      this.bytes = bytes;
    }

    @Override
    public int read(byte[] b, int off, int len) {
      try {
        if (at < 0 && asked.take()) {
          at = 0;
        }
      } catch (InterruptedException e) {
        return -1;
      }
      int n = Math.min(len, bytes.length - Math.max(at, 0));
      if (n <= 0) {
        return -1;
      }
      System.arraycopy(bytes, at, b, off, n);
      at += n;
      return n;
    }

    @Override
    public void write(byte[] b, int off, int len) {
      asked.add(true);
    }

    @Override
    public void close() {
      asked.add(true);
    }
  }
}
