package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.Spec;
import dev.casemate.protobuf.ProtoReader;
import dev.casemate.protobuf.ProtoWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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

  /** A request's type, under 0, and its options by their numbers in criu's rpc.proto. */
  private static Map<Integer, List<Object>> fields(CriuRequest request) {
    try (Fd images = Fs.open("/", OpenFlag.PATH);
        Fd work = Fs.open("/", OpenFlag.PATH)) {
      Map<Integer, List<Object>> outer = message(request.bytes(images, work));
      Map<Integer, List<Object>> options =
          message((byte[]) outer.getOrDefault(2, List.of()).getFirst());
      options.put(0, outer.get(1));
      return options;
    }
  }

  private static Map<Integer, List<Object>> message(byte[] bytes) {
    Map<Integer, List<Object>> fields = new TreeMap<>();
    ProtoReader reader = new ProtoReader(bytes);
    for (int tag = reader.tag(); tag != 0; tag = reader.tag()) {
      Object value = (tag & 7) == 0 ? (Object) reader.varint64() : reader.bytes();
      fields.computeIfAbsent(tag >>> 3, n -> new ArrayList<>()).add(value);
    }
    return fields;
  }

  private static List<String> texts(Map<Integer, List<Object>> fields, int number) {
    return fields.getOrDefault(number, List.of()).stream()
        .map(value -> new String((byte[]) value, StandardCharsets.UTF_8))
        .toList();
  }

  @Test
  void aDumpIsAskedForWhatIsGivenAndNothingElse() {
    Map<Integer, List<Object>> plain =
        fields(CriuRequest.dump(options(false, "", ""), 42, "/root"));
    // Type, images, pid, level and name of the log, notifications, root, work, soft, terminals.
    assertThat(plain).containsOnlyKeys(0, 1, 2, 9, 10, 12, 13, 17, 34, 50);
    assertThat(plain.get(0)).containsExactly(1L);
    assertThat(plain.get(2)).containsExactly(42L);
    assertThat(plain.get(34)).containsExactly(3L);
    assertThat(texts(plain, 10)).containsExactly("dump.log");
    assertThat(texts(plain, 13)).containsExactly("/root");

    Map<Integer, List<Object>> full =
        fields(CriuRequest.dump(options(true, "/work", "../earlier"), 42, "/root"));
    assertThat(full).containsKeys(3, 4, 5, 7, 8, 15, 16);
    assertThat(texts(full, 14)).containsExactly("../earlier");
    assertThat(full.get(38)).containsExactly(0x40000000L);
  }

  @Test
  void preDumpCopiesMemoryAndNeverStops() {
    CriuOptions options =
        new CriuOptions(
            "/i", "", "", true, true, false, false, false, false, false, "ignore", false, "", "");
    Map<Integer, List<Object>> fields = fields(CriuRequest.dump(options, 1, "/root"));
    assertThat(fields.get(0)).containsExactly(13L);
    assertThat(fields.get(34)).containsExactly(0L);
    assertThat(fields).containsKey(15).doesNotContainKey(3);
  }

  @Test
  void restoredProcessIsAChildOfWhoeverHasStartedCriu() {
    CriuRequest request = CriuRequest.restore(options(false, "/work", ""), "/root");
    request.external("mnt[/data]:/srv/data");
    request.inherit(4, "pipe:[7]");
    request.cgroupRoot("", "/a");
    Map<Integer, List<Object>> fields = fields(request);
    assertThat(fields.get(0)).containsExactly(2L);
    assertThat(fields.get(26)).containsExactly(1L);
    assertThat(fields).doesNotContainKeys(2, 5, 53, 63);
    assertThat(texts(fields, 10)).containsExactly("restore.log");
    assertThat(texts(fields, 37)).containsExactly("mnt[/data]:/srv/data");
    Map<Integer, List<Object>> inherited =
        message((byte[]) fields.getOrDefault(27, List.of()).getFirst());
    assertThat(texts(inherited, 1)).containsExactly("pipe:[7]");
    assertThat(inherited.get(2)).containsExactly(4L);
  }

  @Test
  void answersAreUnderstood() {
    ProtoWriter restored = new ProtoWriter();
    restored.putInt32(1, 2);
    restored.putBool(2, true);
    int response = restored.begin(4);
    restored.putInt32(1, 4711);
    restored.end(response);
    assertThat(CriuAnswer.decode(restored.toByteArray()))
        .isEqualTo(new CriuAnswer(2, true, 4711, "", ""));

    ProtoWriter notified = new ProtoWriter();
    notified.putInt32(1, 6);
    notified.putBool(2, true);
    int notification = notified.begin(5);
    notified.putString(1, "orphan-pts-master");
    notified.putInt32(2, 9);
    notified.end(notification);
    assertThat(CriuAnswer.decode(notified.toByteArray()))
        .isEqualTo(new CriuAnswer(6, true, 0, "orphan-pts-master", ""));

    ProtoWriter failed = new ProtoWriter();
    failed.putInt32(1, 1);
    failed.putBool(2, false);
    failed.putInt32(7, 22);
    failed.putString(9, "no");
    assertThat(CriuAnswer.decode(failed.toByteArray()))
        .isEqualTo(new CriuAnswer(1, false, 0, "", "no"));
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

  /** Where restored processes are put, as {@code CONTROLLER:PATH}. */
  private static List<String> roots(Json.Obj cgroup) {
    CriuRequest request = CriuRequest.restore(options(false, "", ""), "/root");
    Criu.place(request, cgroup);
    List<String> roots = new ArrayList<>();
    for (Object root : fields(request).getOrDefault(25, List.of())) {
      Map<Integer, List<Object>> fields = message((byte[]) root);
      roots.add(String.join("", texts(fields, 1)) + ":" + texts(fields, 2).getFirst());
    }
    return roots;
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
    assertThat(roots(v1))
        .containsExactly("cpu:/a/b", "cpuacct:/a/b", "freezer:/a/b", "name=systemd:/a/b");
    assertThat(Criu.freezer(v1)).isEqualTo("/sys/fs/cgroup/freezer/a/b");
    Json.Obj v2 =
        Json.parseObject(
            """
            {"version": "v2", "mountPoint": "/sys/fs/cgroup", "path": "/a/b"}
            """);
    assertThat(roots(v2)).containsExactly(":/a/b");
    assertThat(Criu.freezer(v2)).isEqualTo("/sys/fs/cgroup/a/b");
    Json.Obj none = Cgroup.none().record();
    assertThat(roots(none)).isEmpty();
    assertThat(Criu.freezer(none)).isEmpty();
  }

  @Test
  void recordIsReadBackAndItsAbsenceIsExplained(@TempDir Path images) {
    ImageRecord record =
        new ImageRecord(
            List.of("", "pipe:[7]", "file[3a:4]"),
            List.of("/data"),
            Map.of("/real/conf", "/real/link"));
    assertThat(record.configured("/real/conf/x")).isEqualTo("/real/link/x");
    assertThat(record.configured("/real/config")).isEqualTo("/real/config");
    record.write(images.toString());
    assertThat(ImageRecord.read(images.toString())).isEqualTo(record);
    assertThatThrownBy(() -> ImageRecord.read(images + "/none"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("is no checkpoint of this runtime");
  }
}
