package dev.casemate.oci;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A reference to content by digest (image-spec, descriptor.md).
 *
 * @param mediaType {@code application/vnd.oci.image.layer.v1.tar+gzip} and so on; may be empty
 * @param digest {@code sha256:} and 64 hexadecimal digits, verified to have that form
 * @param size bytes, not negative
 * @param platform of the image it leads to, if an index says so
 */
public record Descriptor(
    String mediaType,
    String digest,
    long size,
    Optional<Platform> platform,
    Map<String, String> annotations) {

  public static final String REF_NAME = "org.opencontainers.image.ref.name";

  public static Descriptor of(String mediaType, String digest, long size) {
    return new Descriptor(mediaType, digest, size, Optional.empty(), Map.of());
  }

  /**
   * Reads a descriptor.
   *
   * @throws CasemateException if the digest or the size is not acceptable
   */
  public static Descriptor parse(Json.Obj json) {
    String digest = json.string("digest");
    verifyDigest(digest);
    long size = json.integer("size", -1);
    if (size < 0) {
      throw CasemateException.of(
          CasemateException.Kind.CORRUPT,
          "descriptor of " + digest + " has no valid size; rebuild the image");
    }
    return new Descriptor(
        json.string("mediaType"),
        digest,
        size,
        json.object("platform").map(Platform::parse),
        json.stringMap("annotations"));
  }

  /** The JSON form. */
  public Json.Obj json() {
    Json.Obj json =
        new Json.Obj().put("mediaType", mediaType).put("digest", digest).put("size", size);
    platform.ifPresent(p -> json.put("platform", p.json()));
    if (!annotations.isEmpty()) {
      json.putMap("annotations", new LinkedHashMap<>(annotations));
    }
    return json;
  }

  /** The digest without its algorithm: 64 lower-case hexadecimal digits, safe as a file name. */
  public String hex() {
    return digest.substring("sha256:".length());
  }

  /**
   * Accepts {@code sha256:} and 64 lower-case hexadecimal digits only; the registered alternative
   * (sha512) is not in use by registries.
   */
  public static void verifyDigest(String digest) {
    boolean valid = digest.length() == 71 && digest.startsWith("sha256:");
    for (int i = 7; valid && i < digest.length(); i++) {
      char c = digest.charAt(i);
      valid = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    if (!valid) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "digest \""
              + (digest.length() > 100 ? digest.substring(0, 100) + "…" : digest)
              + "\" is not of the form sha256:<64 hexadecimal digits>");
    }
  }
}
