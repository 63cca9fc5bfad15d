package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.PlainText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.HostHooks;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A container's directory as containerd makes it: {@code config.json}, {@code rootfs}, FIFOs. */
record Bundle(String path) {
  private static final int SPEC_LIMIT = 16 << 20;

  static Bundle of(ShimFlags flags) {
    return new Bundle(flags.bundle().isEmpty() ? Links.readLink("/proc/self/cwd") : flags.bundle());
  }

  /** The specification; empty if there is none, as for a sandbox without a pause container. */
  Optional<Spec> spec() {
    String file = path + "/config.json";
    try {
      return Optional.of(Spec.parse(FileContent.readString(file, SPEC_LIMIT)));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    } catch (CasemateException e) {
      throw CasemateException.of(e.kind(), file + ": " + e.getMessage(), e);
    }
  }

  /** The specification of a bundle that may have none. */
  Spec specOrEmpty() {
    return spec().orElse(Spec.EMPTY);
  }

  Spec requireSpec() {
    return spec()
        .orElseThrow(
            () ->
                CasemateException.of(
                    Kind.NOT_FOUND, "bundle " + path + " has no config.json: it is not a bundle"));
  }

  private String mark() {
    return path + "/casemate.poststop";
  }

  /** Notes that the container's {@code poststop} hooks are still to run, if it has any. */
  void owesHooks(String id, Spec spec) {
    if (new HostHooks(id, path, spec).hasStopped()) {
      FileContent.replace(mark(), new byte[0], 0600);
    }
  }

  /** Notes that they have run. */
  void ranHooks() {
    Fs.unlinkIfExists(mark());
  }

  /** Runs them in place of a shim that has died before it could. */
  void settleHooks(String id, Spec spec) {
    if (Fs.exists(mark())) {
      new HostHooks(id, path, spec)
          .stopped(failure -> System.err.println(PlainText.message("warning: " + failure)));
      ranHooks();
    }
  }

  /** Notes for CRI-O, which takes no events, that the container has run out of memory. */
  void markOutOfMemory() {
    FileContent.replace(path + "/oom", new byte[0], 0644);
  }

  /** Where the next start command and containerd after a restart find the shim. */
  void writeAddress(String address) {
    FileContent.replace(path + "/address", address.getBytes(StandardCharsets.UTF_8), 0600);
  }
}
