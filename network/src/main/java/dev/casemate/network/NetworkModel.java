package dev.casemate.network;

import dev.casemate.base.CasemateException;

/** How interfaces that an engine has created are attached to a VM; the names are Kata's. */
public enum NetworkModel {
  /** A TAP for each interface, and tc filters that redirect all packets in both directions. */
  TCFILTER("tcfilter"),
  /** A macvtap on top of each interface. */
  MACVTAP("macvtap"),
  /** They are not: the VM has no interface. */
  NONE("none");

  private final String text;

  NetworkModel(String text) {
    this.text = text;
  }

  /**
   * Reads a configured value; empty is {@link #TCFILTER}.
   *
   * @throws CasemateException INVALID_ARGUMENT for another word
   */
  public static NetworkModel parse(String text) {
    return switch (text) {
      case "", "tcfilter" -> TCFILTER;
      case "macvtap" -> MACVTAP;
      case "none" -> NONE;
      default ->
          throw CasemateException.of(
              CasemateException.Kind.INVALID_ARGUMENT,
              "network model \"" + text + "\" is unknown; expected tcfilter, macvtap or none");
    };
  }

  @Override
  public String toString() {
    return text;
  }
}
