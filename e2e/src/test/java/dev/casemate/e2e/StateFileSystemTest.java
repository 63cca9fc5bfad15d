package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The life of a container with images, disks and records on each kind of file system: they differ
 * in copy_file_range, reflinks, O_DIRECT, sparse files and renames.
 */
class StateFileSystemTest extends EndToEnd {
  private static final int BIG = 3_000_000;

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "btrfs", "tmpfs", "overlay"})
  void livesOn(String type) throws IOException {
    Path place = files("state-" + type);
    Path state = place.resolve("mounted");
    Files.createDirectories(state);
    mount(type, place, state);
    try {
      assertThat(Shell.run("stat -f -c %T " + state).out()).contains(type.substring(0, 3));
      Shell.run(
          "mkdir " + state + "/guest && cp -a " + Casemate.GUEST + "/default " + state + "/guest");
      live(place, state);
      ok(state, "rmi", IMAGE);
      assertThat(
              Shell.run("find " + state + "/containers " + state + "/images/rootfs -mindepth 1")
                  .out())
          .isEmpty();
    } finally {
      on(state, "rm", "-f", "stated").run();
      Shell.run("umount " + state + " && rm -rf " + place);
    }
  }

  private static void mount(String type, Path place, Path state) {
    String source =
        switch (type) {
          case "tmpfs" -> "-t tmpfs casemate-e2e ";
          case "overlay" -> {
            Shell.run("cd " + place + " && mkdir lower upper work");
            yield "-t overlay -o lowerdir=%1$s/lower,upperdir=%1$s/upper,workdir=%1$s/work casemate-e2e "
                .formatted(place);
          }
          default -> {
            Shell.run("cd %s && truncate -s 1G disk && mkfs.%s -q disk".formatted(place, type));
            yield "-o loop " + place + "/disk ";
          }
        };
    Shell.run("mount " + source + state);
  }

  private static void live(Path place, Path state) {
    Path volume = files("state-volume");
    ok(state, "run", "-d", "--name", "stated", "-v", volume + ":/v", IMAGE, "sleep", "1000000");
    ok(state, "exec", "stated", "sh", "-c", "head -c " + BIG + " /dev/urandom > /big; sync");
    ok(state, "cp", "stated:/big", place + "/big");
    ok(state, "cp", place + "/big", "stated:/v/again");
    String inside =
        ok(state, "exec", "stated", "sh", "-c", "md5sum < /big; md5sum < /v/again").out();
    String outside = Shell.run("md5sum < " + place + "/big; md5sum < " + volume + "/again").out();
    assertThat(inside).isEqualTo(outside);
    assertThat(place.resolve("big")).hasSize(BIG);
    ok(state, "stop", "-t", "0", "stated");
    ok(state, "rm", "stated");
    assertThat(ok(state, "ps", "-aq").out()).isEmpty();
  }

  private static Casemate.Call on(Path state, String... arguments) {
    return call(arguments).environment("CASEMATE_STATE", state.toString());
  }

  private static Result ok(Path state, String... arguments) {
    return on(state, arguments).run().expect(0);
  }
}
