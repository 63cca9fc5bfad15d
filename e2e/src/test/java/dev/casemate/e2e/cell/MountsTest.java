package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Mounts as runc's users know them, and containers without a mount namespace. */
class MountsTest extends SpecTest {
  @Test
  void aReadOnlyDevAndTmpfsHaveTheirDevicesAndMountPoints() {
    String out =
        out(
            b -> {
              for (Json.Obj mount : b.config().objects("mounts")) {
                if (mount.string("destination").equals("/dev")) {
                  List<String> options = new ArrayList<>(mount.strings("options"));
                  options.add("ro");
                  mount.putStrings("options", options);
                }
              }
              addMount(b, "{'destination':'/t','type':'tmpfs','options':['ro']}");
              addMount(b, "{'destination':'/t/in/it','type':'tmpfs','options':['rw']}");
              addMount(b, "{'destination':'/r','type':'tmpfs','options':['rro']}");
              addMount(b, "{'destination':'/r/below','type':'tmpfs'}");
            },
            "touch /dev/x /t/x /r/x 2>&1; touch /t/in/it/x /r/below/x && echo below; echo >"
                + " /dev/null && ls /dev/pts/ptmx; grep -c ' /dev tmpfs ro,' /proc/mounts");
    assertLines(
        out,
        "touch: /dev/x: Read-only file system",
        "touch: /t/x: Read-only file system",
        "touch: /r/x: Read-only file system",
        "below",
        "/dev/pts/ptmx",
        "1");
  }

  @Test
  void aDestinationMayBeginWithTheRootFileSystemsPath() {
    String root = box.files() + "/must/rootfs";
    String out =
        out(
            b -> {
              addMount(
                  b, "{'destination':'" + root + "/t/x','type':'tmpfs','options':['mode=700']}");
              addMount(b, "{'destination':'" + root + "2','type':'tmpfs','options':['mode=711']}");
            },
            "stat -c %a /t/x " + root + "2");
    assertLines(out, "700", "711");
  }

  private static void withoutMountNamespace(Bundle b) {
    List<Json> left = new ArrayList<>();
    for (Json.Obj one : b.linux().objects("namespaces")) {
      if (!one.string("type").equals("mount")) {
        left.add(one);
      }
    }
    b.linux().put("namespaces", new Json.Arr(left));
    b.config().object("root").orElseThrow().put("readonly", false);
  }

  @Test
  void aBindHasItsSourcesAccessTimesUntilAWordAsksForOthers() {
    box.ok("mkdir -p times && mount -t tmpfs none times && mount -o remount,bind,noatime times");
    String[] words = {"rw", "atime", "norelatime", "relatime", "strictatime", "nodiratime"};
    try {
      String mount =
          "{'destination':'/%1$s','source':'" + box.files() + "/times','options':['bind','%1$s']}";
      String out =
          out(
              b -> {
                for (String word : words) {
                  addMount(b, mount.formatted(word));
                }
              },
              "for f in " + String.join(" ", words) + "; do grep \" /$f \" /proc/mounts; done");
      List<String> lines = out.lines().toList();
      assertThat(lines).hasSize(words.length);
      for (int i = 0; i < words.length; i++) {
        List<String> options = List.of(lines.get(i).split(" ", -1)[3].split(",", -1));
        assertThat(options.contains("noatime")).as(lines.get(i)).isEqualTo(i < 3);
        assertThat(options.contains("relatime"))
            .as(lines.get(i))
            .isEqualTo(words[i].equals("relatime") || words[i].equals("nodiratime"));
        assertThat(options.contains("nodiratime"))
            .as(lines.get(i))
            .isEqualTo(words[i].equals("nodiratime"));
      }
    } finally {
      box.ok("umount times");
    }
  }

  private static String mountsOutside() {
    return box.ok("cat /proc/self/mountinfo").out();
  }

  @Test
  void aContainerWithoutAMountNamespaceHasItsRootInTheRuntimes() {
    String before = mountsOutside();
    for (String option : new String[] {"", "--no-pivot "}) {
      bundle("sh", "-c", "readlink /proc/self/ns/mnt; ls /; mount | grep -c proc/sys")
          .with(MountsTest::withoutMountNamespace);
      box.ok("touch must/rootfs/mine");
      String out = ok("run " + option + "-b must " + ID).out();
      assertThat(out.lines().toList())
          .startsWith(box.ok("readlink /proc/self/ns/mnt").out().strip())
          .contains("mine")
          .doesNotContain("work", "home");
      assertThat(mountsOutside()).as("nothing is left").isEqualTo(before);
    }
  }

  @Test
  void itsFurtherProcessesHaveItsRootToo() {
    String before = mountsOutside();
    bundle("sleep", "1000").with(MountsTest::withoutMountNamespace);
    box.ok("touch must/rootfs/mine");
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    assertThat(ok("exec " + ID + " ls /").out()).contains("mine\n", "proc\n");
    assertThat(ok("exec " + ID + " cat /proc/1/comm").out()).isEqualTo("sleep\n");
    assertThat(mountsOutside()).contains("/must/rootfs/proc ");
    ok("delete -f " + ID);
    assertThat(mountsOutside()).isEqualTo(before);
  }

  @Test
  void aCreationThatFailsUnmountsWhatItHasMounted() {
    String before = mountsOutside();
    refused(
        b -> {
          withoutMountNamespace(b);
          addMount(b, "{'source':'/nowhere','destination':'/mnt','options':['bind']}");
        },
        "/nowhere");
    assertThat(mountsOutside()).isEqualTo(before);
    refused(
        b -> {
          withoutMountNamespace(b);
          namespace(b, "user", "");
          b.linux()
              .put("uidMappings", array("[{'containerID':0,'hostID':100000,'size':65536}]"))
              .put("gidMappings", array("[{'containerID':0,'hostID':100000,'size':65536}]"));
        },
        "linux.namespaces has \"user\" but no \"mount\"");
    assertThat(mountsOutside()).isEqualTo(before);
  }

  @Test
  void anOptionThatABindCannotHaveIsRefused() {
    refused(
        b -> addMount(b, "{'destination':'/m','source':'/etc','options':['bind','size=1m']}"),
        "size=1m",
        "/m",
        "bind mounts cannot have any filesystem-specific options applied");
  }
}
