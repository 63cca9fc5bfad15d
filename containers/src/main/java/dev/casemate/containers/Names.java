package dev.casemate.containers;

import dev.casemate.linux.Machine;

/** Names for containers whose user gave none: two words, so that people can tell and type them. */
final class Names {
  private static final String[] ADJECTIVES = {
    "able", "amber", "bold", "brave", "brisk", "calm", "clear", "clever", "crisp", "deep", "eager",
    "early", "fair", "firm", "fleet", "fond", "fresh", "glad", "grand", "hardy", "keen", "kind",
    "lively", "loyal", "lucid", "merry", "mild", "neat", "noble", "patient", "plain", "proud",
    "quick", "quiet", "rapid", "ready", "robust", "sharp", "silent", "sober", "solid", "stable",
    "steady", "stout", "sunny", "swift", "tidy", "vivid", "warm", "wise"
  };
  private static final String[] NOUNS = {
    "arch", "anvil", "barge", "basin", "beacon", "bridge", "canal", "castle", "cedar", "cliff",
    "cove", "crane", "delta", "dune", "ember", "fjord", "forge", "fort", "gate", "glade", "grove",
    "harbor", "heron", "island", "keep", "lantern", "ledge", "loom", "maple", "marsh", "mast",
    "meadow", "mill", "moat", "oak", "otter", "pier", "pine", "quarry", "raven", "reef", "ridge",
    "river", "rook", "spire", "stone", "tower", "vale", "vault", "wharf"
  };

  private Names() {}

  static String random() {
    byte[] r = Machine.random(4);
    return ADJECTIVES[(r[0] & 0xff) % ADJECTIVES.length]
        + "-"
        + NOUNS[(r[1] & 0xff) % NOUNS.length]
        + "-"
        + Integer.toHexString(0x100 | (r[2] & 0xff)).substring(1)
        + Integer.toHexString(0x100 | (r[3] & 0xff)).substring(1);
  }
}
