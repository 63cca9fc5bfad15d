package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.nio.file.Path;
import java.util.List;

/**
 * The formats of newer kernels and modules, unpacked by Debian's tools: this happens once a guest.
 */
final class Decompressor {
  private Decompressor() {}

  /** Unpacks xz or the older lzma. */
  static byte[] xz(byte[] packed, String what) {
    return run(List.of(Tool.require("xz", "xz-utils"), "-dc"), packed, what);
  }

  static byte[] zstd(byte[] packed, String what) {
    return run(List.of(Tool.require("zstd", "zstd"), "-dcq"), packed, what);
  }

  private static byte[] run(List<String> command, byte[] packed, String what) {
    Tool.Result result = Tool.run(Path.of("/"), packed, command);
    if (!result.ok()) {
      throw CasemateException.of(
          Kind.CORRUPT,
          what + " cannot be decompressed with " + command.getFirst() + ": " + result.errors());
    }
    return result.output();
  }
}
