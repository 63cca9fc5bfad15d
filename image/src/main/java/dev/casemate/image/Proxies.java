package dev.casemate.image;

import dev.casemate.linux.Text;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * HTTP proxies as the environment names them: {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code
 * NO_PROXY}, in either case. This machine itself is never asked for through a proxy.
 */
final class Proxies {
  private final Map<String, String> environment;

  Proxies(Map<String, String> environment) {
    this.environment = environment;
  }

  /**
   * A proxy.
   *
   * @param authorization value of {@code Proxy-Authorization}; may be empty
   */
  record Proxy(String host, int port, String authorization) {}

  private String variable(String name) {
    String value = environment.getOrDefault(name, "");
    return value.isEmpty() ? environment.getOrDefault(name.toLowerCase(Locale.ROOT), "") : value;
  }

  Optional<Proxy> proxy(Url url) throws IOException {
    String name = url.isTls() ? "HTTPS_PROXY" : "HTTP_PROXY";
    String value = variable(name);
    if (value.isEmpty() || url.isLoopback() || isExempt(url)) {
      return Optional.empty();
    }
    URI uri;
    try {
      uri = new URI(value.contains("://") ? value : "http://" + value);
    } catch (URISyntaxException e) {
      throw new IOException("environment variable " + name + " is not a valid address", e);
    }
    if (uri.getHost() == null || !"http".equalsIgnoreCase(uri.getScheme())) {
      throw new IOException(
          "environment variable " + name + " is not a proxy of the form http://host:port");
    }
    String user = uri.getUserInfo();
    String authorization =
        user == null
            ? ""
            : "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
    return Optional.of(
        new Proxy(uri.getHost(), uri.getPort() < 0 ? 3128 : uri.getPort(), authorization));
  }

  private boolean isExempt(Url url) {
    String host = url.host().toLowerCase(Locale.ROOT);
    for (String piece : Text.split(variable("NO_PROXY"), ',')) {
      String rule = piece.strip().toLowerCase(Locale.ROOT);
      if (rule.equals("*") || rule.equals(host) || rule.equals(host + ":" + url.port())) {
        return true;
      }
      String suffix = rule.startsWith(".") ? rule : "." + rule;
      if (!rule.isEmpty() && host.endsWith(suffix)) {
        return true;
      }
    }
    return false;
  }
}
