package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.casemate.ShimService;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.sandbox.FdChannel;
import dev.casemate.sandbox.Leftovers;
import dev.casemate.sandbox.OwnerProcess;
import dev.casemate.sandbox.RpcErrors;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.TemplateUse;
import java.util.List;
import java.util.Optional;
import org.graalvm.nativeimage.ImageInfo;

/**
 * {@code start}: finds the shim of a pod's container, or starts one whose VM begins to boot at
 * once, while containerd still prepares the container. Prints where it listens.
 *
 * <p>Directory, lock, record and socket are there before the process is: whoever connects early
 * waits in the socket's queue.
 */
final class StartCommand {
  private static final int BACKLOG = 128;
  private static final int ANNOUNCE_MILLIS = 10_000;
  private static final int INPUT_LIMIT = 4 << 20;

  private StartCommand() {}

  static byte[] run(ShimFlags flags) {
    StartDialogue dialogue =
        StartDialogue.read(
            flags, FileContent.readBytes(Fd.STDIN, "standard input", INPUT_LIMIT), Env::get);
    Bundle bundle = Bundle.of(flags);
    Spec spec = bundle.specOrEmpty();
    Grouping grouping = Grouping.of(flags.id(), spec);
    String containerd = dialogue.containerdAddress();
    String socket =
        flags.socket().isEmpty()
            ? Identity.socketPath(
                dialogue.socketDirectory(), containerd, flags.namespace(), grouping.sandboxId())
            : flags.socket();
    if (grouping.kind() == Grouping.Kind.MEMBER) {
      if (!announce(socket, flags.id())) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "container "
                + flags.id()
                + " belongs to sandbox "
                + grouping.sandboxId()
                + ", whose shim does not answer at "
                + socket
                + "; remove the pod, it has lost its VM");
      }
    } else {
      ShimRecord record =
          new ShimRecord(
              Identity.sandboxId(containerd, flags.namespace(), grouping.sandboxId()),
              flags.namespace(),
              grouping.sandboxId(),
              bundle.path(),
              socket,
              containerd,
              dialogue.ttrpcAddress(),
              dialogue.publishBinary(),
              dialogue.debug(),
              RuntimeOptions.of(dialogue.options()),
              0,
              0);
      launch(record, SandboxPaths.system());
    }
    String address = "unix://" + socket;
    bundle.writeAddress(address);
    return dialogue.answerBytes(address);
  }

  /** Tells a pod's shim where its engine sees a container's files; false if no shim listens. */
  private static boolean announce(String socket, String id) {
    try (TtrpcClient shim =
        new TtrpcClient(new FdChannel(UnixSocket.connect(socket)), "the shim")) {
      byte[] request = EngineViews.request(id, Processes.currentPid()).encode();
      shim.call(ShimService.NAME, ShimService.LOOK, request, ANNOUNCE_MILLIS);
      return true;
    } catch (LinuxException e) {
      return false;
    } catch (RpcException e) {
      if (e.status() == RpcStatus.UNIMPLEMENTED) {
        // It has been running since before an update; it looks in its own namespace.
        return true;
      }
      throw RpcErrors.fromRpc(e);
    }
  }

  private static boolean isServed(String socket) {
    try (Fd connection = UnixSocket.connect(socket)) {
      return true;
    } catch (LinuxException e) {
      return false;
    }
  }

  private static void launch(ShimRecord record, SandboxPaths paths) {
    String id = record.sandboxId();
    Optional<OwnerProcess.Claim> claimed =
        OwnerProcess.claim(paths, id, () -> ShimRecord.read(paths, id).isPresent());
    if (claimed.isEmpty()) {
      if (isServed(record.socket())) {
        // A start command before this one has started it.
        return;
      }
      throw CasemateException.of(
          Kind.ALREADY_EXISTS,
          "container "
              + record.group()
              + " of namespace "
              + record.namespace()
              + " already has a shim, which no longer listens; wait until it has ended");
    }
    try (OwnerProcess.Claim claim = claimed.get()) {
      record.write(paths);
      try (Fd listener = listen(record.socket())) {
        Spawn program = Spawn.program(executable(), command(record)).environment(environment());
        adjustOomScore(claim.start(program, listener, paths.sandbox(id) + "/shim.err"));
      } catch (RuntimeException e) {
        Fs.unlinkIfExists(record.socket());
        Leftovers.clean(paths, id);
        throw e;
      }
    }
  }

  private static List<String> command(ShimRecord record) {
    return List.of(
        ShimMain.ROLE,
        "-namespace",
        record.namespace(),
        "-id",
        record.group(),
        "-address",
        record.containerdAddress());
  }

  /** What containerd has in its environment is none of the VM's business. */
  private static List<String> environment() {
    List<String> kept = new java.util.ArrayList<>();
    for (String name :
        List.of("PATH", "CASEMATE_RUN", "CASEMATE_STATE", "CASEMATE_TRACE", TemplateUse.VARIABLE)) {
      String value = Env.get(name);
      if (!value.isEmpty()) {
        kept.add(name + "=" + value);
      }
    }
    return kept;
  }

  private static String executable() {
    if (ImageInfo.inImageRuntimeCode()) {
      return "/proc/self/exe";
    }
    String found = Spawn.find(ShimMain.ROLE, Env.get("PATH"));
    if (found.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND, ShimMain.ROLE + " is not on PATH \"" + Env.get("PATH") + "\"");
    }
    return found;
  }

  private static Fd listen(String socket) {
    String directory = socket.substring(0, socket.lastIndexOf('/'));
    try {
      FileTree.makeDirectories(directory, 0711);
      Fs.unlinkIfExists(socket);
      return UnixSocket.listen(socket, BACKLOG);
    } catch (LinuxException e) {
      String remedy =
          e.errno() == Errno.ENAMETOOLONG
              ? ": a socket's path has at most 107 bytes"
              : "; is " + directory + " writable?";
      throw CasemateException.of(
          Kind.INTERNAL, "cannot listen at " + socket + ": " + e.getMessage() + remedy, e);
    }
  }

  /** The shim goes before containerd when memory is short. */
  private static void adjustOomScore(int pid) {
    try {
      String text =
          FileContent.readString("/proc/" + Processes.parentPid() + "/oom_score_adj", 64).trim();
      int score = Math.min(1000, Integer.parseInt(text) + 1);
      FileContent.writeControl("/proc/" + pid + "/oom_score_adj", Integer.toString(score));
    } catch (LinuxException | NumberFormatException e) {
      // Lowering takes CAP_SYS_RESOURCE; then it stays as it is.
    }
  }
}
