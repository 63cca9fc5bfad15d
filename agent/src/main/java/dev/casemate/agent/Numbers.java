package dev.casemate.agent;

/** Numbers in texts that may hold anything. */
final class Numbers {
  private Numbers() {}

  /** A decimal number of 64 bits, or {@code otherwise} if the text is none. */
  static long parse(String text, long otherwise) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  /** A hexadecimal number without sign, or −1 if the text is none. */
  static int parseHex(String text) {
    if (text.isEmpty() || text.length() > 7) {
      return -1;
    }
    int value = 0;
    for (int i = 0; i < text.length(); i++) {
      int digit = Character.digit(text.charAt(i), 16);
      if (digit < 0) {
        return -1;
      }
      value = value * 16 + digit;
    }
    return value;
  }

  /** A file mode in octal digits. */
  static int parseMode(String text) {
    int value = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '7' || text.length() > 6) {
        throw Failures.invalid("mode \"" + text + "\" is not an octal number");
      }
      value = value * 8 + c - '0';
    }
    return value & 07777;
  }

  /** A user or group id in decimal digits. */
  static int parseId(String text) {
    long value = parse(text, -1);
    if (value < 0 || value > 0xfffffffeL) {
      throw Failures.invalid("\"" + text + "\" is not a user or group id");
    }
    return (int) value;
  }
}
