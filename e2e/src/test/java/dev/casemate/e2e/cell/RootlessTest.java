package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** An ordinary user, to whom no control group is delegated. */
class RootlessTest extends CellTest {
  private static final String USER =
      "setpriv --reuid 12345 --regid 12345 --clear-groups env XDG_RUNTIME_DIR=/run/user-12345 ";

  @BeforeAll
  static void bundle() {
    box.ok(
        "mkdir -p rootless/rootfs/bin /run/user-12345 && cp /bin/busybox rootless/rootfs/bin && for"
            + " a in sh id cat sleep true; do ln -s busybox rootless/rootfs/bin/$a; done; chown -R"
            + " 12345:12345 rootless /run/user-12345; "
            + USER
            + "$CELL spec --rootless -b rootless");
  }

  private static void command(String... words) {
    Json.Obj config = Json.parseObject(box.ok("cat rootless/config.json").out());
    config
        .object("process")
        .orElseThrow()
        .put("terminal", false)
        .putStrings("args", List.of(words));
    box.ok("cat > rootless/config.json <<'END'\n" + config.text() + "\nEND");
  }

  private static Result user(String arguments) {
    return box.run(USER + "$CELL " + arguments + " < /dev/null");
  }

  @Test
  void runIsRootInItsOwnNamespaceOnly() {
    command("sh", "-c", "id -u; cat /proc/self/uid_map; exit 5");
    assertThat(user("run -b rootless one").expect(5).out())
        .startsWith("0\n")
        .contains("0      12345          1");
  }

  @Test
  void itHasANamespaceOfTimeOfItsOwn() {
    command("cat", "/proc/self/timens_offsets");
    box.ok("cp rootless/config.json keep.json");
    Json.Obj config = Json.parseObject(box.ok("cat rootless/config.json").out());
    Json.Obj linux = config.object("linux").orElseThrow();
    List<Json> namespaces = new java.util.ArrayList<>(linux.array("namespaces"));
    namespaces.add(new Json.Obj().put("type", "time"));
    linux
        .put("namespaces", new Json.Arr(namespaces))
        .put("timeOffsets", Json.parseObject("{\"boottime\":{\"secs\":1337,\"nanosecs\":31}}"));
    box.ok("cat > rootless/config.json <<'END'\n" + config.text() + "\nEND");
    assertThat(user("run -b rootless one").expect(0).out().replaceAll(" +", " "))
        .isEqualTo("monotonic 0 0\nboottime 1337 31\n");
    box.ok("cp keep.json rootless/config.json");
  }

  @Test
  void theWholeLifeWithoutControlGroups() {
    command("sleep", "1000");
    user("run -d -b rootless one > /dev/null 2>&1").expect(0);
    assertThat(user("list -q").expect(0).out()).isEqualTo("one\n");
    assertThat(box.ok("ls /run/user-12345/casemate-cell").out()).isEqualTo("one\n");
    assertThat(user("exec one id -u").expect(0).out()).isEqualTo("0\n");
    assertThat(user("pause one").expect(1).err()).contains("level=error");
    user("kill one KILL").expect(0);
    Wait.until(30, "the end", () -> user("state one").expect(0).out().contains("\"stopped\""));
    user("delete one").expect(0);
    assertThat(box.ok("ls -A /run/user-12345/casemate-cell").out()).isEmpty();
    assertThat(box.ok("find /sys/fs/cgroup -name one").out()).isEmpty();
  }

  @Test
  void limitsThatCannotBeSetAreAnErrorNotSilence() {
    command("true");
    box.ok("cp rootless/config.json keep.json");
    Json.Obj config = Json.parseObject(box.ok("cat rootless/config.json").out());
    config
        .object("linux")
        .orElseThrow()
        .put("resources", new Json.Obj().put("memory", new Json.Obj().put("limit", 67108864)));
    box.ok("cat > rootless/config.json <<'END'\n" + config.text() + "\nEND");
    assertThat(user("run -b rootless one").expect(1).err()).contains("limit");
    box.ok("cp keep.json rootless/config.json");
  }

  @Test
  void aPathOfAControlGroupThatCannotBeMadeIsAnErrorNotSilence() {
    command("true");
    box.ok("cp rootless/config.json keep.json");
    Json.Obj config = Json.parseObject(box.ok("cat rootless/config.json").out());
    config.object("linux").orElseThrow().put("cgroupsPath", "/of-root");
    box.ok("cat > rootless/config.json <<'END'\n" + config.text() + "\nEND");
    assertThat(user("run -b rootless one").expect(1).err())
        .contains("unable to apply cgroup configuration", "permission denied");
    box.ok("cp keep.json rootless/config.json");
  }

  @Test
  void controlGroupsAreReadOnlyInTheContainerThatSpecDescribes() {
    command("sh", "-c", "for f in /sys/fs/cgroup/*/cgroup.procs; do : >> $f && echo open $f; done");
    assertThat(user("run -b rootless one 2> /dev/null").out()).isEmpty();
  }

  @Test
  void anotherUsersContainersAreOutOfReach() {
    Bundle.make(box, "roots", "sleep", "1000");
    ok("run -d -b roots a > /dev/null 2>&1");
    assertThat(user("--root " + ROOT + " state a").expect(1).err()).contains("ermission denied");
    assertThat(user("--root " + ROOT + " kill a KILL").expect(1).err())
        .contains("ermission denied");
    assertThat(status("a")).isEqualTo("running");
    ok("delete -f a");
  }
}
