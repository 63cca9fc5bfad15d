package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.e2e.engine.Containerd;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What dies, fills up or talks rubbish: each ends in a defined state, with its event and status,
 * and leaves nothing when the container is deleted.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("dev.casemate.e2e.engine.Containerd$Line#chosen")
final class BadDayTest extends ContainerdCases {
  /** What a call of ctr may take here, and looking every now and then. */
  private static final int CTR_SECONDS = 4;

  /** Half a minute, and what a busy machine takes beside. */
  private static final int IDLE_SHIM_SECONDS = 45;

  /** Fits the images and little else. */
  private static final int DISK_MIB = 96;

  private static Containerd containerd;

  /** JUnit hands to {@code start} only what there is a field for. */
  @Parameter Containerd.Line line;

  @BeforeParameterizedClassInvocation
  static void start(Containerd.Line line) {
    containerd = new Containerd(line, DISK_MIB);
    containerd.start();
    containerd.withImages();
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  /** What docs/containerd.md promises, and what ctr itself needs on a busy machine. */
  private void stopsWithin(int seconds, String id) {
    long begin = System.nanoTime();
    awaitStatus(id, "STOPPED");
    assertThat((System.nanoTime() - begin) / 1e9)
        .as("seconds until STOPPED")
        .isLessThan(seconds + CTR_SECONDS);
  }

  /** Starts a container, has it hit, and looks at how its end is told. */
  private void endsAsKilled(int seconds, List<String> options, Consumer<String> blow) {
    try (Running events = ctr("events").start()) {
      String id = detached("hit", options, "sleep", "1000");
      events.awaitOutput("/tasks/start", SECONDS);
      blow.accept(id);
      stopsWithin(seconds, id);
      long begin = System.nanoTime();
      assertThat(delete(id)).isEqualTo(137);
      assertThat((System.nanoTime() - begin) / 1e9).as("seconds of delete").isLessThan(10);
      ctr("container", "delete", id).ok();
      events.awaitOutput("/containers/delete", SECONDS);
      assertThat(events.soFar().out().lines().filter(line -> line.contains(id)).toList())
          .anySatisfy(line -> assertThat(line).contains("/tasks/exit", "\"exit_status\":137"));
    }
  }

  private void endsWhenKilled(String program, int seconds) {
    endsAsKilled(seconds, List.of(), id -> engine().killAll(program));
  }

  @Test
  void theVmmIsKilled() {
    assumeVm();
    endsWhenKilled("qemu-system", 1);
  }

  @Test
  void virtiofsdIsKilled() {
    assumeVm();
    endsWhenKilled("virtiofsd", 2);
  }

  private static void assumeVm() {
    assumeThat(VM).isTrue();
  }

  @Test
  void theGuestPanics() {
    assumeVm();
    endsAsKilled(
        1,
        List.of("--privileged"),
        id ->
            engine()
                .exec(
                    id, "sh", "-c", "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger")
                .run());
  }

  /** The agent goes on, but nobody can hear it any more. */
  @Test
  void theChannelToTheAgentIsTornOut() {
    assumeVm();
    String tear =
        "mount -o remount,rw /sys; cd /sys/bus/virtio/drivers/virtio_console && ls"
            + " && for d in virtio*; do echo $d > unbind; done";
    endsAsKilled(
        4,
        List.of("--privileged"),
        id -> {
          try (Running exec = engine().exec(id, "sh", "-c", tear).start()) {
            exec.awaitOutput("unbind", SECONDS);
            Wait.millis(500);
            kill(id);
            exec.await(SECONDS);
          }
        });
  }

  private void kill(String id) {
    ctr("task", "kill", "-s", "SIGKILL", id).timeout(20).run();
  }

  /** As when the host's storage hangs, or the guest spins with interrupts off. */
  @Test
  void theVmmStandsStill() {
    assumeVm();
    endsAsKilled(
        4,
        List.of(),
        id -> {
          engine().stopAll("qemu-system");
          kill(id);
        });
  }

  @Test
  void theVmmOfAPausedContainerStandsStill() {
    assumeVm();
    endsAsKilled(
        4,
        List.of(),
        id -> {
          ctr("task", "pause", id).ok();
          engine().stopAll("qemu-system");
          kill(id);
        });
  }

  /** Its end was told before; what is left of it in the guest is not waited for without end. */
  @Test
  void whatHasEndedIsDeletedThoughTheVmmStandsStill() {
    assumeVm();
    String id = detached("over", "sh", "-c", "exit 3");
    awaitStatus(id, "STOPPED");
    engine().stopAll("qemu-system");
    long begin = System.nanoTime();
    assertThat(delete(id)).isEqualTo(3);
    double seconds = (System.nanoTime() - begin) / 1e9;
    assertThat(seconds).as("seconds of delete").isLessThan(4 + CTR_SECONDS);
    ctr("container", "delete", id).ok();
  }

  @Test
  void theShimIsKilled() {
    try (Running events = ctr("events").start()) {
      String id = detached("shimless", "sleep", "1000");
      long begin = System.nanoTime();
      engine().killAll("containerd-shim");
      Wait.until(
          SECONDS,
          () -> "the task to be over: " + status(id),
          () ->
              status(id).isEmpty() || status(id).equals("STOPPED") || status(id).equals("UNKNOWN"));
      // Deleted before containerd has cleaned up, it would not be told of.
      events.awaitOutput("/tasks/exit", SECONDS);
      assertThat((System.nanoTime() - begin) / 1e9).as("seconds").isLessThan(1 + CTR_SECONDS);
      ctr("task", "delete", "-f", id).run();
      ctr("container", "delete", id).ok();
      events.awaitOutput("/containers/delete", SECONDS);
      assertThat(events.soFar().out().lines().filter(line -> line.contains(id)).toList())
          .anySatisfy(line -> assertThat(line).contains("/tasks/exit", "\"exit_status\":137"));
    }
    // With its FIFOs containerd's client had been lost, too.
    engine().removeFifos();
  }

  @Test
  void containerdIsKilledInTheMiddleOfACreate() {
    for (int millis : new int[] {60, 700}) {
      String id = fresh("torn");
      try (Running run = engine().run("-d", IMAGE, id, "sleep", "1000").start()) {
        Wait.until(
            SECONDS,
            "the container " + id,
            () -> ctr("container", "ls", "-q").run().out().contains(id));
        Wait.millis(millis);
        engine().kill();
        run.await(SECONDS);
      }
      engine().start();
      Wait.until(
          SECONDS,
          () -> "a defined state: " + ctr("task", "ls").run(),
          () -> List.of("", "RUNNING", "STOPPED", "CREATED").contains(status(id)));
      ctr("task", "kill", "-s", "SIGKILL", id).run();
      Wait.until(
          SECONDS,
          () -> "its end: " + status(id),
          () -> List.of("", "STOPPED", "CREATED").contains(status(id)));
      ctr("task", "delete", "-f", id).run();
      ctr("container", "delete", id).ok();
    }
    engine().removeFifos();
    if (VM) {
      // containerd 1.6 forgets a shim that has no task; it ends by itself.
      Wait.until(
          IDLE_SHIM_SECONDS,
          () -> "the shims to end: " + pids("containerd-shim-casemate-v2.* -id torn"),
          () -> pids("containerd-shim-casemate-v2.* -id torn").isEmpty());
    }
  }

  @Test
  void tasksOutliveContainerd() {
    String id = detached("outlives", "sleep", "1000");
    script(id, "echo kept > /file").expect(0);
    engine().stop();
    engine().start();
    assertThat(status(id)).isEqualTo("RUNNING");
    assertThat(script(id, "cat /file").expect(0).out()).isEqualTo("kept\n");
    engine().kill();
    engine().start();
    assertThat(script(id, "cat /file").expect(0).out()).isEqualTo("kept\n");
    remove(id);
  }

  @Test
  void theDiskIsFull() {
    String id = detached("full", "sleep", "1000");
    Result filled =
        script(id, "dd if=/dev/zero of=/big bs=1M count=" + 2 * DISK_MIB + " conv=fsync");
    assertThat(filled.exit()).as(filled.toString()).isNotZero();
    assertThat(filled.err()).contains("No space left on device");
    // What is left is too little for a piece of a mebibyte.
    assertThat(script(id, "dd if=/dev/zero of=/rest bs=512 conv=fsync").exit()).isNotZero();
    assertThat(script(id, "echo alive").expect(0).out()).isEqualTo("alive\n");
    String another = fresh("nospace");
    // The engine may still have room for its own; then it is the command that has none.
    Result refused =
        engine().run(IMAGE, another, "dd", "if=/dev/zero", "of=/more", "bs=64k", "count=1").run();
    assertThat(refused.exit()).as(refused.toString()).isNotZero();
    assertThat(refused.err()).containsIgnoringCase("no space left on device");
    ctr("container", "delete", another).run();
    assertThat(script(id, "rm /big /rest; sync; echo room").expect(0).out()).isEqualTo("room\n");
    assertThat(engine().run("--rm", IMAGE, fresh("room"), "echo", "again").ok().out())
        .isEqualTo("again\n");
    remove(id);
  }

  @Test
  void aClientOfTheShimTalksRubbish() throws IOException {
    String id = detached("rubbish", "sleep", "1000");
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(engine().shimSocket(id));
    byte[] noise = new byte[100_000];
    new Random(7).nextBytes(noise);
    // A header that promises four gigabytes; a request that is cut off; silence.
    byte[] huge = {-1, -1, -1, -1, 0, 0, 0, 1, 1, 0};
    byte[] cut = {0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 10, 5};
    try (SocketChannel silent = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      silent.connect(address);
      for (byte[] bytes : List.of(noise, huge, cut)) {
        try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
          client.connect(address);
          client.write(ByteBuffer.wrap(bytes));
        } catch (IOException e) {
          // Cut off by the other side: as it should be.
        }
      }
      assertThat(status(id)).isEqualTo("RUNNING");
      assertThat(script(id, "echo unharmed").expect(0).out()).isEqualTo("unharmed\n");
    }
    remove(id);
  }
}
