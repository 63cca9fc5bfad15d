package dev.casemate.image;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.oci.Json;
import java.util.Map;

/** Files beside images: the store's own records, and Docker's credentials. */
@Fuzzes({PreparedImage.class, DockerConfig.class})
public final class StoreRecordsFuzz {
  private static final TempFile FILE = new TempFile("config.json");

  private StoreRecordsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> PreparedImage.parse(Json.parseObject(Input.text(data))))
        .ifPresent(image -> Expect.same(image, PreparedImage.parse(image.json())));
    FILE.with(data);
    Map<String, String> environment = Map.of("DOCKER_CONFIG", FILE.directory());
    Expect.parsed(() -> DockerConfig.find("docker.io", environment));
    Expect.parsed(() -> DockerConfig.find("registry.example", environment));
  }
}
