package dev.casemate.jail;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The dynamic loader's cache, {@code /etc/ld.so.cache}: where libraries lie by their names. Only
 * the format of glibc 2.2 and later is read; source: {@code sysdeps/generic/dl-cache.h}.
 */
final class LoaderCache {
  private static final String MAGIC = "glibc-ld.so.cache1.1";
  private static final int HEADER = 48;
  private static final int ENTRY = 24;

  /** {@code FLAG_ELF_LIBC6 | FLAG_X8664_LIB64}. */
  private static final int X86_64 = 0x0303;

  private static final int LIMIT = 16 << 20;

  private final Map<String, List<String>> paths = new HashMap<>();

  private LoaderCache() {}

  /** Reads a cache; one that is missing, or of another format, is empty. */
  static LoaderCache read(String path) {
    return Fs.exists(path) ? parse(FileContent.readBytes(path, LIMIT)) : new LoaderCache();
  }

  static LoaderCache parse(byte[] bytes) {
    LoaderCache cache = new LoaderCache();
    byte[] magic = MAGIC.getBytes(StandardCharsets.US_ASCII);
    if (bytes.length < HEADER
        || !new String(bytes, 0, magic.length, StandardCharsets.US_ASCII).equals(MAGIC)) {
      return cache;
    }
    ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int count = words.getInt(magic.length);
    for (int i = 0; i < count && HEADER + (i + 1L) * ENTRY <= bytes.length; i++) {
      int at = HEADER + i * ENTRY;
      if (words.getInt(at) == X86_64) {
        cache
            .paths
            .computeIfAbsent(text(bytes, words.getInt(at + 4)), name -> new ArrayList<>())
            .add(text(bytes, words.getInt(at + 8)));
      }
    }
    return cache;
  }

  private static String text(byte[] bytes, int start) {
    if (start < 0) {
      return "";
    }
    int end = start;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return start >= end ? "" : new String(bytes, start, end - start, StandardCharsets.UTF_8);
  }

  /** The paths of a library, in the loader's order. */
  List<String> paths(String name) {
    return paths.getOrDefault(name, List.of());
  }
}
