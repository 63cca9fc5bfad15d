package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UsersTest {
  @TempDir Path folder;
  private Fd root;

  @BeforeEach
  void write() throws IOException {
    Files.createDirectories(folder.resolve("etc"));
    Files.writeString(
        folder.resolve("etc/passwd"),
        """
        root:x:0:0:root:/root:/bin/sh
        # a comment:x:7:7::/:
        broken
        bob:x:1000:1001:Bob:/home/bob:/bin/sh
        nohome:x:1002:1002::
        1234:x:77:78::/odd:
        """);
    Files.writeString(
        folder.resolve("etc/group"),
        """
        root:x:0:root
        wheel:x:10:root,bob
        bob:x:1001:
        video:x:27:bob
        big:x:99999999999:bob
        """);
    root = Fs.open(folder.toString(), OpenFlag.PATH | OpenFlag.DIRECTORY);
  }

  @AfterEach
  void close() {
    root.close();
  }

  private Users.Resolved resolve(String user, String... groups) {
    return Users.resolve(root, user, List.of(groups));
  }

  @Test
  void namesAreLookedUpWithTheirGroups() {
    Users.Resolved bob = resolve("bob");
    assertThat(bob.user().uid()).isEqualTo(1000);
    assertThat(bob.user().gid()).isEqualTo(1001);
    assertThat(bob.user().additionalGids()).containsExactly(1001, 10, 27);
    assertThat(bob.home()).isEqualTo("/home/bob");
    assertThat(resolve("").user().additionalGids()).containsExactly(0, 10);
  }

  @Test
  void numbersNeedNoEntry() {
    Users.Resolved unknown = resolve("4242");
    assertThat(unknown.user().uid()).isEqualTo(4242);
    assertThat(unknown.user().gid()).isZero();
    assertThat(unknown.home()).isEqualTo("/");
    assertThat(resolve("1000").user().gid()).isEqualTo(1001);
    assertThat(resolve("1234").user().uid()).as("a name of digits").isEqualTo(77);
    assertThat(resolve("4242:4343").user().gid()).isEqualTo(4343);
  }

  @Test
  void aGroupIsTakenAlone() {
    Users.Resolved bob = resolve("bob:wheel");
    assertThat(bob.user().gid()).isEqualTo(10);
    assertThat(bob.user().additionalGids()).containsExactly(10);
    assertThat(resolve("bob:wheel", "video", "555").user().additionalGids())
        .containsExactly(10, 27, 555);
  }

  @Test
  void whatIsMissingIsSaidAsDockerSaysIt() {
    assertThatThrownBy(() -> resolve("alice"))
        .hasMessage("unable to find user alice: no matching entries in passwd file");
    assertThatThrownBy(() -> resolve("bob:nogroup"))
        .hasMessage("unable to find group nogroup: no matching entries in group file");
    assertThatThrownBy(() -> resolve("4294967295"))
        .hasMessageContaining("must be in range 0-2147483647");
    assertThatThrownBy(() -> resolve("bob:big")).hasMessageContaining("range");
  }

  @Test
  void hostileFilesDoNotHarm() throws IOException {
    Files.delete(folder.resolve("etc/passwd"));
    assertThat(resolve("5").user().uid()).isEqualTo(5);
    Files.createSymbolicLink(folder.resolve("etc/passwd"), Path.of("/../../../../etc/passwd"));
    assertThatThrownBy(() -> resolve("root")).hasMessageContaining("symbolic links");
    assertThatThrownBy(() -> Users.home(root, 5))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("/etc/passwd");
    Files.delete(folder.resolve("etc/passwd"));
    Fs.makeFifo(folder.resolve("etc/passwd").toString(), 0644);
    assertThatThrownBy(() -> resolve("root")).hasMessageContaining("not a regular file");
    Files.delete(folder.resolve("etc/passwd"));
    Files.write(folder.resolve("etc/passwd"), new byte[5 << 20]);
    assertThatThrownBy(() -> resolve("root")).hasMessageContaining("larger than");
  }

  /** Each was looked for among all before it: 4 MiB of an image held up a create for minutes. */
  @Test
  void aHundredThousandGroupsAreReadInNoTime() throws IOException {
    StringBuilder groups = new StringBuilder();
    for (int i = 0; i < 100_000; i++) {
      groups.append("g:x:").append(i).append(":bob\n");
    }
    Files.writeString(folder.resolve("etc/group"), groups);
    Users.Resolved bob = assertTimeout(Duration.ofSeconds(3), () -> resolve("bob"));
    assertThat(bob.user().additionalGids()).hasSize(100_000);
  }
}
