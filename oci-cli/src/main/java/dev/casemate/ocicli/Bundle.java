package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.oci.Spec;
import java.nio.charset.StandardCharsets;

/** Reads a bundle's {@code config.json}, which may be anything and may change meanwhile. */
final class Bundle {
  /** Real ones have some ten kilobytes; with a large seccomp profile, a hundred. */
  private static final int LIMIT = 16 << 20;

  private Bundle() {}

  /**
   * The bundle's configuration.
   *
   * @param bundle absolute path
   */
  static Spec read(String bundle) {
    Spec spec = config(bundle + "/config.json");
    if (spec.ociVersion().isEmpty()) {
      throw invalid("config.json has no ociVersion; add one, such as \"1.2.0\"");
    }
    if (!spec.ociVersion().startsWith("1.")) {
      throw invalid(
          "config.json has ociVersion \"" + spec.ociVersion() + "\"; versions 1.x are understood");
    }
    checkRoot(bundle, spec.root().path());
    return spec;
  }

  private static Spec config(String path) {
    try (Fd file = Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.NON_BLOCK)) {
      Stat before = Fs.stat(file);
      if (!before.isRegular()) {
        throw invalid(path + " is not a regular file; put the configuration there");
      }
      if (before.size() > LIMIT) {
        throw tooLarge(path, before.size());
      }
      byte[] content = FileContent.readBytes(file, path, LIMIT);
      Stat after = Fs.stat(file);
      if (after.size() != content.length
          || after.mtimeSeconds() != before.mtimeSeconds()
          || after.mtimeNanos() != before.mtimeNanos()) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            path
                + " changed while it was read; write a new one beside it and rename it into place");
      }
      return Spec.parse(new String(content, StandardCharsets.UTF_8));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EFBIG) {
        throw tooLarge(path, -1);
      }
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "JSON specification file config.json not found: "
                + path
                + "; name the bundle's directory with --bundle",
            e);
      }
      throw e;
    } catch (CasemateException e) {
      // The reader knows the place, but not the file.
      throw e.getMessage() != null && e.getMessage().contains("config.json")
          ? e
          : CasemateException.of(e.kind(), path + ": " + e.getMessage(), e);
    }
  }

  private static void checkRoot(String bundle, String root) {
    String path = root.startsWith("/") ? root : bundle + "/" + root;
    try {
      if (!Fs.stat(path).isDirectory()) {
        throw invalid("invalid rootfs: " + path + " is not a directory; correct root.path");
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "invalid rootfs: " + e.getMessage() + "; correct root.path in config.json",
          e);
    }
  }

  private static CasemateException tooLarge(String path, long size) {
    return invalid(
        path
            + (size < 0 ? "" : " has " + size + " bytes and")
            + " is larger than "
            + (LIMIT >> 20)
            + " MiB; make it smaller");
  }

  private static CasemateException invalid(String message) {
    return CasemateException.of(Kind.INVALID_ARGUMENT, message);
  }
}
