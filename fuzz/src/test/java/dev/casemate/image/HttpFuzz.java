package dev.casemate.image;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;

/** A registry's answers, byte by byte, and the addresses and challenges in them. */
@Fuzzes({HttpResponse.class, Url.class, RegistryAuth.class})
public final class HttpFuzz {
  private static final int LIMIT = 3000;

  private HttpFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(
            () ->
                HttpResponse.read(
                    new Socket(), new ByteArrayInputStream(data), (data.length & 1) == 0),
            IOException.class)
        .ifPresent(
            response -> {
              Expect.that(response.status() >= 100 && response.status() <= 599, "status");
              response.header("location").ifPresent(HttpFuzz::url);
              response.headers("www-authenticate").forEach(HttpFuzz::challenge);
              Expect.parsed(() -> response.body(LIMIT), IOException.class)
                  .ifPresent(body -> Expect.that(body.length <= LIMIT, "body ", body.length));
            });
    String text = Input.text(data);
    url(text);
    challenge(text);
  }

  private static void challenge(String text) {
    RegistryAuth.parameters(text)
        .forEach(
            (name, value) -> {
              if (name.equals("realm")) {
                url(value);
              }
            });
  }

  private static void url(String text) {
    Expect.parsed(() -> Url.parse(text), IOException.class).ifPresent(HttpFuzz::check);
    Expect.parsed(() -> Url.parse("https://registry.example/v2/").resolve(text), IOException.class)
        .ifPresent(HttpFuzz::check);
  }

  private static void check(Url url) {
    Expect.that(url.port() >= 0 && url.port() <= 65535, "port ", url.port());
    Expect.that(url.target().startsWith("/"), "target ", url.target());
    // They become a line and a header of the request.
    for (String part : new String[] {url.target(), url.authority()}) {
      Expect.printable(part);
      Expect.that(part.indexOf(' ') < 0, "a blank in ", part);
    }
    Expect.parsed(() -> Url.parse(url.scheme() + "://" + url.authority() + url.target()))
        .ifPresent(again -> Expect.that(again.isSameServer(url), "another server: ", again));
  }
}
