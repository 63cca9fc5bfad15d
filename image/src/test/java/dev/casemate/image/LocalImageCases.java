package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/** Tests with layouts and archives of this machine, and a store to read them into. */
@Tag("root")
abstract class LocalImageCases {
  @TempDir Path temp;
  String root = "";
  String dir = "";

  @BeforeEach
  void names() {
    root = temp + "/store";
    dir = temp + "/layout";
  }

  ImageStore store() {
    return store(root);
  }

  static ImageStore store(String root) {
    return new ImageStore(root, RegistryOptions.defaults(), Map.of());
  }

  Image resolve(String image) {
    return store().resolve(image, PullPolicy.MISSING, PullProgress.NONE);
  }

  /** Nothing in the making is left, and no image either. */
  void assertNothingLeft(String at) {
    assertThat(Fs.list(at + "/temp")).isEmpty();
    assertThat(Fs.list(at + "/erofs")).isEmpty();
    assertThat(Fs.list(at + "/rootfs")).isEmpty();
    assertThat(store(at).list()).isEmpty();
  }

  byte[] read(String name) {
    try {
      return Files.readAllBytes(temp.resolve(name));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
