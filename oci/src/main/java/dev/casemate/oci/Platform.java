package dev.casemate.oci;

import dev.casemate.base.Json;

/**
 * What an image runs on (image-spec, image-index.md): {@code linux}, {@code amd64}, and a variant
 * or empty text.
 */
public record Platform(String os, String architecture, String variant) {
  public static final Platform LINUX_AMD64 = new Platform("linux", "amd64", "");

  static final Platform UNSAID = new Platform("", "", "");

  static Platform parse(Json.Obj json) {
    return new Platform(json.string("os"), json.string("architecture"), json.string("variant"));
  }

  Json.Obj json() {
    Json.Obj json = new Json.Obj().put("architecture", architecture).put("os", os);
    return variant.isEmpty() ? json : json.put("variant", variant);
  }

  /** Whether an image for this platform runs where {@code other} is asked for. */
  public boolean runsOn(Platform other) {
    return os.equals(other.os)
        && (architecture.equals(other.architecture) || isOlderMode(other.architecture));
  }

  /** Whether it is that of a mode in which another machine can run: better than nothing. */
  private boolean isOlderMode(String machine) {
    return machine.equals("amd64") && architecture.equals("386");
  }

  /** Whether it says nothing. */
  public boolean isUnsaid() {
    return os.isEmpty() && architecture.isEmpty();
  }

  /** Whether an image for this platform is a better choice for a machine than the other one. */
  boolean isBetterThan(Platform other, Platform machine) {
    boolean native1 = architecture.equals(machine.architecture);
    boolean native2 = other.architecture.equals(machine.architecture);
    return native1 == native2 ? variant.compareTo(other.variant) < 0 : native1;
  }

  /** {@code linux/arm64/v8}. */
  public String text() {
    return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
  }
}
