package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.oci.CasemateException;
import dev.casemate.oci.Json;
import dev.casemate.oci.Spec;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What criu is told; that it does it is tested end to end. */
class CriuTest {
  private static final Spec SPEC =
      Spec.parse(
          """
          {
            "ociVersion": "1.2.0", "root": {"path": "rootfs"},
            "mounts": [
              {"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/data/", "type": "bind", "source": "/srv/data", "options": ["rbind"]},
              {"destination": "/data/cache", "type": "none", "source": "cache", "options": ["bind"]},
              {"destination": "/scratch", "type": "tmpfs", "source": "tmpfs"}
            ],
            "linux": {
              "maskedPaths": ["/proc/keys"],
              "namespaces": [{"type": "network", "path": "/run/netns/one"}, {"type": "pid"}]
            }
          }
          """);

  private static CriuOptions options(boolean on, String work, String parent) {
    return new CriuOptions(
        "/images", work, parent, on, false, on, on, on, on, on, "soft", on, "", "");
  }

  @Test
  void dumpWordsAreThoseThatAreAskedFor() {
    assertThat(options(false, "", "").dumpWords(42, "/root"))
        .containsExactly(
            "dump",
            "--tree",
            "42",
            "--images-dir",
            "/images",
            "--work-dir",
            "/images",
            "--log-file",
            "dump.log",
            "-v4",
            "--root",
            "/root",
            "--manage-cgroups=soft");
    assertThat(options(true, "/work", "../earlier").dumpWords(42, "/root"))
        .containsSubsequence("--work-dir", "/work")
        .containsSubsequence("--prev-images-dir", "../earlier")
        .containsSubsequence("--empty-ns", "net")
        .contains(
            "--track-mem",
            "--leave-running",
            "--tcp-established",
            "--ext-unix-sk",
            "--shell-job",
            "--file-locks",
            "--auto-dedup");
  }

  @Test
  void preDumpCopiesMemoryAndNeverStops() {
    CriuOptions options =
        new CriuOptions(
            "/i", "", "", true, true, false, false, false, false, false, "soft", false, "", "");
    assertThat(options.dumpWords(1, "/root"))
        .startsWith("pre-dump")
        .contains("--track-mem")
        .doesNotContain("--leave-running");
  }

  @Test
  void restoredProcessIsAChildOfWhoeverHasStartedCriu() {
    assertThat(options(false, "/work", "").restoreWords("/state/pid", "/root"))
        .startsWith("restore", "--restore-detached", "--restore-sibling", "--pidfile", "/state/pid")
        .containsSubsequence("--work-dir", "/work", "--log-file", "restore.log")
        .doesNotContain("--lsm-profile", "--tcp-established");
  }

  @Test
  void mountsOfTheOutsideAreFoundInTheConfigurationAsItIsNow() {
    assertThat(ImageRecord.source("/data", SPEC, "/bundle")).isEqualTo("/srv/data");
    assertThat(ImageRecord.source("/data/sub/disk", SPEC, "/bundle"))
        .isEqualTo("/srv/data/sub/disk");
    assertThat(ImageRecord.source("/data/cache", SPEC, "/bundle")).isEqualTo("/bundle/cache");
    assertThat(ImageRecord.source("/proc/keys", SPEC, "/bundle")).isEqualTo("/dev/null");
    assertThat(ImageRecord.source("/dev/tty", SPEC, "/bundle")).isEqualTo("/dev/tty");
    assertThat(ImageRecord.covers("/data", "/database")).isFalse();
    assertThat(ImageRecord.covers("/", "/any")).isTrue();
  }

  @Test
  void joinedNamespacesAreNotTheContainersOwn() {
    assertThat(ImageRecord.joined(SPEC.linux(), "network", "net")).isEqualTo("/run/netns/one");
    assertThat(ImageRecord.joined(SPEC.linux(), "pid")).isEmpty();
  }

  @Test
  void controlGroupsAreNamedAsCriuNamesThem() {
    Json.Obj v1 =
        Json.parseObject(
            """
            {"version": "v1", "hierarchies": [
              {"controllers": "cpu,cpuacct", "mount": "/sys/fs/cgroup/cpu,cpuacct", "path": "/a/b"},
              {"controllers": "freezer", "mount": "/sys/fs/cgroup/freezer", "path": "/a/b"},
              {"controllers": "name=systemd", "mount": "/sys/fs/cgroup/systemd", "path": "/a/b"}]}
            """);
    assertThat(Criu.roots(v1))
        .containsExactly("cpu:/a/b", "cpuacct:/a/b", "freezer:/a/b", "name=systemd:/a/b");
    assertThat(Criu.freezer(v1)).isEqualTo("/sys/fs/cgroup/freezer/a/b");
    Json.Obj v2 =
        Json.parseObject(
            """
            {"version": "v2", "mountPoint": "/sys/fs/cgroup", "path": "/a/b"}
            """);
    assertThat(Criu.roots(v2)).containsExactly("/a/b");
    assertThat(Criu.freezer(v2)).isEqualTo("/sys/fs/cgroup/a/b");
    Json.Obj none = Cgroup.none().record();
    assertThat(Criu.roots(none)).isEmpty();
    assertThat(Criu.freezer(none)).isEmpty();
  }

  @Test
  void recordIsReadBackAndItsAbsenceIsExplained(@TempDir Path images) {
    ImageRecord record = new ImageRecord(List.of("", "pipe:[7]", "file[3a:4]"), List.of("/data"));
    record.write(images.toString());
    assertThat(ImageRecord.read(images.toString())).isEqualTo(record);
    assertThatThrownBy(() -> ImageRecord.read(images + "/none"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("is no checkpoint of this runtime");
  }
}
