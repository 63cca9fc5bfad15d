package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.UnixSocket;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code SCMP_ACT_NOTIFY}: this test is the agent that answers for the container's mkdir. */
class SeccompAgentTest extends SpecTest {
  private static final long NOTIF_RECV = 0xc0502100L;
  private static final long NOTIF_SEND = 0xc0182101L;
  private static final int EXDEV = 18;

  private static Bundle notifying(String socket, String command) {
    return bundle("sh", "-c", command)
        .with(
            b ->
                b.linux()
                    .put(
                        "seccomp",
                        json(
                            "{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'"
                                + socket
                                + "','listenerMetadata':'for the agent','syscalls':["
                                + "{'names':['mkdir','mkdirat'],'action':'SCMP_ACT_NOTIFY'}]}")));
  }

  @Test
  void theAgentMustGetTheContainerProcessStateAndTheDescriptor() throws IOException {
    Path directory = Files.createTempDirectory("agent");
    String path = directory + "/s";
    try (Fd listener = UnixSocket.listen(path, 4)) {
      notifying(path, "mkdir /dev/shm/x; echo done $?");
      Running run = box.start("exec $CELL --root " + ROOT + " run -b must " + ID + " < /dev/null");
      try (Fd connection = UnixSocket.accept(listener)) {
        // Reads the first byte, the brace.
        List<Fd> fds = UnixSocket.receiveDescriptors(connection).orElseThrow();
        assertThat(fds).hasSize(1);
        String rest =
            new String(FileContent.readBytes(connection, "state", 1 << 16), StandardCharsets.UTF_8);
        Json.Obj state = Json.parseObject("{" + rest);
        assertThat(state.strings("fds")).containsExactly("seccompFd");
        assertThat(state.integer("pid", 0)).isPositive();
        assertThat(state.string("metadata")).isEqualTo("for the agent");
        Json.Obj container = state.object("state").orElseThrow();
        assertThat(container.string("id")).isEqualTo(ID);
        assertThat(container.string("status")).isEqualTo("creating");
        try (Fd notify = fds.getFirst()) {
          answer(notify, EXDEV);
        }
      }
      assertThat(run.await(60).expect(0).out()).endsWith("done 1\n");
      assertThat(run.await(60).err()).containsIgnoringCase("cross-device link");
    } finally {
      Files.deleteIfExists(Path.of(path));
      Files.delete(directory);
    }
  }

  @Test
  void theAgentIsAskedForStartContainerHooksToo() throws IOException {
    Path directory = Files.createTempDirectory("agent");
    String path = directory + "/s";
    try (Fd listener = UnixSocket.listen(path, 4)) {
      notifying(path, "echo command")
          .with(
              b ->
                  b.config()
                      .put(
                          "hooks",
                          json(
                              "{'startContainer':[{'path':'/bin/sh','args':['sh','-c',"
                                  + "'mkdir /x; ls /proc/self/fd >&2; exit 7']}]}")));
      ok("create -b must " + ID + " > /dev/null 2>&1");
      Running start = box.start("exec $CELL --root " + ROOT + " start " + ID);
      try (Fd connection = UnixSocket.accept(listener)) {
        List<Fd> fds = UnixSocket.receiveDescriptors(connection).orElseThrow();
        try (Fd notify = fds.getFirst()) {
          answer(notify, EXDEV);
        }
      }
      Result result = start.await(60);
      assertThat(result.exit()).as(result.toString()).isEqualTo(1);
      assertThat(result.err())
          .contains("error running startContainer hook #0", "exit code 7")
          .containsIgnoringCase("cross-device link")
          // Its standard streams and the directory that ls reads.
          .contains(" 0 1 2 3\"");
      cell("delete --force " + ID);
    } finally {
      Files.deleteIfExists(Path.of(path));
      Files.delete(directory);
    }
  }

  /** Takes one notification and lets its call fail with an errno. */
  private static void answer(Fd notify, int errno) {
    try (NativeBuffer request = NativeBuffer.allocate(80);
        NativeBuffer response = NativeBuffer.allocate(24)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, notify.number(), NOTIF_RECV, request.address()),
          "ioctl(SECCOMP_IOCTL_NOTIF_RECV)",
          "");
      response.putLong(0, request.getLong(0)).putInt(16, -errno);
      SystemCall.check(
          SystemCall.raw(SystemCall.IOCTL, notify.number(), NOTIF_SEND, response.address()),
          "ioctl(SECCOMP_IOCTL_NOTIF_SEND)",
          "");
    }
  }

  @Test
  void anAgentThatIsNotThereMustGenerateAnError() {
    notifying("/run/no/agent", "true");
    ok("create -b must " + ID + " > /dev/null 2>&1");
    fails(1, "start " + ID, "failed to connect with seccomp agent", "/run/no/agent");
    cell("delete --force " + ID);
  }

  @Test
  void withoutNotifyTheListenerPathIsIgnored() {
    Result result =
        result(
            b ->
                b.linux()
                    .put(
                        "seccomp",
                        json("{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/run/no/agent'}")),
            "echo ran");
    assertThat(result.out()).as(result.toString()).isEqualTo("ran\n");
  }

  @Test
  void notifyWithoutAListenerPathMustGenerateAnError() {
    refused(
        b ->
            b.linux()
                .put(
                    "seccomp",
                    json(
                        "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdir'],"
                            + "'action':'SCMP_ACT_NOTIFY'}]}")),
        "listenerPath");
  }
}
