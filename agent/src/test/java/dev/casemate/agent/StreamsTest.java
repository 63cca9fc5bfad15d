package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Tty;
import dev.casemate.protocol.agent.ReadStreamResponse;
import dev.casemate.protocol.agent.WaitProcessResponse;
import dev.casemate.protocol.agent.WriteStreamResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class StreamsTest {
  private final Loop loop = new Loop(new Console());
  private final ProcessPipes pipes = new ProcessPipes();
  private final Fd in = pipes.far().get(0);
  private final Fd out = pipes.far().get(1);
  private final Fd err = pipes.far().get(2);
  private final GuestProcess process = GuestProcess.ofPipes(loop, "p", 4711, pipes);

  private void turn(TestAnswer answer) {
    for (int i = 0; i < 100 && !answer.isDone(); i++) {
      loop.after(10, () -> {});
      loop.runOnce();
    }
  }

  private static String text(TestAnswer answer) {
    return new String(
        ((ReadStreamResponse) java.util.Objects.requireNonNull(answer.message)).data(),
        StandardCharsets.UTF_8);
  }

  private TestAnswer read(int limit) {
    TestAnswer answer = new TestAnswer();
    process.stdout().read(limit, answer);
    return answer;
  }

  private static void say(Fd fd, String text) {
    fd.writeAll(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aReadWaitsForOutput() {
    TestAnswer answer = read(3);
    loop.after(1, () -> {});
    loop.runOnce();
    assertThat(answer.isDone()).isFalse();
    say(out, "hello");
    turn(answer);
    assertThat(text(answer)).isEqualTo("hel");
    assertThat(text(read(100))).isEqualTo("lo");
    out.close();
    assertThat(text(read(100))).isEmpty();
    assertThat(text(read(100))).isEmpty();
  }

  @Test
  void outputIsNotTakenForAHostThatHasGone() {
    TestAnswer gone = read(100);
    gone.wanted = false;
    say(out, "kept");
    loop.after(1, () -> {});
    loop.runOnce();
    assertThat(gone.isDone()).isFalse();
    assertThat(text(read(100))).isEqualTo("kept");
  }

  @Test
  void readsOfOneStreamAreBounded() {
    for (int i = 0; i < 16; i++) {
      read(1);
    }
    assertThatThrownBy(() -> read(1)).isInstanceOf(CasemateException.class);
  }

  @Test
  void waitingEndsWithTheStreams() {
    TestAnswer answer = new TestAnswer();
    process.await(answer);
    say(out, "rest");
    process.ended(7);
    assertThat(answer.isDone()).isFalse();
    out.close();
    err.close();
    assertThat(text(read(100))).isEqualTo("rest");
    assertThat(text(read(100))).isEmpty();
    turn(answer);
    assertThat(answer.message).isEqualTo(WaitProcessResponse.builder().status(7).build());
    assertThat(process.isDone()).isTrue();
  }

  @Test
  void waitingDoesNotLastAsLongAsWhatTheProcessHasLeftBehind() {
    TestAnswer answer = new TestAnswer();
    process.await(answer);
    TestAnswer reader = read(100);
    long start = System.nanoTime();
    process.ended(0);
    turn(answer);
    assertThat((System.nanoTime() - start) / 1_000_000).isBetween(450L, 2000L);
    assertThat(answer.isDone()).isTrue();
    assertThat(text(reader)).isEmpty();
  }

  @Test
  void aProcessThatDoesNotReadHoldsUpItsWriterOnly() {
    TestAnswer big = new TestAnswer();
    process.stdin().write(new byte[200_000], big);
    loop.after(1, () -> {});
    loop.runOnce();
    assertThat(big.isDone()).isFalse();
    byte[] chunk = new byte[65536];
    int got = 0;
    while (got < 200_000) {
      got += in.read(chunk, 0, chunk.length);
      loop.after(1, () -> {});
      loop.runOnce();
    }
    assertThat(big.message).isEqualTo(WriteStreamResponse.builder().len(200_000).build());
    process.stdin().closeWhenWritten();
    assertThat(in.read(chunk, 0, 1)).isEqualTo(Fd.END);
    assertThatThrownBy(() -> process.stdin().write(chunk, new TestAnswer()))
        .hasMessageContaining("closed");
  }

  @Test
  void inputIsBounded() {
    process.stdin().write(new byte[7 << 20], new TestAnswer());
    assertThatThrownBy(() -> process.stdin().write(new byte[2 << 20], new TestAnswer()))
        .hasMessageContaining("does not read");
  }

  @Test
  void writesFailWhenNobodyCanRead() {
    TestAnswer big = new TestAnswer();
    process.stdin().write(new byte[200_000], big);
    in.close();
    turn(big);
    assertThat(big.failure).isInstanceOf(CasemateException.class);
  }

  @Test
  void aTerminalCarriesBothDirections() {
    Tty.Pair pair = Tty.open("/dev/ptmx");
    GuestProcess shell = GuestProcess.ofTerminal(loop, "t", 4712, pair.master());
    shell.resize(132, 50);
    assertThat(Tty.size(pair.slave())).isEqualTo(new Tty.Size(132, 50));
    TestAnswer written = new TestAnswer();
    shell.stdin().write("x\n".getBytes(StandardCharsets.UTF_8), written);
    assertThat(written.isDone()).isTrue();
    TestAnswer echo = new TestAnswer();
    shell.stdout().read(100, echo);
    turn(echo);
    assertThat(text(echo)).isEqualTo("x\r\n");
    say(pair.slave(), "bye");
    pair.slave().close();
    shell.ended(0);
    TestAnswer wait = new TestAnswer();
    shell.await(wait);
    TestAnswer last = new TestAnswer();
    shell.stdout().read(100, last);
    assertThat(text(last)).isEqualTo("bye");
    TestAnswer end = new TestAnswer();
    shell.stdout().read(100, end);
    assertThat(text(end)).isEmpty();
    turn(wait);
    assertThat(wait.isDone()).isTrue();
    assertThatThrownBy(() -> shell.resize(1, 1)).hasMessageContaining("ended");
  }

  @Test
  void nothingInTheLoopEndsIt() {
    List<String> seen = new java.util.ArrayList<>();
    loop.later(
        () -> {
          throw new IllegalStateException("test");
        });
    loop.later(() -> seen.add("later"));
    loop.after(
        0,
        () -> {
          throw new StackOverflowError("test");
        });
    loop.after(1, () -> seen.add("timer"));
    loop.after(1, () -> seen.add("cancelled")).cancel();
    for (int i = 0; i < 5; i++) {
      loop.after(2, () -> {});
      loop.runOnce();
    }
    assertThat(seen).containsExactly("later", "timer");
  }
}
