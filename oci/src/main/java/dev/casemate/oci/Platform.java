package dev.casemate.oci;

import dev.casemate.base.Json;

/**
 * What an image runs on (image-spec, image-index.md): {@code linux}, {@code amd64}, and a variant
 * or empty text.
 */
public record Platform(String os, String architecture, String variant) {
  public static final Platform LINUX_AMD64 = new Platform("linux", "amd64", "");

  static Platform parse(Json.Obj json) {
    return new Platform(json.string("os"), json.string("architecture"), json.string("variant"));
  }

  Json.Obj json() {
    Json.Obj json = new Json.Obj().put("architecture", architecture).put("os", os);
    return variant.isEmpty() ? json : json.put("variant", variant);
  }

  /** Whether an image for this platform runs where {@code other} is requested. */
  public boolean isSameMachine(Platform other) {
    return os.equals(other.os) && architecture.equals(other.architecture);
  }

  /** {@code linux/arm64/v8}. */
  public String text() {
    return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
  }
}
