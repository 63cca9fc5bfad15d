package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.HostileInitramfs;
import dev.casemate.e2e.engine.Places;
import dev.casemate.e2e.engine.ShimByHand;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * A pod whose guest's root plants links, FIFOs and devices of the host's names wherever it can
 * write, before the next container comes: nothing of the host's is touched, nothing hangs.
 */
final class HostilePodTest extends NewestLineCases {
  private static final String CONTENT = "of the host\n";

  private static Json.Obj mount(Path source, String destination, String mode) {
    return new Json.Obj()
        .put("type", "bind")
        .put("source", source.toString())
        .put("destination", destination)
        .putStrings("options", List.of("rbind", mode));
  }

  private static Json.Obj mounts(Path directory) {
    return PodByHand.mounts(
        mount(directory.resolve("file"), "/file", "rw"),
        mount(directory.resolve("shared"), "/shared", "rw"),
        mount(directory.resolve("only"), "/only", "ro"));
  }

  private static String read(Path log) {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the guest's root can write to, and what it must not reach. */
  private static Path shared() throws IOException {
    Path directory = Places.fresh("planted");
    Files.writeString(directory.resolve("victim"), CONTENT);
    Files.writeString(directory.resolve("file"), CONTENT);
    Files.createDirectories(directory.resolve("shared"));
    Files.writeString(Files.createDirectories(directory.resolve("only")).resolve("kept"), CONTENT);
    return directory;
  }

  private static void assertHostIsUnharmed(Path directory) {
    assertThat(directory.resolve("victim")).hasContent(CONTENT);
    assertThat(directory.resolve("only/kept")).hasContent(CONTENT);
    assertThat(directory.resolve("only").toFile().list()).containsExactly("kept");
  }

  @Test
  void plantedFilesMisleadNoLaterContainer() throws Exception {
    assumeThat(VM).isTrue();
    Path directory = shared();
    Path config =
        HostileInitramfs.config(
            directory, "StartContainer plant " + directory.resolve("victim") + ", real");
    try (PodByHand pod = new PodByHand(containerd(), fresh("pod"), Optional.of(config))) {
      pod.create(Optional.empty());
      pod.start();
      for (int i = 0; i < 3; i++) {
        String container = fresh("member");
        Path log = Places.fresh("out-" + container).resolve("log");
        pod.run(
            container,
            mounts(directory),
            log,
            "sh",
            "-c",
            "cat /file /only/kept; echo evil > /only/kept; echo evil > /shared/0;"
                + " echo done; sleep 1000");
        Wait.until(SECONDS, "what it says", () -> read(log).contains("done"));
        assertThat(read(log)).contains(CONTENT);
        assertThat(ShimByHand.remove(pod.client(), container)).isEqualTo(137);
        assertHostIsUnharmed(directory);
      }
      pod.stop();
    }
    assertThat(directory.resolve("victim")).hasContent(CONTENT);
    assertThat(Files.isRegularFile(directory.resolve("file"))).isTrue();
  }
}
