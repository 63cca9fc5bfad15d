package dev.casemate.image;

import dev.casemate.base.Json;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import java.util.Map;

/** Files beside images: the store's own records, and Docker's credentials. */
@Fuzzes({PreparedImage.class, Preparation.class, DockerConfig.class})
public final class StoreRecordsFuzz {
  private static final TempFile FILE = new TempFile("config.json");

  static {
    Fs.makeDirectory(FILE.directory() + "/images", 0700);
  }

  private StoreRecordsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> PreparedImage.parse(Json.parseObject(Input.text(data))))
        .ifPresent(image -> Expect.same(image, PreparedImage.parse(image.json())));
    FileContent.write(FILE.directory() + "/images/x.json", data, 0600);
    Expect.parsed(() -> Preparation.read(FILE.directory(), "sha256:x"));
    FILE.with(data);
    Map<String, String> environment = Map.of("DOCKER_CONFIG", FILE.directory());
    Expect.parsed(() -> DockerConfig.find("docker.io", environment));
    Expect.parsed(() -> DockerConfig.find("registry.example", environment));
  }
}
