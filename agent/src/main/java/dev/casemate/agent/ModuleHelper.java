package dev.casemate.agent;

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

  private static final int BASE = 0x400000;
  private static final int HEADERS = 64 + 2 * 56;

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
    int size = HEADERS + code.length + SOCKET.length() + 2;
    byte[] image = new byte[size];
    byte[] ident = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    System.arraycopy(ident, 0, image, 0, ident.length);
    put(image, 16, 2, 2);
    put(image, 18, 62, 2);
    put(image, 20, 1, 4);
    put(image, 24, BASE + HEADERS, 8);
    put(image, 32, 64, 8);
    put(image, 52, 64, 2);
    put(image, 54, 56, 2);
    put(image, 56, 2, 2);
    // PT_LOAD, read and execute: all of the file.
    put(image, 64, 1, 4);
    put(image, 68, 5, 4);
    put(image, 80, BASE, 8);
    put(image, 88, BASE, 8);
    put(image, 96, size, 8);
    put(image, 104, size, 8);
    put(image, 112, 4096, 8);
    // PT_GNU_STACK: a stack that is not executable.
    put(image, 120, 0x6474e551, 4);
    put(image, 124, 6, 4);
    put(image, 168, 16, 8);
    System.arraycopy(code, 0, image, HEADERS, code.length);
    for (int i = 0; i < SOCKET.length(); i++) {
      image[HEADERS + code.length + i] = (byte) SOCKET.charAt(i);
    }
    return image;
  }

  private static void put(byte[] bytes, int at, long value, int size) {
    for (int i = 0; i < size; i++) {
      bytes[at + i] = (byte) (value >>> (8 * i));
    }
  }
}
