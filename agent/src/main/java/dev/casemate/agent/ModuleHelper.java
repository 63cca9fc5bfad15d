package dev.casemate.agent;

import dev.casemate.linux.TinyExecutable;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The program that the kernel starts where it would start modprobe ({@code
 * Documentation/admin-guide/sysctl/kernel.rst}, "modprobe"), with the words {@code -q -- NAME}. It
 * hands the name to the agent and waits until the agent hangs up, 3 s at most: the agent itself may
 * be what the kernel lets wait. A copy of the agent would take 100 times as long to start.
 */
final class ModuleHelper {
  /** Where it connects to; 24 characters, which the program has in it. */
  static final String SOCKET = "/run/casemate-modules.sk";

  /** x86-64; what follows the last instruction is the socket's address. */
  private static final String CODE =
      "488b5c2420" // mov rbx, [rsp+32]: the name
          + "4885db746f" // test rbx, rbx; jz out
          + "bf01000000be0100000031d2b8290000000f05" // socket(AF_UNIX, SOCK_STREAM, 0)
          + "85c07858" // test eax, eax; js out
          + "89c589ef" // mov ebp, eax; mov edi, ebp
          + "488d3556000000" // lea rsi, [rip+address]
          + "ba1c000000b82a0000000f05" // connect(…, 28)
          + "85c0783d" // test eax, eax; js out
          + "4889de31d2" // mov rsi, rbx; xor edx, edx
          + "803c16007407ffc283fa7f72f3" // edx = length, 127 at most
          + "89efb8010000000f05" // write
          + "896c24f0c74424f401000000" // struct pollfd: POLLIN
          + "488d7c24f0be01000000bab80b0000b8070000000f05" // poll(…, 1, 3000)
          + "31ffb83c0000000f05" // out: exit(0)
          + "0100"; // AF_UNIX

  private ModuleHelper() {}

  /** The executable file. */
  static byte[] image() {
    byte[] code = HexFormat.of().parseHex(CODE);
    byte[] content = Arrays.copyOf(code, code.length + SOCKET.length() + 2);
    for (int i = 0; i < SOCKET.length(); i++) {
      content[code.length + i] = (byte) SOCKET.charAt(i);
    }
    return TinyExecutable.image(content);
  }
}
