package dev.casemate.sandbox;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.TinyExecutable;
import dev.casemate.oci.IdMapping;
import java.util.List;

/**
 * User namespaces that mounts are mapped by. A process with threads cannot enter one, nor fork: a
 * program of a few instructions does, and waits until it is killed. The namespace lasts as long as
 * a descriptor of it.
 */
final class MappingNamespace {
  private static final String NAME = "casemate-ids";

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
          Spawn.program(file.procPath(), List.of(NAME))
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
    String text = IdMapping.lines(maps);
    try {
      FileContent.writeControl("/proc/" + pid + "/" + file, text);
    } catch (LinuxException e) {
      throw Failures.invalid(
          "the kernel does not take the id maps \""
              + text.strip().replace('\n', ',')
              + "\" of a mount ("
              + file
              + "): "
              + e.getMessage());
    }
  }

  private static Fd program() {
    byte[] code = new byte[CODE.length];
    for (int i = 0; i < code.length; i++) {
      code[i] = (byte) CODE[i];
    }
    try (Fd file = TinyExecutable.inMemory(NAME, TinyExecutable.image(code))) {
      // A file that is open for writing is not executed (ETXTBSY).
      return Fs.open(file.procPath(), OpenFlag.READ_ONLY);
    }
  }
}
