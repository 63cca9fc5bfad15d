package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A container's directory as containerd makes it: {@code config.json}, {@code rootfs}, FIFOs. */
record Bundle(String path) {
  private static final int SPEC_LIMIT = 16 << 20;

  static Bundle of(ShimFlags flags) {
    return new Bundle(flags.bundle().isEmpty() ? Fs.readLink("/proc/self/cwd") : flags.bundle());
  }

  /** The specification; empty if there is none, as for a sandbox without a pause container. */
  Optional<Json.Obj> spec() {
    String file = path + "/config.json";
    try {
      return Optional.of(Json.parseObject(FileContent.readString(file, SPEC_LIMIT)));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    } catch (CasemateException e) {
      throw CasemateException.of(e.kind(), file + ": " + e.getMessage(), e);
    }
  }

  Json.Obj requireSpec() {
    return spec()
        .orElseThrow(
            () ->
                CasemateException.of(
                    Kind.NOT_FOUND, "bundle " + path + " has no config.json: it is no bundle"));
  }

  /** Where the next start command and containerd after a restart find the shim. */
  void writeAddress(String address) {
    FileContent.replace(path + "/address", address.getBytes(StandardCharsets.UTF_8), 0600);
  }
}
