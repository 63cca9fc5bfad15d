package dev.casemate.image;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;

/**
 * An HTTP address.
 *
 * @param target path and query as they stand in a request
 */
record Url(String scheme, String host, int port, String target) {

  private static final int MOST_PORT = 65_535;

  static Url parse(String text) throws IOException {
    return of(uri(text));
  }

  /** Where a redirect leads; it may be relative. */
  Url resolve(String location) throws IOException {
    try {
      return of(
          new URI(scheme, null, host, port, "/", null, null)
              .resolve(target)
              .resolve(uri(location)));
    } catch (URISyntaxException | IllegalArgumentException e) {
      throw new IOException("redirect to an invalid address", e);
    }
  }

  private static URI uri(String text) throws IOException {
    try {
      return new URI(text);
    } catch (URISyntaxException e) {
      throw new IOException("invalid address: " + e.getMessage(), e);
    }
  }

  private static Url of(URI uri) throws IOException {
    String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
    if (uri.getHost() == null || !(scheme.equals("https") || scheme.equals("http"))) {
      throw new IOException("not an http or https address: " + uri);
    }
    if (uri.getPort() > MOST_PORT) {
      throw new IOException(
          "address has port " + uri.getPort() + ", at most " + MOST_PORT + " is allowed");
    }
    int port = uri.getPort() >= 0 ? uri.getPort() : scheme.equals("https") ? 443 : 80;
    String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    String target = uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery();
    String host = uri.getHost();
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    return new Url(scheme, host, port, target);
  }

  boolean isTls() {
    return scheme.equals("https");
  }

  Url withTarget(String other) {
    return new Url(scheme, host, port, other);
  }

  /**
   * Whether both are the same server: what is told to one in confidence may be told to the other.
   */
  boolean isSameServer(Url other) {
    return scheme.equals(other.scheme) && host.equalsIgnoreCase(other.host) && port == other.port;
  }

  /** Whether this machine itself is meant. */
  boolean isLoopback() {
    return host.equalsIgnoreCase("localhost")
        || host.equals("::1")
        || (host.startsWith("127.") && isIpv4(host));
  }

  private static boolean isIpv4(String host) {
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      if (c != '.' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }

  /** {@code host:port}, the port only where it is not the scheme's own. */
  String authority() {
    String name = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    return port == (isTls() ? 443 : 80) ? name : name + ":" + port;
  }

  /** {@code host:port}, always with the port. */
  String hostAndPort() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
