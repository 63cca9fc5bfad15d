package dev.casemate.network;

import dev.casemate.base.CasemateException;

/** What connects an interface of the namespace and the VM. */
public enum Joint {
  /** A TAP of ours and tc filters both ways. */
  REDIRECT("redirect"),
  /** A macvtap of ours on top. */
  MACVTAP("macvtap"),
  /** The interface is a TAP that is not open yet: the VM opens it. */
  GIVEN_TAP("given-tap"),
  /** The interface is a macvtap: the VM opens it. */
  GIVEN_MACVTAP("given-macvtap");

  private final String text;

  Joint(String text) {
    this.text = text;
  }

  static Joint parse(String text) {
    return switch (text) {
      // Records of earlier versions have no word.
      case "", "redirect" -> REDIRECT;
      case "macvtap" -> MACVTAP;
      case "given-tap" -> GIVEN_TAP;
      case "given-macvtap" -> GIVEN_MACVTAP;
      default ->
          throw CasemateException.of(
              CasemateException.Kind.CORRUPT, "network joint \"" + text + "\" is unknown");
    };
  }

  @Override
  public String toString() {
    return text;
  }
}
