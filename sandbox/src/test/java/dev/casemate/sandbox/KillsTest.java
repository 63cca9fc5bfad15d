package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.jail.UserRange;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Signals;
import dev.casemate.oci.Spec;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Signals for a guest that does not answer, without a VM. */
@Timeout(60)
class KillsTest {
  private static final int SECONDS = 30;

  @TempDir Path directory;

  /** Short, as sockets lie below it. */
  private final String run = "/tmp/ck" + Long.toString(System.nanoTime() & 0xffffff, 36);

  private final FakeVmm vmm = new FakeVmm();

  /** What an engine sees, in order. */
  private final List<String> journal = new CopyOnWriteArrayList<>();

  private Sandbox sandbox;
  private GuestContainer container;

  @BeforeEach
  void start() throws Exception {
    SandboxPaths paths = new SandboxPaths(run, directory + "/state");
    Files.createDirectories(Path.of(paths.sandbox("k1")));
    VmOptions vm =
        new VmOptions("fake", "tcg", "/kernel", "/initramfs", 256, 1, 5_000, TemplateUse.NEVER);
    sandbox =
        new Sandbox(
            paths,
            new SandboxConfig(
                "k1", vm, Optional.empty(), new JailOptions(false, UserRange.DEFAULT, "", false)),
            vmm,
            new SandboxListener() {
              @Override
              public void exited(GuestContainer ended, GuestProcess process) {
                journal.add(ended.id() + " exited");
              }
            });
    sandbox.boot("host", _ -> {});
    container = sandbox.create("c1", _ -> plan());
    sandbox.execute(container);
  }

  @AfterEach
  void close() {
    sandbox.close();
    FileTree.removeTree(run);
  }

  private static ContainerPlan plan() {
    Json.Obj json =
        Json.parseObject(
            """
            {"ociVersion":"1.1.0","root":{"path":"rootfs"},
             "process":{"args":["/x"],"cwd":"/","user":{"uid":0,"gid":0}},
             "linux":{"namespaces":[{"type":"mount"}]}}\
            """);
    return new ContainerPlan(
        "c1",
        "/bundle",
        Spec.fromJson(json),
        RootPlan.shared("/root"),
        List.of(),
        List.of(),
        List.of(),
        Stdio.none(false),
        Optional.empty(),
        new NamespaceScope(true, NamespaceScope.Pids.OWN),
        false);
  }

  private Thread kill(int signal) {
    return Thread.ofPlatform()
        .start(
            () -> {
              try {
                sandbox.kill(container, "", signal, true);
                journal.add("signal answered");
              } catch (CasemateException e) {
                journal.add("signal answered: " + e.kind());
              }
            });
  }

  @Test
  void aSignalOnItsWayToAnEndingVmFindsNothingToSignal() throws Exception {
    vmm.deaf = true;
    Thread killer = kill(Signals.TERM);
    Wait.until(SECONDS, () -> vmm.journal.toString(), () -> vmm.journal.contains("SignalProcess"));
    sandbox.vm().kill();
    killer.join();
    Wait.until(SECONDS, () -> journal.toString(), () -> journal.size() == 2);
    assertThat(journal)
        .containsExactlyInAnyOrder("signal answered: " + Kind.NOT_FOUND, "c1 exited");
  }

  @Test
  void aKillThatTheGuestDoesNotAnswerEndsItsVm() throws Exception {
    vmm.deaf = true;
    kill(Signals.KILL).join();
    Wait.until(SECONDS, () -> journal.toString(), () -> journal.size() == 2);
    assertThat(journal).as("one end").containsExactlyInAnyOrder("signal answered", "c1 exited");
    assertThat(sandbox.awaitEndCause(SECONDS * 1000L)).isPresent();
  }

  /** An engine that learns of the end closes the connection on which it waits for the answer. */
  @Test
  void anEndIsToldAfterTheAnswers() throws Exception {
    PendingSignals pending = new PendingSignals();
    pending.settle();
    pending.begin();
    Thread settling = Thread.ofPlatform().start(pending::settle);
    Wait.until(
        SECONDS, settling::toString, () -> settling.getState() == Thread.State.TIMED_WAITING);
    pending.end();
    settling.join();
    pending.begin();
    long begin = System.nanoTime();
    pending.settle();
    assertThat((System.nanoTime() - begin) / 1_000_000)
        .as("milliseconds that a signal without an answer delays the end")
        .isBetween(900L, 5_000L);
  }
}
