package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.oci.ImageReference;
import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.cert.CertificateException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;

/** Requests to one registry: scheme, authorization, redirects. */
final class RegistryConnection {
  private static final int MAX_REDIRECTS = 5;

  private final Http http;
  private final RegistryOptions options;
  private final Optional<RegistryOptions.Credentials> credentials;
  private final RegistryAuth auth;
  private final Url secure;
  private Url base;
  private boolean schemeKnown;

  RegistryConnection(
      ImageReference reference, RegistryOptions options, Map<String, String> environment) {
    this.options = options;
    this.http = new Http(options, environment);
    try {
      Url parsed = Url.parse("https://" + reference.host() + "/v2/");
      this.secure = parsed;
    } catch (IOException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "registry "
              + reference.registry()
              + " of image "
              + reference.text()
              + " is not a host name: "
              + e.getMessage(),
          e);
    }
    this.base = secure;
    this.credentials =
        options.credentials().or(() -> DockerConfig.find(reference.registry(), environment));
    this.auth =
        new RegistryAuth(
            http, secure.authority(), reference.repository(), options.insecure(), credentials);
  }

  String authority() {
    return secure.authority();
  }

  Optional<String> user() {
    return credentials.map(RegistryOptions.Credentials::user);
  }

  /**
   * Sends a request, answers the registry's challenges and follows redirects. A challenge of a
   * server that the registry redirects to is an error: credentials, and tokens got for them, are
   * for the registry alone.
   */
  HttpResponse get(String target, Map<String, String> headers) throws IOException {
    for (int attempt = 0; ; attempt++) {
      RegistryAuth.Header authorization = auth.header();
      Map<String, String> all = new LinkedHashMap<>(headers);
      if (!authorization.value().isEmpty()) {
        all.put("Authorization", authorization.value());
      }
      Followed followed = follow(send(target, all), all);
      HttpResponse response = followed.response();
      if (response.status() != 401) {
        return response;
      }
      if (followed.left()) {
        response.close();
        throw CasemateException.of(
            Kind.PERMISSION_DENIED,
            "registry "
                + authority()
                + " redirects to "
                + followed.from().authority()
                + ", which requires credentials (status 401); they are sent only to the registry itself;"
                + " contact its operator");
      }
      if (attempt == 2) {
        return response;
      }
      boolean refused = false;
      try {
        refused = !auth.answer(response, followed.from(), authorization);
      } finally {
        if (!refused) {
          response.close();
        }
      }
      if (refused) {
        return response;
      }
    }
  }

  private record Answer(HttpResponse response, Url from) {}

  /** The last answer, whose it is, and whether a redirect led away from the registry's origin. */
  private record Followed(HttpResponse response, Url from, boolean left) {}

  /**
   * HTTPS, always; only on this machine itself, or where the user allows it, plain HTTP with a
   * server that does not speak TLS.
   */
  private Answer send(String target, Map<String, String> headers) throws IOException {
    Url url = base().withTarget(target);
    try {
      HttpResponse response = http.get(url, headers);
      useScheme(url);
      return new Answer(response, url);
    } catch (SSLException e) {
      boolean allowed = options.insecure() || url.isLoopback();
      if (isSchemeKnown() || !allowed || !isNoTls(e)) {
        throw e;
      }
      int port = url.port() == 443 && authority().indexOf(':') < 0 ? 80 : url.port();
      Url plain = new Url("http", url.host(), port, target);
      HttpResponse response = http.get(plain, headers);
      useScheme(plain);
      return new Answer(response, plain);
    }
  }

  private synchronized Url base() {
    return base;
  }

  private synchronized boolean isSchemeKnown() {
    return schemeKnown;
  }

  private synchronized void useScheme(Url url) {
    base = url;
    schemeKnown = true;
  }

  /** Whether the other side does not speak TLS, as against speaking it with a wrong certificate. */
  private static boolean isNoTls(SSLException e) {
    return !(e instanceof SSLHandshakeException) || e.getCause() instanceof EOFException;
  }

  private Followed follow(Answer first, Map<String, String> headers) throws IOException {
    HttpResponse response = first.response();
    Url at = first.from();
    boolean left = false;
    for (int hops = 0; ; hops++) {
      int status = response.status();
      boolean redirect =
          status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
      if (!redirect) {
        return new Followed(response, at, left);
      }
      String location = response.header("location").orElse("");
      response.close();
      if (location.isEmpty() || hops == MAX_REDIRECTS) {
        throw new IOException(
            location.isEmpty()
                ? "the registry sent a redirect without an address"
                : "the registry redirects more than " + MAX_REDIRECTS + " times");
      }
      Url next = at.resolve(location);
      // A server elsewhere has no business at this machine's own ports.
      boolean local = next.isLoopback() && first.from().isLoopback();
      if (at.isTls() && !next.isTls() && !options.insecure() && !local) {
        throw CasemateException.of(
            Kind.PERMISSION_DENIED,
            "registry "
                + authority()
                + " redirects to "
                + next.authority()
                + " over plain HTTP, which is not allowed; permit it with --insecure");
      }
      Map<String, String> sent = new LinkedHashMap<>(headers);
      left |= !next.isSameServer(first.from());
      if (left) {
        // What proves who we are is for the registry, not for a server that it redirects to; nor
        // for an address at the registry that such a server chooses.
        sent.remove("Authorization");
      }
      response = http.get(next, sent);
      at = next;
    }
  }

  /** Whether no server could be reached at all. */
  static boolean isUnreachable(IOException e) {
    return e instanceof ConnectException
        || e instanceof UnknownHostException
        || e instanceof NoRouteToHostException;
  }

  /** Certificates that are not trusted are an error for good; others may pass. */
  IOException explain(IOException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        throw CasemateException.of(
            Kind.PERMISSION_DENIED,
            "certificate of registry "
                + authority()
                + " is not trusted: "
                + e.getMessage()
                + "; give its certification authority with --ca-file, or --insecure",
            e);
      }
    }
    if (e instanceof SocketTimeoutException) {
      return new IOException("no response within " + time(options.timeoutMillis()), e);
    }
    if (e instanceof SSLException tls && !isSchemeKnown() && isNoTls(tls)) {
      return new IOException("it does not support TLS; allow plain HTTP with --insecure", e);
    }
    return e;
  }

  private static String time(int millis) {
    return millis % 1000 == 0 ? millis / 1000 + " s" : millis + " ms";
  }

  static String reason(IOException e) {
    String message = e.getMessage();
    return message == null ? e.getClass().getSimpleName() : message;
  }

  CasemateException unavailable(IOException e) {
    String why = reason(e);
    return CasemateException.of(
        e.getCause() instanceof SocketTimeoutException ? Kind.TIMEOUT : Kind.UNAVAILABLE,
        "registry "
            + authority()
            + " cannot be used: "
            + why
            + "; check the name and the network and try again",
        e);
  }
}
