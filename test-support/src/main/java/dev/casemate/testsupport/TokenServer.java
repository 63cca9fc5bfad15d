package dev.casemate.testsupport;

import dev.casemate.base.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;

/** Issues the tokens that docker-registry asks for (distribution, "Token Authentication"). */
public final class TokenServer implements AutoCloseable {
  private final ScriptedServer server;
  private final PrivateKey key;
  private final String certificate;

  public TokenServer(Path keyFile, Path certificateFile, String user, String password)
      throws IOException, GeneralSecurityException {
    this.key =
        KeyFactory.getInstance("RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(pem(Files.readString(keyFile))));
    this.certificate = Base64.getEncoder().encodeToString(pem(Files.readString(certificateFile)));
    String wanted =
        "Authorization: Basic "
            + Base64.getEncoder()
                .encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    this.server =
        new ScriptedServer(
            (head, out) -> {
              if (!head.contains(wanted)) {
                ScriptedServer.send(out, "401 Unauthorized", new byte[0]);
                return;
              }
              String scope =
                  java.net.URLDecoder.decode(
                      head.substring(head.indexOf("scope=") + 6).split("[& ]")[0],
                      StandardCharsets.UTF_8);
              String token = new Json.Obj().put("token", token(scope)).text();
              ScriptedServer.send(out, "200 OK", token.getBytes(StandardCharsets.UTF_8));
            });
  }

  private static byte[] pem(String text) {
    return Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z ]+-----", ""));
  }

  private String token(String scope) {
    String[] parts = scope.split(":");
    long now = System.currentTimeMillis() / 1000;
    Json.Obj header =
        new Json.Obj()
            .put("typ", "JWT")
            .put("alg", "RS256")
            .putStrings("x5c", List.of(certificate));
    Json.Obj claims =
        new Json.Obj()
            .put("iss", "casemate-issuer")
            .put("sub", "tester")
            .put("aud", "casemate-registry")
            .put("exp", now + 300)
            .put("nbf", now - 10)
            .put("iat", now)
            .put("jti", "1")
            .putObjects(
                "access",
                List.of(
                    new Json.Obj()
                        .put("type", parts[0])
                        .put("name", parts[1])
                        .putStrings("actions", List.of(parts[2].split(",")))));
    String signed = encode(header.text()) + "." + encode(claims.text());
    try {
      Signature signature = Signature.getInstance("SHA256withRSA");
      signature.initSign(key);
      signature.update(signed.getBytes(StandardCharsets.US_ASCII));
      return signed
          + "."
          + Base64.getUrlEncoder().withoutPadding().encodeToString(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static String encode(String text) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  public String realm() {
    return "http://" + server.host() + "/token";
  }

  public List<String> requests() {
    return server.requests();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
