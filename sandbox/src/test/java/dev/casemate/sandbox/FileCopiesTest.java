package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class FileCopiesTest {
  private static final String PLACE = "/run/kata-containers/sandbox/files/.copies/";

  @TempDir Path host;
  private final ScriptedGuest guest = new ScriptedGuest();
  private final List<String> warnings = new ArrayList<>();
  private final FileCopies copies = new FileCopies(guest.agent, warnings::add);

  @AfterEach
  void end() {
    copies.close();
    guest.close();
  }

  private String file(String name, String content) throws IOException {
    return Files.writeString(host.resolve(name), content).toString();
  }

  @Test
  void aCopyFollowsTheHostsFileWhenItIsLookedAt() throws IOException {
    String hosts = file("hosts", "one");
    assertThat(copies.add(hosts, MountIds.NONE)).contains(PLACE + "0");
    assertThat(copies.add(file("hostname", "box"), MountIds.NONE)).contains(PLACE + "1");
    copies.refresh();
    assertThat(guest.files).containsExactly(PLACE + "0=one", PLACE + "1=box");
    file("hosts", "two");
    Fs.chmod(hosts, 0640);
    copies.refresh();
    assertThat(guest.fileMode).isEqualTo(0640);
    copies.refresh();
    assertThat(guest.files).hasSize(3).endsWith(PLACE + "0=two");
  }

  /** As the bind mount of a file: the path may lead through a volume that a guest can write to. */
  @Test
  void whatIsPutInItsPlaceLaterIsNotLookedAt() throws IOException {
    String hosts = file("hosts", "one");
    String place = copies.add(hosts, MountIds.NONE).orElseThrow();
    Files.move(Path.of(hosts), host.resolve("aside"));
    Files.createSymbolicLink(Path.of(hosts), Path.of(file("shadow", "secret")));
    copies.refresh();
    assertThat(guest.files).containsExactly(place + "=one");
    file("aside", "two");
    copies.refresh();
    assertThat(guest.files).containsExactly(place + "=one", place + "=two");
    // A container that is made now has the file that is there now, in a place of its own.
    Files.delete(Path.of(hosts));
    file("hosts", "three");
    String other = copies.add(hosts, MountIds.NONE).orElseThrow();
    assertThat(other).isNotEqualTo(place);
    assertThat(copies.add(hosts, MountIds.NONE)).contains(other);
    assertThat(guest.files).hasSize(3).endsWith(other + "=three");
    copies.remove(place);
    file("aside", "four");
    copies.refresh();
    assertThat(guest.files).as("no container has it").hasSize(3);
    assertThat(warnings).isEmpty();
  }

  @Test
  void aCopyBelongsToTheRootOfTheContainersUserNamespace() throws IOException {
    copies.add(file("hosts", "one"), MountIds.parse("0:65536:10", "0:65537:10"));
    assertThat(guest.fileOwner).isEqualTo("65536:65537");
    file("hosts", "two");
    copies.refresh();
    assertThat(guest.files).hasSize(2);
    assertThat(guest.fileOwner).isEqualTo("65536:65537");
  }

  @Test
  void oneCopyServesSeveralContainersAndTakesNoSecondPlace() throws IOException {
    String hosts = file("hosts", "one");
    String place = copies.add(hosts, MountIds.NONE).orElseThrow();
    assertThat(copies.add(hosts, MountIds.NONE)).contains(place);
    assertThat(guest.files).hasSize(1);
    copies.remove(place);
    copies.remove(place);
    file("hosts", "two");
    copies.refresh();
    assertThat(guest.files).as("no container has it").hasSize(1);
    assertThat(copies.add(hosts, MountIds.NONE)).contains(place);
    assertThat(guest.files).endsWith(place + "=two");
  }

  @Test
  @Timeout(20)
  void onlySmallRegularFilesAreCopied() throws IOException {
    Fs.makeFifo(host + "/fifo", 0600);
    String big = file("big", "x".repeat(FileCopies.BYTES_LIMIT + 1));
    for (String path : List.of(host + "/fifo", host.toString(), big)) {
      assertThat(copies.add(path, MountIds.NONE)).as(path).isEqualTo(Optional.empty());
    }
    assertThat(guest.files).isEmpty();
  }
}
