package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.oci.MountSpec;
import org.junit.jupiter.api.Test;

class MountOptionsTest {
  private static MountOptions parse(String... words) {
    return MountOptions.parse(MountSpec.of("/x", "tmpfs", "tmpfs", words));
  }

  @Test
  void wordsAreSortedByWhatTheyDo() {
    MountOptions options =
        parse("nosuid", "noexec", "nodev", "ro", "size=65536k", "mode=755", "defaults", "x-foo");
    assertThat(options.set)
        .isEqualTo(
            NewMount.ATTR_NOSUID
                | NewMount.ATTR_NOEXEC
                | NewMount.ATTR_NODEV
                | NewMount.ATTR_RDONLY);
    assertThat(options.filesystem).containsExactly("size=65536k", "mode=755");
    assertThat(options.has("mode")).isTrue();
    assertThat(options.has("mod")).isFalse();
    assertThat(options.bind).isFalse();
  }

  @Test
  void aLaterWordTakesBackAnEarlierOne() {
    MountOptions options = parse("ro", "nosuid", "rw", "suid");
    assertThat(options.set).isZero();
    assertThat(options.clear).isEqualTo(NewMount.ATTR_RDONLY | NewMount.ATTR_NOSUID);
  }

  @Test
  void accessTimeIsAFieldOfItsOwn() {
    MountOptions options = parse("noatime", "relatime", "strictatime");
    assertThat(options.set).isEqualTo(NewMount.ATTR_STRICTATIME);
    assertThat(options.clear).isEqualTo(NewMount.ATTR_ATIME);
  }

  @Test
  void wordsThatTakeAccessTimesBackAskForNone() {
    for (String word : new String[] {"atime", "diratime", "norelatime", "nostrictatime", "ro"}) {
      assertThat(parse(word).changesTimes()).as(word).isFalse();
    }
    assertThat(parse("noatime", "atime").changesTimes()).isFalse();
    assertThat(parse("rnoatime").changesTimes()).isFalse();
  }

  @Test
  void accessTimesOfABindAreThoseOfMount2() {
    assertThat(parse("relatime").changesTimes()).isTrue();
    assertThat(parse("relatime").times()).isEqualTo(NewMount.ATTR_RELATIME);
    assertThat(parse("noatime").times()).isEqualTo(NewMount.ATTR_NOATIME);
    assertThat(parse("nodiratime").times()).isEqualTo(NewMount.ATTR_NODIRATIME);
    assertThat(parse("nodiratime", "norelatime").times()).isEqualTo(NewMount.ATTR_NODIRATIME);
    assertThat(parse("noatime", "nodiratime", "strictatime").times())
        .isEqualTo(NewMount.ATTR_STRICTATIME | NewMount.ATTR_NODIRATIME);
  }

  @Test
  void recursiveWordsAreKeptApart() {
    MountOptions options = parse("rbind", "rro", "rnosuid", "rprivate", "nodev");
    assertThat(options.bind).isTrue();
    assertThat(options.bindRecursive).isTrue();
    assertThat(options.recursiveSet).isEqualTo(NewMount.ATTR_RDONLY | NewMount.ATTR_NOSUID);
    assertThat(options.set).isEqualTo(NewMount.ATTR_NODEV);
    assertThat(options.propagation).isEqualTo(Mounts.PRIVATE);
    assertThat(options.propagationRecursive).isTrue();
  }
}
