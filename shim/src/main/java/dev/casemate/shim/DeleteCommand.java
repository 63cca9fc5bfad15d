package dev.casemate.shim;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.Spec;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.DeleteResponse;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.ShutdownRequest;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.protocol.task.WaitRequest;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.sandbox.FdChannel;
import dev.casemate.sandbox.GuestProcess;
import dev.casemate.sandbox.Leftovers;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.task.TaskApi;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code delete}: what containerd calls when it cannot talk to a shim any more. Ends all that is
 * left of the container, and of its VM if its shim is dead, and prints a {@link DeleteResponse}.
 */
final class DeleteCommand {
  private static final int CALL_TIMEOUT_MILLIS = 5_000;
  private static final int END_TIMEOUT_MILLIS = 8_000;

  private DeleteCommand() {}

  static byte[] run(ShimFlags flags) {
    Bundle bundle = Bundle.of(flags);
    Spec spec = bundle.specOrEmpty();
    Grouping grouping = Grouping.of(flags.id(), spec);
    SandboxPaths paths = SandboxPaths.system();
    String id = Identity.sandboxId(flags.address(), flags.namespace(), grouping.sandboxId());
    Optional<ShimRecord> record = ShimRecord.read(paths, id);
    DeleteResponse response = lost();
    if (record.isPresent()) {
      if (grouping.kind() == Grouping.Kind.MEMBER) {
        response = deleteMember(paths, record.get(), flags.id());
      } else {
        end(paths, record.get());
      }
    }
    bundle.settleHooks(flags.id(), spec);
    return response.encode();
  }

  /** Its end was not observed; a process whose VM is gone was killed. */
  private static DeleteResponse lost() {
    return DeleteResponse.builder()
        .exitStatus(GuestProcess.LOST_STATUS)
        .exitedAt(TaskApi.timestamp(System.currentTimeMillis()))
        .build();
  }

  private static boolean isAlive(SandboxPaths paths, String sandboxId) {
    try (Fd lock = Fs.open(paths.lock(sandboxId), OpenFlag.READ_ONLY)) {
      return !Fs.lock(lock, false, false);
    } catch (LinuxException e) {
      return false;
    }
  }

  private static boolean awaitEnd(SandboxPaths paths, String sandboxId) {
    long deadline = System.nanoTime() + END_TIMEOUT_MILLIS * 1_000_000L;
    while (isAlive(paths, sandboxId)) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      LockSupport.parkNanos(5_000_000);
    }
    return true;
  }

  /** One container of a pod: the others live on if the shim does. */
  private static DeleteResponse deleteMember(SandboxPaths paths, ShimRecord record, String id) {
    if (!isAlive(paths, record.sandboxId())) {
      clean(paths, record);
      return lost();
    }
    try (TtrpcClient client = connect(record)) {
      KillRequest kill = KillRequest.builder().id(id).signal(Signals.KILL).all(true).build();
      try {
        call(client, TaskService.KILL, kill);
        call(client, TaskService.WAIT, WaitRequest.builder().id(id).build());
      } catch (RpcException e) {
        // It had ended already, or was never made.
      }
      return DeleteResponse.decode(
          call(client, TaskService.DELETE, DeleteRequest.builder().id(id).build()));
    } catch (RpcException | LinuxException e) {
      // The shim does not know it.
      return lost();
    }
  }

  /** A sandbox with all that is in it. */
  private static void end(SandboxPaths paths, ShimRecord record) {
    if (isAlive(paths, record.sandboxId())) {
      try (TtrpcClient client = connect(record)) {
        ShutdownRequest request = ShutdownRequest.builder().id(record.group()).now(true).build();
        call(client, TaskService.SHUTDOWN, request);
      } catch (RpcException | LinuxException e) {
        // It hangs, or is on its way out.
      }
      if (!awaitEnd(paths, record.sandboxId())) {
        kill(record);
        awaitEnd(paths, record.sandboxId());
      }
    }
    clean(paths, record);
  }

  private static void kill(ShimRecord record) {
    if (record.pid() <= 1) {
      return;
    }
    try (Fd process = Processes.openPid(record.pid())) {
      if (Processes.startTime(record.pid()).orElse(0L) == record.startTime()) {
        Processes.signalPid(process, Signals.KILL);
      }
    } catch (LinuxException e) {
      // It has just ended.
    }
  }

  private static void clean(SandboxPaths paths, ShimRecord record) {
    Leftovers.clean(paths, record.sandboxId());
    Fs.unlinkIfExists(record.socket());
  }

  private static TtrpcClient connect(ShimRecord record) {
    return new TtrpcClient(new FdChannel(UnixSocket.connect(record.socket())), "the shim");
  }

  private static byte[] call(TtrpcClient client, String method, ProtoMessage request) {
    return client.call(TaskService.NAME, method, request.encode(), CALL_TIMEOUT_MILLIS);
  }
}
