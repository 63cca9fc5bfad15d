package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rules of runtime-spec's "IntelRdt", on a directory in resctrl's place. */
class ResctrlGroupTest {
  @TempDir Path root;
  private Path ready;

  @BeforeEach
  void make() throws IOException {
    ready = Files.createDirectory(root.resolve("ready"));
    Files.writeString(ready.resolve("schemata"), "    L3:0=007ff;1=1f\n    MB:0= 20;1=100\n");
    Files.createFile(ready.resolve("tasks"));
  }

  private static IntelRdt rdt(String closId, String cache, String bandwidth) {
    return IntelRdt.of(closId, cache, bandwidth);
  }

  private ResctrlGroup group(IntelRdt rdt) {
    return ResctrlGroup.in(root.toString(), rdt, "c1");
  }

  private void refused(IntelRdt rdt, String words) {
    assertThatThrownBy(() -> group(rdt).create(rdt))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining(words);
  }

  @Test
  void withoutAClosIdTheDirectoryIsTheContainersAndGoesWithIt() {
    IntelRdt rdt = rdt("", "", "");
    ResctrlGroup group = group(rdt);
    assertThat(group).isEqualTo(new ResctrlGroup(root + "/c1", true));
    group.create(rdt);
    // No schemata were given, so none are written.
    assertThat(root.resolve("c1")).isEmptyDirectory();
    refused(rdt, "already exists");
    ResctrlGroup.fromJson(group.toJson()).remove();
    assertThat(root.resolve("c1")).doesNotExist();
    group.remove();
  }

  @Test
  void aReadyGroupIsTakenAsItIsAndStays() throws IOException {
    IntelRdt rdt = rdt("ready", "", "");
    ResctrlGroup group = group(rdt);
    group.create(rdt);
    group.add(42);
    assertThat(ready.resolve("tasks")).hasContent("42");
    group.remove();
    assertThat(ready).exists();
    refused(rdt("missing", "", ""), "does not exist");
    assertThat(root.resolve("missing")).doesNotExist();
  }

  @Test
  void aReadyGroupMustHaveWhatIsWanted() {
    for (IntelRdt same :
        new IntelRdt[] {
          rdt("ready", "L3:0=7FF", ""),
          rdt("ready", "L3:0=7ff;1=01f", "MB:0=20"),
          rdt("ready", "", "MB:1=100;0=20")
        }) {
      group(same).create(same);
    }
    refused(rdt("ready", "L3:0=7fe", ""), "has L3:");
    refused(rdt("ready", "L3:0=7ff;2=1", ""), "has L3:");
    refused(rdt("ready", "", "MB:0=30"), "has MB:");
    refused(rdt("ready", "L2:0=f", ""), "has L2:");
    assertThat(ready.resolve("schemata")).hasContent("    L3:0=007ff;1=1f\n    MB:0= 20;1=100\n");
  }

  /**
   * A directory has no schemata of its own, so the group cannot be made, and is not left behind.
   */
  @Test
  void whatCannotBeWrittenLeavesNoGroup() {
    refused(rdt("new", "L3:0=f", ""), root + "/new");
    assertThat(root.resolve("new")).doesNotExist();
  }

  @Test
  void schemataAreCombined() throws IOException {
    assertThat(ResctrlGroup.schemata(rdt("", "L3:0=f\nMB:0=10\nL2:0=3\n", "MB:0=20")))
        .containsExactly("L3:0=f", "L2:0=3", "MB:0=20");
    assertThat(ResctrlGroup.schemata(rdt("", "L3:0=f\nMB:0=10", "")))
        .containsExactly("L3:0=f", "MB:0=10");
    assertThat(ResctrlGroup.schemata(rdt("x", "", ""))).isEmpty();
    IntelRdt changed = rdt("", "L3:0=1", "MB:0=50");
    group(rdt("ready", "", "")).update(changed);
    assertThat(Files.readString(ready.resolve("schemata"))).startsWith("L3:0=1\nMB:0=50\n");
  }

  @Test
  void nonsenseIsRefused() {
    for (String name : new String[] {"../x", "a/b", ".", "..", "a\0b"}) {
      refused(rdt(name, "", ""), "closID");
    }
    refused(rdt("", "", "L3:0=f"), "MB:");
    refused(rdt("", "", "MB:0=1\nL3:0=f"), "MB:");
  }

  @Test
  void withoutIntelRdtNothingIsTouched() {
    assertThat(ResctrlGroup.of(Optional.empty(), "c1")).isEmpty();
  }
}
