package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.Processes;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.UnixSocket;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Gives the descriptor of a filter that asks (SCMP_ACT_NOTIFY) to the agent that answers: over the
 * socket of {@code listenerPath}, with the container process state (runtime-spec config-linux.md
 * "The Container Process State").
 */
final class SeccompListener {
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int MSG_NOSIGNAL = 0x4000;

  private SeccompListener() {}

  static void forward(int pid, SyncChannel.Message message, ContainerConfig config) {
    try (Fd pidfd = Processes.openPid(pid)) {
      forward(pidfd, pid, message, config);
    }
  }

  /**
   * Forwards the listener of another process of the container.
   *
   * @param pidfd of the process that has the listener
   * @param pid of the container
   */
  static void forward(Fd pidfd, int pid, SyncChannel.Message message, ContainerConfig config) {
    String path = config.spec().linux().seccomp().orElseThrow().listenerPath();
    try (Fd listener =
            Fd.of(
                (int)
                    SystemCall.check(
                        SystemCall.raw(
                            SystemCall.PIDFD_GETFD,
                            pidfd.number(),
                            Integer.parseInt(message.text()),
                            0),
                        "pidfd_getfd",
                        "seccomp listener"));
        Fd socket = UnixSocket.connect(path)) {
      byte[] state = state(pid, config).text().getBytes(StandardCharsets.UTF_8);
      send(socket, state, listener);
    } catch (LinuxException e) {
      throw Failures.of("failed to connect with seccomp agent at " + path, e);
    }
  }

  private static Json.Obj state(int pid, ContainerConfig config) {
    return new Json.Obj()
        .put("ociVersion", config.spec().ociVersion())
        .putStrings("fds", List.of("seccompFd"))
        .put("pid", pid)
        .put("metadata", config.spec().linux().seccomp().orElseThrow().listenerMetadata())
        .put("state", Hooks.state(config, pid, "creating"));
  }

  /** The state as one message with the descriptor beside it. */
  private static void send(Fd socket, byte[] state, Fd listener) {
    try (NativeBuffer header = NativeBuffer.allocate(56);
        NativeBuffer vector = NativeBuffer.allocate(16);
        NativeBuffer data = NativeBuffer.of(state);
        NativeBuffer control = NativeBuffer.allocate(24)) {
      vector.putLong(0, data.address()).putLong(8, state.length);
      control
          .putLong(0, 20)
          .putInt(8, SOL_SOCKET)
          .putInt(12, SCM_RIGHTS)
          .putInt(16, listener.number());
      header
          .putLong(16, vector.address())
          .putLong(24, 1)
          .putLong(32, control.address())
          .putLong(40, 24);
      SystemCall.check(
          SystemCall.raw(SystemCall.SENDMSG, socket.number(), header.address(), MSG_NOSIGNAL),
          "sendmsg",
          "container process state");
    }
  }
}
