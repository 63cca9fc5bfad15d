package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Running;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a user namespace takes from the first process, and the engine does for it. */
class UserNamespaceTest extends SpecTest {
  private static final String MAP = "[{'containerID':0,'hostID':100000,'size':65536}]";
  private static final String OTHER = "other";

  @BeforeEach
  void files() {
    bundle("true");
    box.ok(
        "chmod 711 . must; mkdir -p must/rootfs/{proc,sys,dev,mnt}; chown -R 100000:100000"
            + " must/rootfs; mkdir -p source/deep priv/vol; echo data | tee source/f priv/vol/f >"
            + " source/deep/g; chown 5:6 source/f; chmod 700 priv");
  }

  @AfterEach
  void forget() {
    box.run("$CELL --root " + ROOT + " delete --force " + OTHER + " > /dev/null 2>&1");
    box.ok(
        "umount -l netns 2> /dev/null; rm -rf source priv netns other; chown -R 0:0 must/rootfs");
  }

  private static void mapped(Bundle b) {
    namespace(b, "user", "");
    b.linux().put("uidMappings", array(MAP)).put("gidMappings", array(MAP));
  }

  private static Consumer<Bundle> mount(String mount) {
    return b -> {
      mapped(b);
      addMount(b, mount);
    };
  }

  @Test
  void mountsAreIdMappedAsTheySay() {
    String bind = "{'source':'../source','destination':'/mnt','options':['bind']";
    String maps = ",'uidMappings':" + MAP + ",'gidMappings':" + MAP + "}";
    String script = "stat -c %u:%g /mnt/f; touch /mnt/new && stat -c %u /mnt/new";
    box.ok("chmod 777 source");
    assertLines(out(mount(bind + maps), script), "5:6", "0");
    assertThat(box.ok("stat -c %u source/new").out()).isEqualTo("0\n");
    assertLines(out(mount(bind + "}"), "stat -c %u:%g /mnt/f"), "65534:65534");
    assertLines(
        out(
            mount("{'source':'../source','destination':'/mnt','options':['bind','idmap']}"),
            "stat -c %u:%g /mnt/f"),
        "5:6");
    String shifted = MAP.replace("100000", "100007").replace("65536", "100");
    assertLines(
        out(
            mount(bind + ",'uidMappings':" + shifted + ",'gidMappings':" + MAP + "}"),
            "stat -c %u:%g /mnt/f"),
        "12:6");
  }

  @Test
  void devicesAreMadeThatTheHostDoesNotHave() {
    String devices =
        "[{'path':'/dev/other','type':'b','major':1,'minor':5,'fileMode':111,'uid':10,'gid':11},"
            + "{'path':'/dev/sub/zero','type':'c','major':1,'minor':5}]";
    assertLines(
        out(
            b -> {
              mapped(b);
              b.linux().put("devices", array(devices));
            },
            "stat -c '%a %u:%g %t:%T %F' /dev/other /dev/sub/zero; head -c 2 /dev/sub/zero | od -c |"
                + " head -1"),
        "157 10:11 1:5 block special file",
        "666 0:0 1:5 character special file",
        "0000000  \\0  \\0");
  }

  @Test
  void networkDevicesMoveIntoItWithTheirAddresses() {
    box.ok(
        "ip link add moved type veth peer name stays && ip addr add 169.254.169.14/32 dev moved");
    try {
      String out =
          out(
              b -> {
                mapped(b);
                b.linux().put("netDevices", json("{'moved':{'name':'inside'}}"));
              },
              "ip addr show dev inside");
      assertThat(out).contains("inet 169.254.169.14/32", "UP");
    } finally {
      box.run("ip link del stays 2> /dev/null");
    }
  }

  @Test
  void groupsThatAnAnnotationKeepsOpenTheirFiles() {
    box.ok("chown 0:4321 source/f && chmod 640 source/f");
    String member = "setpriv --groups 4321 $CELL --root " + ROOT + " run -b must " + ID;
    String mount = "{'source':'../source','destination':'/mnt','options':['bind']}";
    bundle("cat", "/mnt/f").with(mount(mount));
    assertThat(box.run(member).expect(1).err()).contains("Permission denied");
    bundle("cat", "/mnt/f").with(mount(mount)).with(RuncWaysTest::keepsGroups);
    assertThat(box.run(member).expect(0).out()).isEqualTo("data\n");
  }

  @Test
  void lockedFlagsOfASourceStayAndOthersAreClearedByAGivenOne() {
    box.ok(
        "mount -t tmpfs tmpfs source/deep && mount -o"
            + " remount,bind,ro,noexec,nosymfollow,noatime source/deep");
    try {
      String mount = "{'source':'../source/deep','destination':'/mnt','options':['bind','%s']}";
      String script = "grep ' /mnt ' /proc/mounts | cut -d' ' -f4";
      assertThat(out(mount(mount.formatted("dev")), script))
          .startsWith("ro,")
          .contains("noexec", "noatime")
          .doesNotContain("nosymfollow");
      assertThat(result(mount(mount.formatted("rw")), script).err())
          .contains("operation not permitted");
    } finally {
      box.ok("umount source/deep");
    }
  }

  @Test
  void mountsBelowAreMappedByRidmapOnly() {
    box.ok("mount -t tmpfs tmpfs source/deep; touch source/deep/f");
    try {
      for (String option : new String[] {"idmap", "ridmap"}) {
        String mount =
            "{'source':'../source','destination':'/mnt','options':['rbind','" + option + "']}";
        String below = option.equals("idmap") ? "65534" : "0";
        assertLines(out(mount(mount), "stat -c %u /mnt/f /mnt/deep/f"), "5", below);
      }
    } finally {
      box.ok("umount source/deep");
    }
  }

  @Test
  void aSourceMayBeBehindADirectoryThatIsClosedToTheContainersRoot() {
    String bind = "{'source':'../priv/vol','destination':'/mnt','options':['bind']}";
    assertLines(out(mount(bind), "cat /mnt/f"), "data");
    String file = "{'source':'../priv/vol/f','destination':'/mnt/f','options':['bind','ro']}";
    assertLines(out(mount(file), "cat /mnt/f"), "data");
    box.ok("ln -s priv/vol link; ln -s \"$FILES/priv/vol\" absolute");
    for (String link : new String[] {"link", "absolute"}) {
      assertLines(out(mount(bind.replace("priv/vol", link)), "cat /mnt/f"), "data");
    }
    box.ok("rm link absolute");
    refused(mount(bind.replace("vol", "none")), "bind source path does not exist: ../priv/none");
  }

  @Test
  void aSourceInTheRootHasTheMountsThatWereMadeBefore() {
    box.ok("chmod 700 priv; mkdir must/rootfs/{a,final}; chown 100000 must/rootfs/{a,final}");
    String rootfs = box.files() + "/must/rootfs";
    String out =
        out(
            b -> {
              mapped(b);
              addMount(b, "{'source':'../priv/vol','destination':'/a','options':['bind']}");
              addMount(
                  b,
                  "{'source':'"
                      + rootfs
                      + "/a','destination':'"
                      + rootfs
                      + "/final','options':['rbind']}");
            },
            "cat /final/f");
    assertLines(out, "data");
  }

  @Test
  void theRootMayBeBehindAClosedDirectory() {
    box.ok("mkdir priv/b; cp -a must/rootfs priv/b/rootfs");
    bundle("id", "-u").with(UserNamespaceTest::mapped);
    box.ok("cp must/config.json priv/b");
    assertThat(ok("run -b priv/b " + ID).out()).isEqualTo("0\n");
  }

  private static long target(Consumer<Bundle> change) {
    bundle("sleep", "1000")
        .with(
            b -> {
              mapped(b);
              change.accept(b);
              b.linux().put("cgroupsPath", box.cgroup() + "/" + OTHER);
            });
    ok("run -d -b must " + OTHER + " > /dev/null 2>&1");
    return state(OTHER).integer("pid", 0);
  }

  @Test
  void aJoinedUserNamespaceGoesWithANamespaceThatTheHostOwns() {
    long pid = target(b -> {});
    box.ok("touch netns; unshare --net=netns true");
    bundle("sleep", "1000")
        .with(
            b -> {
              namespace(b, "user", "/proc/" + pid + "/ns/user");
              namespace(b, "network", box.files() + "/netns");
              b.config().put("mounts", array("[{'destination':'/proc','type':'proc'}]"));
            });
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    long joined = state(ID).integer("pid", 0);
    String expected = box.ok("stat -L -c %i /proc/" + pid + "/ns/user netns").out();
    String namespaces = "stat -L -c %i /proc/PID/ns/user /proc/PID/ns/net";
    assertThat(box.ok(namespaces.replace("PID", "" + joined)).out()).isEqualTo(expected);
    assertThat(ok("exec " + ID + " " + namespaces.replace("PID", "self")).out())
        .isEqualTo(expected);
    ok("delete -f " + ID);
  }

  @Test
  void allNamespacesOfAContainerMayBeJoined() {
    long pid = target(b -> namespace(b, "time", ""));
    String out =
        out(
            b -> {
              b.config().fields().remove("hostname");
              for (String type : new String[] {"user", "time", "ipc", "uts", "pid", "cgroup"}) {
                namespace(b, type, "/proc/" + pid + "/ns/" + type);
              }
              namespace(b, "network", "/proc/" + pid + "/ns/net");
            },
            "id -u; for n in user time ipc uts net pid cgroup; do readlink /proc/self/ns/$n; done");
    String expected =
        box.ok(
                "cd /proc/"
                    + pid
                    + "/ns; for n in user time ipc uts net pid cgroup; do readlink $n; done")
            .out();
    assertThat(out).isEqualTo("0\n" + expected);
  }

  @Test
  void aNewUserNamespaceOwnsItsNamespaceOfTime() {
    bundle("sleep", "1000")
        .with(
            b -> {
              mapped(b);
              namespace(b, "time", "");
              b.linux()
                  .put(
                      "timeOffsets",
                      json("{'monotonic':{'secs':7881,'nanosecs':5},'boottime':{'secs':1337}}"));
            });
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    assertThat(ok("exec " + ID + " cat /proc/self/timens_offsets").out().replaceAll(" +", " "))
        .isEqualTo("monotonic 7881 5\nboottime 1337 0\n");
    long pid = state(ID).integer("pid", 0);
    // Its owner says so: a process of the same user namespace may join it.
    box.ok("nsenter --user --time -t " + pid + " true");
    ok("delete -f " + ID);
  }

  @Test
  void aNewUserNamespaceMayHaveTheNetworkOfAnother() {
    Running holder = box.start("exec unshare --net sleep 1001");
    try {
      String pid = box.ok("until p=$(pgrep -fx 'sleep 1001'); do sleep 0.05; done; echo $p").out();
      String net = "/proc/" + pid.strip() + "/ns/net";
      String out =
          out(
              b -> {
                mapped(b);
                namespace(b, "network", net);
                b.config().put("mounts", array("[{'destination':'/proc','type':'proc'}]"));
              },
              "id -u; readlink /proc/self/ns/net");
      assertThat(out).isEqualTo("0\n" + box.ok("readlink " + net).out());
    } finally {
      holder.signal(Signals.KILL);
      holder.await(30);
    }
  }

  @Test
  void anyUserMayOpenTheStreamsAgain() {
    String write = "echo out > /dev/stdout && echo err > /dev/stderr && echo fd > /proc/self/fd/1";
    Consumer<Bundle> other =
        b -> {
          mapped(b);
          b.process().put("user", json("{'uid':1000,'gid':1000}"));
        };
    bundle("sh", "-c", write).with(other);
    String cell = "$CELL --root " + ROOT + " ";
    String pipes = " < /dev/null 2>&1 | cat";
    assertLines(box.ok(cell + "run -b must " + ID + pipes).out(), "out", "err", "fd");
    bundle("sleep", "1000").with(other);
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    String exec = cell + "exec " + ID + " sh -c '" + write + "'";
    assertLines(box.ok(exec + pipes).out(), "out", "err", "fd");
    ok("delete -f " + ID);
  }
}
