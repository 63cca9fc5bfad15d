package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.protocol.containerd.CheckpointOptions;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CheckpointTaskRequest;
import java.util.Optional;

/**
 * What engines say with a checkpoint: where to, and whether the container goes on. Their options
 * are those of runc's shim; what concerns CRIU only means nothing for a VM, which is saved whole.
 */
record Checkpoints(String directory, boolean keep) {
  private static final String OPTIONS = "CheckpointOptions";

  static Checkpoints of(CheckpointTaskRequest request) {
    CheckpointOptions options = options(request.options());
    String directory = options.imagePath().isEmpty() ? request.path() : options.imagePath();
    if (!directory.startsWith("/")) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "checkpoint path \"" + directory + "\" is not valid: expected an absolute path");
    }
    FileTree.makeDirectories(directory, 0700);
    if (!Fs.list(directory).isEmpty()) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS,
          "checkpoint path " + directory + " is not empty; name a new directory");
    }
    return new Checkpoints(directory, !options.exit());
  }

  private static CheckpointOptions options(Optional<Any> any) {
    if (any.isEmpty() || any.get().value().length == 0) {
      return CheckpointOptions.builder().build();
    }
    if (!any.get().typeUrl().endsWith(OPTIONS)) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "checkpoint options of type \""
              + any.get().typeUrl()
              + "\" are unknown; expected containerd.runc.v1.CheckpointOptions");
    }
    return CheckpointOptions.decode(any.get().value());
  }
}
