package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Authorization at one registry for one repository: Basic (RFC 7617), or Bearer with a token from
 * the server that the registry names (distribution specification, "Token Authentication").
 */
final class RegistryAuth {
  private static final int MAX_TOKEN = 256 * 1024;

  private final Http http;
  private final String registry;
  private final String repository;
  private final boolean insecure;
  private final Optional<RegistryOptions.Credentials> credentials;
  private String authorization = "";
  private int generation;

  RegistryAuth(
      Http http,
      String registry,
      String repository,
      boolean insecure,
      Optional<RegistryOptions.Credentials> credentials) {
    this.http = http;
    this.registry = registry;
    this.repository = repository;
    this.insecure = insecure;
    this.credentials = credentials;
  }

  /** Value of the Authorization header, and which try it is of. */
  record Header(String value, int generation) {}

  synchronized Header header() {
    return new Header(authorization, generation);
  }

  /**
   * Answers a challenge (status 401).
   *
   * @param from the registry's address, with the scheme by which it was reached
   * @param refused the header that was sent with the refused request
   * @return whether there is another header to try
   */
  synchronized boolean answer(HttpResponse response, Url from, Header refused) throws IOException {
    if (refused.generation() < generation) {
      // Another thread has got a new one meanwhile.
      return true;
    }
    for (String challenge : response.headers("www-authenticate")) {
      String scheme = challenge.strip().toLowerCase(Locale.ROOT);
      if (scheme.startsWith("bearer ")) {
        // A token may have run out: a fresh one is worth a second try.
        authorization = "Bearer " + token(from, parameters(challenge.strip().substring(7)));
        generation++;
        return true;
      }
      if (scheme.equals("basic") || scheme.startsWith("basic ")) {
        if (credentials.isEmpty() || !authorization.isEmpty()) {
          return false;
        }
        authorization = basic(credentials.get());
        generation++;
        return true;
      }
    }
    return false;
  }

  private static String basic(RegistryOptions.Credentials credentials) {
    String pair = credentials.user() + ":" + credentials.password();
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Whether a registry may name this realm. The realm must be HTTPS. Plain HTTP is accepted only if
   * the registry itself was reached by plain HTTP, and then only on this machine or with {@code
   * --insecure}: otherwise a registry could have the password sent in the clear, or to a port of
   * this machine.
   */
  static boolean isAcceptable(Url registry, Url realm, boolean insecure) {
    return realm.isTls() || (!registry.isTls() && (insecure || realm.isLoopback()));
  }

  private String token(Url from, Map<String, String> parameters) throws IOException {
    String realm = parameters.getOrDefault("realm", "");
    Url base = Url.parse(realm);
    if (!isAcceptable(from, base, insecure)) {
      throw CasemateException.of(
          Kind.PERMISSION_DENIED,
          "registry "
              + registry
              + " requests a token from "
              + base.authority()
              + " over plain HTTP, which is not allowed; expected an https realm");
    }
    String scope = parameters.getOrDefault("scope", "repository:" + repository + ":pull");
    StringBuilder target = new StringBuilder(base.target());
    target.append(base.target().indexOf('?') < 0 ? '?' : '&');
    target.append("scope=").append(encode(scope));
    String service = parameters.getOrDefault("service", "");
    if (!service.isEmpty()) {
      target.append("&service=").append(encode(service));
    }
    Map<String, String> headers = new HashMap<>();
    credentials.ifPresent(c -> headers.put("Authorization", basic(c)));
    try (HttpResponse response = http.get(base.withTarget(target.toString()), headers)) {
      if (response.status() == 401 || response.status() == 403) {
        throw CasemateException.of(
            Kind.PERMISSION_DENIED,
            "token server "
                + base.authority()
                + " of registry "
                + registry
                + (credentials.isPresent()
                    ? " does not accept the credentials of user \""
                        + credentials.get().user()
                        + "\""
                    : " requires credentials")
                + " for repository "
                + repository
                + "; log in with \"docker login\" or use other credentials");
      }
      if (response.status() != 200) {
        throw new IOException(
            "token server " + base.authority() + " returned status " + response.status());
      }
      Json.Obj json = parse(response.body(MAX_TOKEN), base);
      String token = json.string("token", json.string("access_token"));
      if (token.isEmpty()) {
        throw new IOException("token server " + base.authority() + " returned no token");
      }
      return token;
    }
  }

  private static Json.Obj parse(byte[] body, Url base) throws IOException {
    try {
      return Json.parseObject(new String(body, StandardCharsets.UTF_8));
    } catch (CasemateException e) {
      throw new IOException("token server " + base.authority() + " did not return JSON", e);
    }
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /** {@code name="value",name=value}: the parameters of one challenge. */
  static Map<String, String> parameters(String text) {
    Map<String, String> parameters = new HashMap<>();
    int at = 0;
    while (at < text.length()) {
      int equals = text.indexOf('=', at);
      if (equals < 0) {
        break;
      }
      String name = text.substring(at, equals).strip().toLowerCase(Locale.ROOT);
      StringBuilder value = new StringBuilder();
      at = equals + 1;
      if (at < text.length() && text.charAt(at) == '"') {
        at++;
        while (at < text.length() && text.charAt(at) != '"') {
          if (text.charAt(at) == '\\' && at + 1 < text.length()) {
            at++;
          }
          value.append(text.charAt(at++));
        }
        at++;
      } else {
        while (at < text.length() && text.charAt(at) != ',') {
          value.append(text.charAt(at++));
        }
      }
      while (at < text.length() && (text.charAt(at) == ',' || text.charAt(at) == ' ')) {
        at++;
      }
      parameters.putIfAbsent(name, value.toString().strip());
    }
    return parameters;
  }
}
