package dev.casemate.oci;

import dev.casemate.base.CasemateException;
import java.util.Locale;
import java.util.Optional;

/**
 * The name of an image in a registry, {@code [registry/]repository[:tag][@digest]}, completed as
 * Docker does: {@code busybox} is {@code docker.io/library/busybox:latest}.
 *
 * @param registry {@code docker.io}, {@code localhost:5000}
 * @param repository {@code library/busybox}
 * @param tag {@code latest} unless the name gives another, or only a digest
 * @param digest {@code sha256:…}; it counts more than the tag
 */
public record ImageReference(
    String registry, String repository, Optional<String> tag, Optional<String> digest) {

  /**
   * Reads a name.
   *
   * @throws CasemateException INVALID_ARGUMENT
   */
  public static ImageReference parse(String text) {
    String rest = text.startsWith("docker://") ? text.substring("docker://".length()) : text;
    Optional<String> digest = Optional.empty();
    int at = rest.indexOf('@');
    if (at >= 0) {
      digest = Optional.of(rest.substring(at + 1));
      Descriptor.verifyDigest(digest.get());
      rest = rest.substring(0, at);
    }
    Optional<String> tag = Optional.empty();
    int colon = rest.lastIndexOf(':');
    if (colon > rest.lastIndexOf('/')) {
      tag = Optional.of(rest.substring(colon + 1));
      if (!isTag(tag.get())) {
        throw wrong(text, "the tag after \":\" has 1 to 128 letters, digits, \"_\", \".\", \"-\"");
      }
      rest = rest.substring(0, colon);
    }
    int slash = rest.indexOf('/');
    String first = slash < 0 ? "" : rest.substring(0, slash);
    String registry = "docker.io";
    if (first.indexOf('.') >= 0
        || first.indexOf(':') >= 0
        || first.equals("localhost")
        || !first.equals(lower(first))) {
      registry = first;
      rest = rest.substring(slash + 1);
    }
    if (registry.equals("index.docker.io")) {
      registry = "docker.io";
    }
    if (registry.equals("docker.io") && rest.indexOf('/') < 0) {
      rest = "library/" + rest;
    }
    if (!isHost(registry)) {
      throw wrong(text, "\"" + registry + "\" is not a host[:port]");
    }
    if (!isRepository(rest) || registry.length() + rest.length() > 254) {
      throw wrong(
          text,
          "a repository is lower-case letters and digits, with \".\", \"_\", \"-\" between them, in"
              + " parts separated by \"/\"");
    }
    if (tag.isEmpty() && digest.isEmpty()) {
      tag = Optional.of("latest");
    }
    return new ImageReference(registry, rest, tag, digest);
  }

  private static CasemateException wrong(String text, String why) {
    return CasemateException.of(
        CasemateException.Kind.INVALID_ARGUMENT,
        "image name \"" + text + "\" is not valid: " + why);
  }

  private static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  private static boolean isLetterOrDigit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  }

  /** Not by Character's idea of lower case: of some letters beyond ASCII that is a letter in it. */
  private static boolean isHostLetter(char c) {
    return isLetterOrDigit(c) || (c >= 'A' && c <= 'Z');
  }

  private static boolean isTag(String tag) {
    for (int i = 0; i < tag.length(); i++) {
      char c = tag.charAt(i);
      boolean word = isLetterOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '_';
      if (!word && (i == 0 || (c != '.' && c != '-'))) {
        return false;
      }
    }
    return !tag.isEmpty() && tag.length() <= 128;
  }

  private static boolean isHost(String host) {
    String name = host;
    int colon = host.lastIndexOf(':');
    if (colon >= 0 && !host.endsWith("]")) {
      String port = host.substring(colon + 1);
      name = host.substring(0, colon);
      boolean number = !port.isEmpty() && port.length() <= 5;
      for (int i = 0; i < port.length(); i++) {
        number &= port.charAt(i) >= '0' && port.charAt(i) <= '9';
      }
      if (!number || Integer.parseInt(port) > 65535) {
        return false;
      }
    }
    boolean six = name.startsWith("[") && name.endsWith("]");
    String inner = six ? name.substring(1, name.length() - 1) : name;
    for (int i = 0; i < inner.length(); i++) {
      char c = inner.charAt(i);
      if (!isHostLetter(c) && (six ? c != ':' : c != '.' && c != '-')) {
        return false;
      }
    }
    return !inner.isEmpty() && (six || (isHostLetter(inner.charAt(0)) && !inner.contains("..")));
  }

  private static boolean isRepository(String text) {
    boolean separator = true;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (isLetterOrDigit(c)) {
        separator = false;
      } else if (c == '/' || c == '.') {
        if (separator) {
          return false;
        }
        separator = true;
      } else if (c == '_' || c == '-') {
        // Runs of these are allowed inside a part, but not next to a slash or dot.
        if (i == 0 || text.charAt(i - 1) == '/' || text.charAt(i - 1) == '.') {
          return false;
        }
        separator = true;
      } else {
        return false;
      }
    }
    return !separator;
  }

  /** What to ask the registry for: the digest if there is one, else the tag. */
  public String manifestReference() {
    return digest.orElseGet(() -> tag.orElse("latest"));
  }

  /** Where the registry is: {@code docker.io} is only a name for another host. */
  public String host() {
    return registry.equals("docker.io") ? "registry-1.docker.io" : registry;
  }

  /** The complete name. */
  public String text() {
    return registry
        + "/"
        + repository
        + tag.map(t -> ":" + t).orElse("")
        + digest.map(d -> "@" + d).orElse("");
  }
}
