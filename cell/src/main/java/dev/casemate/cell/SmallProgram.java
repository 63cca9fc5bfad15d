package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.TinyExecutable;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * An executable of x86-64 that makes a list of system calls and then executes {@code argv[0]} with
 * the arguments after it and its own environment. Should one of them fail, it reports the negated
 * errno and how far it had got (an address in the list, 0 for the exec) to a descriptor, 8 bytes
 * each, and ends with 127.
 */
final class SmallProgram {
  private static final int CODE_SIZE = 160;
  private static final int ENTRY_SIZE = 48;
  private static final int MEMORY_LIMIT = 1 << 20;

  /** Not to be read: so a process that executes it cannot be looked into by its user's others. */
  private static final int FILE_MODE = 0111;

  private final ByteArrayOutputStream data = new ByteArrayOutputStream();
  private final List<long[]> calls = new ArrayList<>();

  /** Adds bytes and returns the address that they will have. */
  long data(byte[] bytes) {
    while (data.size() % 8 != 0) {
      data.write(0);
    }
    long address = (long) TinyExecutable.CONTENT + CODE_SIZE + data.size();
    data.writeBytes(bytes);
    if (data.size() > MEMORY_LIMIT) {
      throw Failures.invalid("the command's filter and label are too large; shorten them");
    }
    return address;
  }

  void call(long number, long a, long b, long c) {
    calls.add(new long[] {number, a, b, c});
  }

  /** Adds a call before all others. */
  void first(long number, long a, long b, long c) {
    calls.add(0, new long[] {number, a, b, c});
  }

  static void putShort(byte[] bytes, int at, int value) {
    bytes[at] = (byte) value;
    bytes[at + 1] = (byte) (value >>> 8);
  }

  static void putInt(byte[] bytes, int at, int value) {
    putShort(bytes, at, value);
    putShort(bytes, at + 2, value >>> 16);
  }

  static void putLong(byte[] bytes, int at, long value) {
    putInt(bytes, at, (int) value);
    putInt(bytes, at + 4, (int) (value >>> 32));
  }

  /**
   * The executable.
   *
   * @param report descriptor that a failure is reported to
   * @param prefix what is written before a report
   */
  byte[] image(int report, byte[] prefix) {
    long prefixAddress = data(prefix);
    byte[] table = new byte[(calls.size() + 1) * ENTRY_SIZE];
    for (int i = 0; i < calls.size(); i++) {
      for (int j = 0; j < 4; j++) {
        putLong(table, i * ENTRY_SIZE + 8 * j, calls.get(i)[j]);
      }
    }
    putLong(table, calls.size() * ENTRY_SIZE, -1);
    long tableAddress = data(table);
    byte[] content = new byte[CODE_SIZE + data.size()];
    byte[] code = code((int) tableAddress, report, (int) prefixAddress, prefix.length);
    System.arraycopy(code, 0, content, 0, code.length);
    System.arraycopy(data.toByteArray(), 0, content, CODE_SIZE, data.size());
    return TinyExecutable.image(content);
  }

  private static byte[] code(int table, int report, int prefix, int prefixSize) {
    Code code = new Code();
    code.bytes(0x48, 0x89, 0xe3); // mov rbx, rsp
    code.bytes(0x41, 0xbf).word(table); // mov r15d, table
    int loop = code.size();
    code.bytes(0x49, 0x8b, 0x07); // mov rax, [r15]
    code.bytes(0x48, 0x85, 0xc0); // test rax, rax
    code.bytes(0x78, 0x00); // js execute
    int toExecute = code.size();
    code.bytes(0x49, 0x8b, 0x7f, 0x08); // mov rdi, [r15+8]
    code.bytes(0x49, 0x8b, 0x77, 0x10); // mov rsi, [r15+16]
    code.bytes(0x49, 0x8b, 0x57, 0x18); // mov rdx, [r15+24]
    code.bytes(0x4d, 0x8b, 0x57, 0x20); // mov r10, [r15+32]
    code.bytes(0x4d, 0x8b, 0x47, 0x28); // mov r8, [r15+40]
    code.bytes(0x0f, 0x05); // syscall
    code.bytes(0x49, 0x83, 0xc7, ENTRY_SIZE); // add r15, 48
    code.bytes(0x48, 0x3d).word(-4095); // cmp rax, -4095
    code.bytes(0x72, loop - code.size() - 2); // jb loop
    code.bytes(0xeb, 0x00); // jmp fail
    int toFail = code.size();
    code.patch(toExecute);
    code.bytes(0x45, 0x31, 0xff); // xor r15d, r15d
    code.bytes(0x48, 0x8b, 0x0b); // mov rcx, [rbx]
    code.bytes(0x48, 0x8b, 0x7b, 0x08); // mov rdi, [rbx+8]
    code.bytes(0x48, 0x8d, 0x73, 0x10); // lea rsi, [rbx+16]
    code.bytes(0x48, 0x8d, 0x54, 0xcb, 0x10); // lea rdx, [rbx+rcx*8+16]
    code.bytes(0xb8).word(59); // mov eax, execve
    code.bytes(0x0f, 0x05); // syscall
    code.patch(toFail);
    code.bytes(0x41, 0x57); // push r15
    code.bytes(0x50); // push rax
    code.bytes(0xbf).word(report); // mov edi, report
    code.bytes(0xbe).word(prefix); // mov esi, prefix
    code.bytes(0xba).word(prefixSize); // mov edx, size
    code.bytes(0xb8).word(1); // mov eax, write
    code.bytes(0x0f, 0x05); // syscall
    code.bytes(0xbf).word(report); // mov edi, report
    code.bytes(0x48, 0x89, 0xe6); // mov rsi, rsp
    code.bytes(0xba).word(16); // mov edx, 16
    code.bytes(0xb8).word(1); // mov eax, write
    code.bytes(0x0f, 0x05); // syscall
    code.bytes(0xbf).word(127); // mov edi, 127
    code.bytes(0xb8).word(231); // mov eax, exit_group
    code.bytes(0x0f, 0x05); // syscall
    return code.finish();
  }

  /** Machine code as it grows. */
  private static final class Code {
    private final byte[] bytes = new byte[CODE_SIZE];
    private int size;

    int size() {
      return size;
    }

    Code bytes(int... values) {
      for (int value : values) {
        bytes[size++] = (byte) value;
      }
      return this;
    }

    void word(int value) {
      putInt(bytes, size, value);
      size += 4;
    }

    /** Lets the short jump that ends at {@code after} lead to here. */
    void patch(int after) {
      bytes[after - 1] = (byte) (size - after);
    }

    byte[] finish() {
      return bytes;
    }
  }

  static Fd file(byte[] image) {
    Fd file = TinyExecutable.inMemory("exec", image);
    try {
      Fs.chmod(file, FILE_MODE);
      return file;
    } catch (LinuxException e) {
      file.close();
      throw e;
    }
  }
}
