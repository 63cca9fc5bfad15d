package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One unpacked kernel module. */
final class KernelModule {
  private static final int SIGNATURE_HEADER_BYTES = 12;

  private final byte[] content;
  private final List<String> dependencies;
  private final List<String> softDependencies;
  private final List<String> aliases;
  private final String versionMagic;

  private KernelModule(
      byte[] content,
      List<String> dependencies,
      List<String> softDependencies,
      List<String> aliases,
      String versionMagic) {
    this.content = content;
    this.dependencies = dependencies;
    this.softDependencies = softDependencies;
    this.aliases = aliases;
    this.versionMagic = versionMagic;
  }

  /** The .ko file. */
  byte[] content() {
    return content;
  }

  /** Names of the modules whose symbols it uses. */
  List<String> dependencies() {
    return dependencies;
  }

  /** Names of modules that it asks to be loaded before it, where they exist. */
  List<String> softDependencies() {
    return softDependencies;
  }

  /** Other names under which the kernel asks for it, and those of devices that it drives. */
  List<String> aliases() {
    return aliases;
  }

  static KernelModule parse(byte[] content, String what) {
    Elf elf = Elf.parse(content, "Kernel module " + what);
    Elf.Section info =
        elf.section(".modinfo")
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.CORRUPT,
                        "Kernel module " + what + " cannot be used: it has no section .modinfo"));
    List<String> dependencies = new ArrayList<>();
    List<String> before = new ArrayList<>();
    List<String> aliases = new ArrayList<>();
    String magic = "";
    for (String entry : ModuleTree.strings(elf.slice(info.offset(), info.bytes()))) {
      if (entry.startsWith("depends=")) {
        split(entry.substring(8), ',', dependencies);
      } else if (entry.startsWith("softdep=")) {
        boolean pre = false;
        List<String> words = new ArrayList<>();
        split(entry.substring(8), ' ', words);
        for (String word : words) {
          if (word.endsWith(":")) {
            pre = word.equals("pre:");
          } else if (pre) {
            before.add(word);
          }
        }
      } else if (entry.startsWith("alias=")) {
        aliases.add(entry.substring(6));
      } else if (entry.startsWith("vermagic=")) {
        magic = entry.substring(9);
      }
    }
    return new KernelModule(content, dependencies, before, aliases, magic);
  }

  /** The kernel release that it was built for. */
  String release() {
    int space = versionMagic.indexOf(' ');
    return space < 0 ? versionMagic : versionMagic.substring(0, space);
  }

  /**
   * The file without the signature that is appended to it ({@code
   * include/linux/module_signature.h}).
   */
  byte[] unsigned() {
    byte[] mark = "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII);
    int markAt = content.length - mark.length;
    int headerAt = markAt - SIGNATURE_HEADER_BYTES;
    if (headerAt < 0 || !Arrays.equals(content, markAt, content.length, mark, 0, mark.length)) {
      return content;
    }
    // The header's last field is the signature's length, in network byte order.
    int length = ByteBuffer.wrap(content, markAt - 4, 4).getInt();
    if (length < 0 || length > headerAt) {
      return content;
    }
    return Arrays.copyOf(content, headerAt - length);
  }

  private static void split(String text, char separator, List<String> into) {
    int start = 0;
    for (int i = 0; i <= text.length(); i++) {
      if (i == text.length() || text.charAt(i) == separator) {
        if (i > start) {
          into.add(text.substring(start, i));
        }
        start = i + 1;
      }
    }
  }
}
