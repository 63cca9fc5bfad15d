package dev.casemate.shim;

import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;

/**
 * What can be said of checkpoints. A VM whose containers' files come over virtio-fs cannot be
 * saved: the file-sharing daemon's open files would have to be saved with it, and neither QEMU's
 * migration nor virtiofsd carries them.
 */
final class Checkpoints {
  private Checkpoints() {}

  static CasemateException cannotSave(String id) {
    return CasemateException.of(
        Kind.FAILED_PRECONDITION,
        "container "
            + id
            + " cannot be checkpointed: its files are shared with the host over virtio-fs, whose"
            + " state cannot be saved with the VM; commit the container's file system instead");
  }

  static CasemateException cannotRestore(String path) {
    return CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "checkpoint " + path + " cannot be restored: Casemate has made no checkpoint of a VM");
  }
}
