package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.image.RegistryOptions.Credentials;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DockerConfigTest {
  @TempDir Path home;

  private Map<String, String> write(String text) throws Exception {
    Files.createDirectories(home.resolve(".docker"));
    Files.writeString(home.resolve(".docker/config.json"), text);
    return Map.of("HOME", home.toString());
  }

  @Test
  void findsTheRegistrysOwn() throws Exception {
    Map<String, String> environment =
        write(
            "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnA6dw==\"},"
                + "\"r.example:5000\":{\"username\":\"u\",\"password\":\"p\"},\"empty\":{}}}");
    assertThat(DockerConfig.find("docker.io", environment)).contains(new Credentials("hub", "p:w"));
    assertThat(DockerConfig.find("r.example:5000", environment))
        .contains(new Credentials("u", "p"));
    assertThat(DockerConfig.find("r.example", environment)).isEmpty();
    assertThat(DockerConfig.find("empty", environment)).isEmpty();
  }

  @Test
  void aMissingFileIsNoErrorAndADamagedOneIs() throws Exception {
    assertThat(DockerConfig.find("r", Map.of("DOCKER_CONFIG", home.toString()))).isEmpty();
    Map<String, String> damaged = write("{\"auths\":");
    assertThatThrownBy(() -> DockerConfig.find("r", damaged))
        .hasMessageContaining(home + "/.docker/config.json")
        .hasMessageContaining("docker login");
    Map<String, String> undecodable = write("{\"auths\":{\"r\":{\"auth\":\"%%\"}}}");
    assertThatThrownBy(() -> DockerConfig.find("r", undecodable))
        .hasMessageContaining("docker login");
  }
}
