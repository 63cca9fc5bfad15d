package dev.casemate.sandbox;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.SystemCall;
import dev.casemate.oci.IdMapping;
import java.util.List;

/**
 * User namespaces that mounts are mapped by. A process with threads cannot enter one, nor fork: a
 * program of a few instructions does, and waits until it is killed. The namespace lasts as long as
 * a descriptor of it.
 */
final class MappingNamespace {
  private static final int BASE = 0x400000;
  private static final int HEADERS = 64 + 56;
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_EXEC = 0x10;

  /** Writes the result of unshare(CLONE_NEWUSER) to standard output, then reads, then ends. */
  private static final int[] CODE = {
    0xb8, 0x10, 0x01, 0x00, 0x00, // mov eax, unshare
    0xbf, 0x00, 0x00, 0x00, 0x10, // mov edi, CLONE_NEWUSER
    0x0f, 0x05, // syscall
    0x50, // push rax
    0xb8, 0x01, 0x00, 0x00, 0x00, // mov eax, write
    0xbf, 0x01, 0x00, 0x00, 0x00, // mov edi, 1
    0x48, 0x89, 0xe6, // mov rsi, rsp
    0xba, 0x08, 0x00, 0x00, 0x00, // mov edx, 8
    0x0f, 0x05, // syscall
    0x31, 0xc0, // xor eax, eax (read)
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
    0xb8, 0xe7, 0x00, 0x00, 0x00, // mov eax, exit_group
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
  };

  private MappingNamespace() {}

  /**
   * Makes one.
   *
   * @throws dev.casemate.base.CasemateException if the kernel does not take the maps
   */
  static Fd make(List<IdMapping> uids, List<IdMapping> gids) {
    try (Fd file = program();
        Pipe answer = Pipe.open();
        Pipe life = Pipe.open()) {
      int pid =
          Spawn.program(file.procPath(), List.of("casemate-ids"))
              .environment(List.of())
              .stdio(life.read(), answer.write(), answer.write())
              .start();
      try {
        answer.write().close();
        byte[] result = new byte[8];
        if (answer.read().read(result, 0, result.length) != result.length || result[0] != 0) {
          throw Failures.precondition(
              "the host makes no user namespace for the ids of a mount (errno "
                  + -result[0]
                  + "); raise user.max_user_namespaces");
        }
        write(pid, "uid_map", uids);
        write(pid, "gid_map", gids);
        return Fs.open("/proc/" + pid + "/ns/user", OpenFlag.READ_ONLY);
      } finally {
        Processes.kill(pid, Signals.KILL);
        Processes.waitFor(pid, 0);
      }
    }
  }

  private static void write(int pid, String file, List<IdMapping> maps) {
    StringBuilder text = new StringBuilder();
    for (IdMapping map : maps) {
      text.append(Integer.toUnsignedString(map.containerId()))
          .append(' ')
          .append(Integer.toUnsignedString(map.hostId()))
          .append(' ')
          .append(Integer.toUnsignedString(map.size()))
          .append('\n');
    }
    try {
      FileContent.writeControl("/proc/" + pid + "/" + file, text.toString());
    } catch (LinuxException e) {
      throw Failures.invalid(
          "the kernel does not take the id maps \""
              + text.toString().strip().replace('\n', ',')
              + "\" of a mount ("
              + file
              + "): "
              + e.getMessage());
    }
  }

  private static Fd program() {
    try (NativeBuffer name = NativeBuffer.ofString("casemate-ids")) {
      long fd = SystemCall.raw(SystemCall.MEMFD_CREATE, name.address(), MFD_CLOEXEC | MFD_EXEC);
      if (fd == -Errno.EINVAL) {
        // Before 6.3 every one may be executed.
        fd = SystemCall.raw(SystemCall.MEMFD_CREATE, name.address(), MFD_CLOEXEC);
      }
      Fd file = Fd.of((int) SystemCall.check(fd, "memfd_create", "casemate-ids"));
      try {
        file.writeAll(image());
        // A file that is open for writing is not executed (ETXTBSY).
        return Fs.open(file.procPath(), OpenFlag.READ_ONLY);
      } finally {
        file.close();
      }
    }
  }

  /** {@code Elf64_Ehdr} and one {@code Elf64_Phdr} (elf(5)) before the code. */
  private static byte[] image() {
    byte[] image = new byte[HEADERS + CODE.length];
    byte[] ident = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    System.arraycopy(ident, 0, image, 0, ident.length);
    put(image, 16, 2, 2);
    put(image, 18, 62, 2);
    put(image, 20, 1, 4);
    put(image, 24, BASE + HEADERS, 8);
    put(image, 32, 64, 8);
    put(image, 52, 64, 2);
    put(image, 54, 56, 2);
    put(image, 56, 1, 2);
    // PT_LOAD of all that is in the file, to be read and executed.
    put(image, 64, 1, 4);
    put(image, 68, 5, 4);
    put(image, 80, BASE, 8);
    put(image, 88, BASE, 8);
    put(image, 96, image.length, 8);
    put(image, 104, image.length, 8);
    put(image, 112, 4096, 8);
    for (int i = 0; i < CODE.length; i++) {
      image[HEADERS + i] = (byte) CODE[i];
    }
    return image;
  }

  private static void put(byte[] bytes, int at, long value, int size) {
    for (int i = 0; i < size; i++) {
      bytes[at + i] = (byte) (value >>> (8 * i));
    }
  }
}
