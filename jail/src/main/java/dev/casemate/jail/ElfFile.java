package dev.casemate.jail;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.Text;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What the dynamic loader reads of a 64-bit little-endian ELF file (elf(5)).
 *
 * @param interpreter path of the loader; empty for a library or a static program
 * @param needed names of the libraries that it is linked to
 * @param searchPath directories of DT_RPATH and DT_RUNPATH, {@code $ORIGIN} not yet replaced
 */
record ElfFile(String interpreter, List<String> needed, List<String> searchPath) {
  private static final int HEADER = 64;
  private static final int PROGRAM_HEADER = 56;
  private static final int LOAD = 1;
  private static final int DYNAMIC = 2;
  private static final int INTERPRETER = 3;
  private static final int DT_NEEDED = 1;
  private static final int DT_STRTAB = 5;
  private static final int DT_STRSZ = 10;
  private static final int DT_RPATH = 15;
  private static final int DT_RUNPATH = 29;
  private static final int PART_LIMIT = 4 << 20;

  /**
   * Reads a file.
   *
   * @throws LinuxException ENOEXEC if it is no such file, and what open(2) says
   */
  static ElfFile read(String path) {
    try (Fd file = Fs.open(path, OpenFlag.READ_ONLY)) {
      ByteBuffer header = part(file, path, 0, HEADER);
      if (header.getInt(0) != 0x464c457f || header.get(4) != 2 || header.get(5) != 1) {
        throw damaged(path);
      }
      int count = header.getShort(56) & 0xffff;
      ByteBuffer programs = part(file, path, header.getLong(32), (long) count * PROGRAM_HEADER);
      String interpreter = "";
      ByteBuffer dynamic = ByteBuffer.allocate(0);
      List<long[]> loads = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int at = i * PROGRAM_HEADER;
        long offset = programs.getLong(at + 8);
        long size = programs.getLong(at + 32);
        switch (programs.getInt(at)) {
          case LOAD -> loads.add(new long[] {programs.getLong(at + 16), offset, size});
          case DYNAMIC -> dynamic = part(file, path, offset, size);
          case INTERPRETER -> interpreter = text(part(file, path, offset, size), 0);
          default -> {}
        }
      }
      return dynamicPart(file, path, interpreter, dynamic, loads);
    }
  }

  private static ElfFile dynamicPart(
      Fd file, String path, String interpreter, ByteBuffer dynamic, List<long[]> loads) {
    long strings = 0;
    long stringsSize = 0;
    for (int at = 0; at + 16 <= dynamic.limit(); at += 16) {
      long tag = dynamic.getLong(at);
      strings = tag == DT_STRTAB ? dynamic.getLong(at + 8) : strings;
      stringsSize = tag == DT_STRSZ ? dynamic.getLong(at + 8) : stringsSize;
    }
    List<String> needed = new ArrayList<>();
    List<String> searchPath = new ArrayList<>();
    if (stringsSize > 0) {
      ByteBuffer table = part(file, path, fileOffset(strings, loads, path), stringsSize);
      for (int at = 0; at + 16 <= dynamic.limit(); at += 16) {
        long tag = dynamic.getLong(at);
        if (tag == DT_NEEDED) {
          needed.add(text(table, dynamic.getLong(at + 8)));
        } else if (tag == DT_RPATH || tag == DT_RUNPATH) {
          searchPath.addAll(Text.split(text(table, dynamic.getLong(at + 8)), ':'));
        }
      }
    }
    return new ElfFile(interpreter, List.copyOf(needed), List.copyOf(searchPath));
  }

  private static long fileOffset(long address, List<long[]> loads, String path) {
    for (long[] load : loads) {
      if (address >= load[0] && address < load[0] + load[2]) {
        return address - load[0] + load[1];
      }
    }
    throw damaged(path);
  }

  private static ByteBuffer part(Fd file, String path, long offset, long size) {
    if (offset < 0 || size < 0 || size > PART_LIMIT) {
      throw damaged(path);
    }
    try (NativeBuffer buffer = NativeBuffer.allocate((int) size)) {
      int done = 0;
      while (done < size) {
        long n =
            SystemCall.check(
                SystemCall.raw(
                    SystemCall.PREAD64,
                    file.number(),
                    buffer.address() + done,
                    size - done,
                    offset + done),
                "pread",
                path);
        if (n == 0) {
          throw damaged(path);
        }
        done += (int) n;
      }
      return ByteBuffer.wrap(buffer.bytes(0, done)).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  private static String text(ByteBuffer table, long start) {
    int end = (int) Math.min(Math.max(start, 0), table.limit());
    int from = end;
    while (end < table.limit() && table.get(end) != 0) {
      end++;
    }
    byte[] bytes = new byte[end - from];
    table.get(from, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static LinuxException damaged(String path) {
    return new LinuxException("read ELF", path, Errno.ENOEXEC);
  }
}
