package dev.casemate.archive;

import java.util.Arrays;

/**
 * Puts the right checksum into each header of an archive that the fuzzer has made: else it would
 * never get past the first one.
 */
public final class TarRepair {
  private static final int BLOCK = 512;

  private TarRepair() {}

  /** Goes from one header to the next by their sizes. */
  public static void checksums(byte[] tar) {
    for (int at = 0; at + BLOCK <= tar.length; ) {
      Arrays.fill(tar, at + 148, at + 156, (byte) ' ');
      int sum = 0;
      for (int i = at; i < at + BLOCK; i++) {
        sum += tar[i] & 0xff;
      }
      for (int i = 5; i >= 0; i--) {
        tar[at + 148 + i] = (byte) ('0' + (sum & 7));
        sum >>= 3;
      }
      tar[at + 154] = 0;
      long size = 0;
      for (int i = at + 124; i < at + 136 && tar[i] >= '0' && tar[i] <= '7'; i++) {
        size = size << 3 | (tar[i] - '0');
      }
      boolean data = "0\0x7SLKXg".indexOf((char) (tar[at + 156] & 0xff)) >= 0;
      long blocks = data ? (Math.min(size, tar.length) + BLOCK - 1) / BLOCK : 0;
      at = (int) Math.min(tar.length, at + BLOCK * (1 + blocks));
    }
  }
}
