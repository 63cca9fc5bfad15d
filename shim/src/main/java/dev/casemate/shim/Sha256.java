package dev.casemate.shim;

/**
 * SHA-256 (FIPS 180-4) of a few bytes. The JDK's own loads security providers, which costs
 * milliseconds at every start of a shim.
 */
final class Sha256 {
  private static final int[] K = constants();

  private Sha256() {}

  /** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
  private static int[] constants() {
    int[] k = new int[64];
    int found = 0;
    for (int n = 2; found < 64; n++) {
      boolean prime = true;
      for (int d = 2; d * d <= n && prime; d++) {
        prime = n % d != 0;
      }
      if (prime) {
        k[found++] = (int) (long) ((Math.cbrt(n) % 1) * (1L << 32));
      }
    }
    return k;
  }

  static String hex(byte[] message) {
    int[] h = {
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    };
    int blocks = (message.length + 9 + 63) / 64;
    byte[] padded = java.util.Arrays.copyOf(message, blocks * 64);
    padded[message.length] = (byte) 0x80;
    long bits = message.length * 8L;
    for (int i = 0; i < 8; i++) {
      padded[padded.length - 1 - i] = (byte) (bits >>> (8 * i));
    }
    int[] w = new int[64];
    for (int block = 0; block < blocks; block++) {
      for (int t = 0; t < 16; t++) {
        int at = block * 64 + t * 4;
        w[t] =
            (padded[at] & 255) << 24
                | (padded[at + 1] & 255) << 16
                | (padded[at + 2] & 255) << 8
                | (padded[at + 3] & 255);
      }
      for (int t = 16; t < 64; t++) {
        int s0 =
            Integer.rotateRight(w[t - 15], 7)
                ^ Integer.rotateRight(w[t - 15], 18)
                ^ (w[t - 15] >>> 3);
        int s1 =
            Integer.rotateRight(w[t - 2], 17)
                ^ Integer.rotateRight(w[t - 2], 19)
                ^ (w[t - 2] >>> 10);
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
      }
      int[] v = h.clone();
      for (int t = 0; t < 64; t++) {
        int s1 =
            Integer.rotateRight(v[4], 6)
                ^ Integer.rotateRight(v[4], 11)
                ^ Integer.rotateRight(v[4], 25);
        int choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        int t1 = v[7] + s1 + choice + K[t] + w[t];
        int s0 =
            Integer.rotateRight(v[0], 2)
                ^ Integer.rotateRight(v[0], 13)
                ^ Integer.rotateRight(v[0], 22);
        int majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        System.arraycopy(v, 0, v, 1, 7);
        v[4] += t1;
        v[0] = t1 + s0 + majority;
      }
      for (int i = 0; i < 8; i++) {
        h[i] += v[i];
      }
    }
    StringBuilder hex = new StringBuilder(64);
    for (int word : h) {
      for (int shift = 28; shift >= 0; shift -= 4) {
        hex.append(Character.forDigit((word >>> shift) & 15, 16));
      }
    }
    return hex.toString();
  }
}
