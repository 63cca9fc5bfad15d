package dev.casemate.image;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 in the form that descriptors use. Not on the start path: it loads security providers. */
final class Digests {
  private Digests() {}

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static String of(byte[] content) {
    return text(sha256().digest(content));
  }

  static String of(String content) {
    return of(content.getBytes(StandardCharsets.UTF_8));
  }

  static String text(byte[] hash) {
    StringBuilder text = new StringBuilder("sha256:");
    for (byte b : hash) {
      text.append(Character.forDigit((b >> 4) & 15, 16)).append(Character.forDigit(b & 15, 16));
    }
    return text.toString();
  }

  /** The start of a digest, for messages. */
  static String brief(String digest) {
    return digest.length() > 19 ? digest.substring(0, 19) : digest;
  }
}
