package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Takes out of a kernel module what only debuggers and stack traces need: names of local symbols,
 * type information, the unwinder's tables. The kernel reads, sorts and searches all of it when it
 * loads the module: a fifth of the instructions that a guest adds to an empty one's start, and a
 * third of the modules' size.
 *
 * <p>The result is an ELF file of the same sections under the same numbers; those taken out are
 * {@code SHT_NULL}, which the kernel skips (kernel/module/main.c, elf_validity_check).
 */
final class SlimModule {
  private static final Set<String> NEEDLESS =
      Set.of(".BTF", ".comment", ".orc_unwind", ".orc_unwind_ip");
  private static final int HEADER_BYTES = 64;
  private static final int SECTION_BYTES = 64;
  private static final int SYMBOL_BYTES = 24;
  private static final int RELOCATION_BYTES = 24;
  private static final int ET_REL = 1;
  private static final int SHT_NULL = 0;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_RELA = 4;
  private static final int SHT_NOBITS = 8;
  private static final int STT_SECTION = 3;
  private static final int SHN_UNDEF = 0;
  private static final int SHN_LORESERVE = 0xff00;
  private static final byte[] SIGNATURE_MARK =
      "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII);

  private final ByteBuffer in;
  private final ByteBuffer table;
  private final int count;
  private final boolean[] dropped;
  private int[] newIndex = {};
  private int locals;

  private SlimModule(byte[] content, List<Elf.Section> sections) {
    in = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    count = sections.size();
    table = slice(in.getLong(40), (long) count * SECTION_BYTES);
    dropped = new boolean[count];
    for (int i = 1; i < count; i++) {
      dropped[i] = type(i) == SHT_NULL || NEEDLESS.contains(sections.get(i).name());
    }
    for (int i = 1; i < count; i++) {
      if (type(i) == SHT_RELA && info(i) > 0 && info(i) < count && dropped[info(i)]) {
        dropped[i] = true;
      }
    }
  }

  /**
   * A module's file without what it does not need to run; the file itself if that cannot be said,
   * or if it is signed, because a signature is one of every byte.
   */
  static byte[] of(byte[] content, String what) {
    Elf elf = Elf.parse(content, "Kernel module " + what);
    List<Elf.Section> sections = elf.sections();
    ByteBuffer header = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    if (isSigned(content)
        || header.getShort(16) != ET_REL
        || Short.toUnsignedInt(header.getShort(58)) != SECTION_BYTES) {
      return content;
    }
    try {
      byte[] slim = new SlimModule(content, sections).write();
      Elf.parse(slim, "Slim kernel module " + what);
      return slim;
    } catch (BufferOverflowException | IndexOutOfBoundsException | CasemateException e) {
      // Tables that contradict each other, or alignments that no compiler asks for.
      return content;
    }
  }

  private static boolean isSigned(byte[] content) {
    int at = content.length - SIGNATURE_MARK.length;
    return at >= 0
        && Arrays.equals(content, at, content.length, SIGNATURE_MARK, 0, SIGNATURE_MARK.length);
  }

  private ByteBuffer slice(long offset, long length) {
    return in.slice((int) offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private int type(int section) {
    return table.getInt(section * SECTION_BYTES + 4);
  }

  private int link(int section) {
    return table.getInt(section * SECTION_BYTES + 40);
  }

  private int info(int section) {
    return table.getInt(section * SECTION_BYTES + 44);
  }

  private ByteBuffer content(int section) {
    int at = section * SECTION_BYTES;
    return slice(table.getLong(at + 24), table.getLong(at + 32));
  }

  private byte[] write() {
    int symbolTable = 0;
    for (int i = 1; i < count; i++) {
      if (type(i) == SHT_SYMTAB) {
        if (symbolTable != 0) {
          return in.array();
        }
        symbolTable = i;
      }
    }
    if (symbolTable == 0 || link(symbolTable) <= 0 || link(symbolTable) >= count) {
      return in.array();
    }
    ByteBuffer symbols = content(symbolTable);
    if (!choose(symbols)) {
      return in.array();
    }
    int stringTable = link(symbolTable);
    ByteBuffer names = content(stringTable);
    ByteBuffer newSymbols = buffer(symbols.capacity());
    ByteBuffer newNames = buffer(names.capacity() + symbols.capacity());
    copySymbols(symbols, names, newSymbols, newNames);
    ByteBuffer out = buffer(in.capacity() + newNames.capacity() + count * 64);
    out.put(0, in.array(), 0, HEADER_BYTES).position(HEADER_BYTES);
    ByteBuffer headers = buffer(count * SECTION_BYTES);
    headers.put(0, table, 0, count * SECTION_BYTES);
    for (int i = 1; i < count; i++) {
      int at = i * SECTION_BYTES;
      if (dropped[i]) {
        headers.put(at, new byte[SECTION_BYTES]);
        continue;
      }
      align(out, Math.clamp(table.getLong(at + 48), 1, 4096));
      headers.putLong(at + 24, out.position());
      if (type(i) == SHT_NOBITS) {
        continue;
      }
      ByteBuffer content =
          i == symbolTable
              ? newSymbols.flip()
              : i == stringTable
                  ? newNames.flip()
                  : type(i) == SHT_RELA ? relocations(content(i)) : content(i);
      headers.putLong(at + 32, content.remaining());
      out.put(content);
    }
    headers.putInt(symbolTable * SECTION_BYTES + 44, locals);
    align(out, 8);
    out.putLong(40, out.position());
    out.put(headers);
    byte[] result = new byte[out.position()];
    out.flip().get(result);
    return result;
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void align(ByteBuffer out, int to) {
    while (out.position() % to != 0) {
      out.put((byte) 0);
    }
  }

  /** Numbers the symbols that stay; false if one of them lies in what is taken out, or nowhere. */
  private boolean choose(ByteBuffer symbols) {
    Set<Integer> used = new HashSet<>();
    for (int i = 1; i < count; i++) {
      if (type(i) == SHT_RELA && !dropped[i]) {
        ByteBuffer relocations = content(i);
        for (int at = 0; at + RELOCATION_BYTES <= relocations.capacity(); at += RELOCATION_BYTES) {
          used.add(relocations.getInt(at + 12));
        }
      }
    }
    int total = symbols.capacity() / SYMBOL_BYTES;
    for (int index : used) {
      if (index < 0 || index >= total) {
        return false;
      }
    }
    newIndex = new int[total];
    int next = 1;
    locals = 1;
    for (int i = 1; i < total; i++) {
      int at = i * SYMBOL_BYTES;
      boolean local = symbols.get(at + 4) >> 4 == 0;
      boolean section = (symbols.get(at + 4) & 15) == STT_SECTION;
      int home = Short.toUnsignedInt(symbols.getShort(at + 6));
      boolean gone = home < SHN_LORESERVE && home < count && dropped[home];
      boolean wanted = used.contains(i) || !local || (section && !gone) || home == SHN_UNDEF;
      if (wanted && gone) {
        return false;
      }
      if (wanted) {
        newIndex[i] = next++;
        if (local) {
          locals = next;
        }
      }
    }
    return true;
  }

  private void copySymbols(ByteBuffer from, ByteBuffer names, ByteBuffer to, ByteBuffer toNames) {
    to.put(from.slice(0, SYMBOL_BYTES));
    toNames.put((byte) 0);
    for (int i = 1; i < newIndex.length; i++) {
      if (newIndex[i] == 0) {
        continue;
      }
      ByteBuffer symbol = from.slice(i * SYMBOL_BYTES, SYMBOL_BYTES);
      int name = from.getInt(i * SYMBOL_BYTES);
      int position = to.position();
      to.put(symbol);
      to.putInt(position, name == 0 ? 0 : toNames.position());
      for (int at = name; name != 0 && at < names.capacity(); at++) {
        toNames.put(names.get(at));
        if (names.get(at) == 0) {
          break;
        }
      }
    }
  }

  private ByteBuffer relocations(ByteBuffer old) {
    ByteBuffer relocations = buffer(old.capacity());
    relocations.put(0, old, 0, old.capacity());
    for (int at = 0; at + RELOCATION_BYTES <= old.capacity(); at += RELOCATION_BYTES) {
      relocations.putInt(at + 12, newIndex[old.getInt(at + 12)]);
    }
    return relocations;
  }
}
