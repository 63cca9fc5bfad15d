package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

/** The credentials that {@code docker login} keeps in {@code ~/.docker/config.json}. */
final class DockerConfig {
  private DockerConfig() {}

  /** Those for a registry as images name it; unreadable ones are an error, absent ones are not. */
  static Optional<RegistryOptions.Credentials> find(
      String registry, Map<String, String> environment) {
    String folder = environment.getOrDefault("DOCKER_CONFIG", "");
    if (folder.isEmpty()) {
      folder = environment.getOrDefault("HOME", "/root") + "/.docker";
    }
    String path = folder + "/config.json";
    if (!Fs.exists(path)) {
      return Optional.empty();
    }
    try {
      Json.Obj auths =
          Json.parseObject(FileContent.readString(path, 1 << 20))
              .object("auths")
              .orElseGet(Json.Obj::new);
      for (String key : auths.fields().keySet()) {
        if (host(key).equals(registry.equals("docker.io") ? "index.docker.io" : registry)
            || host(key).equals(registry)) {
          return auths.object(key).flatMap(DockerConfig::read);
        }
      }
      return Optional.empty();
    } catch (LinuxException | CasemateException | IllegalArgumentException e) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "file "
              + path
              + " cannot be read: "
              + e.getMessage()
              + "; log in again with \"docker login\", or remove it",
          e);
    }
  }

  private static String host(String key) {
    int scheme = key.indexOf("://");
    String rest = scheme < 0 ? key : key.substring(scheme + 3);
    int slash = rest.indexOf('/');
    return slash < 0 ? rest : rest.substring(0, slash);
  }

  private static Optional<RegistryOptions.Credentials> read(Json.Obj auth) {
    String user = auth.string("username");
    String password = auth.string("password");
    String encoded = auth.string("auth");
    if (!encoded.isEmpty()) {
      String plain = new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8);
      int colon = plain.indexOf(':');
      user = colon < 0 ? plain : plain.substring(0, colon);
      password = colon < 0 ? "" : plain.substring(colon + 1);
    }
    return user.isEmpty()
        ? Optional.empty()
        : Optional.of(new RegistryOptions.Credentials(user, password));
  }
}
