package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The MUSTs of config-linux.md; control groups have {@link CgroupSpecTest}. */
class ConfigLinuxSpecTest extends SpecTest {
  private static final String NAMESPACES =
      "for n in pid net mnt ipc uts user cgroup time; do echo $n $(readlink /proc/self/ns/$n);"
          + " done";

  @Test
  void namespacesMustBeNewWhereListedWithoutAPathAndInheritedWhereNotListed() {
    String inside =
        out(
            b -> {
              namespace(b, "cgroup", "");
              namespace(b, "time", "");
            },
            NAMESPACES);
    List<String> outside = box.ok(NAMESPACES).out().lines().toList();
    List<String> lines = inside.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      boolean inherited = lines.get(i).startsWith("user ");
      assertThat(lines.get(i).equals(outside.get(i))).as(lines.get(i)).isEqualTo(inherited);
    }
  }

  @Test
  void theProcessMustBePlacedInTheNamespacesOfThePaths() {
    Running holder = box.start("exec unshare --net --ipc --uts --cgroup sleep 1000");
    try {
      String pid =
          box.ok(
                  "until p=$(pgrep -x sleep -n); [ -n \"$p\" ] && [ \"$(readlink /proc/$p/ns/uts)\""
                      + " != \"$(readlink /proc/self/ns/uts)\" ]; do sleep 0.05; done; echo $p")
              .out()
              .strip();
      String expected = box.ok("cd /proc/" + pid + "/ns; readlink net ipc uts cgroup").out();
      String out =
          out(
              b -> {
                b.config().fields().remove("hostname");
                namespace(b, "network", "/proc/" + pid + "/ns/net");
                namespace(b, "ipc", "/proc/" + pid + "/ns/ipc");
                namespace(b, "uts", "/proc/" + pid + "/ns/uts");
                namespace(b, "cgroup", "/proc/" + pid + "/ns/cgroup");
              },
              "cd /proc/self/ns; for n in net ipc uts cgroup; do readlink $n; done");
      assertThat(out).isEqualTo(expected);
    } finally {
      holder.signal(Signals.KILL);
      holder.await(30);
    }
  }

  @Test
  void aPathThatIsNoNamespaceOfItsTypeMustGenerateAnError() {
    refused(b -> namespace(b, "network", "/proc/1/ns/ipc"), "/proc/1/ns/ipc");
    refused(b -> namespace(b, "network", "/etc/passwd"), "/etc/passwd");
    refused(b -> namespace(b, "ipc", "relative"), "relative", "absolute");
  }

  @Test
  void namespacesThatAreListedTwiceMustGenerateAnError() {
    refused(
        b -> {
          List<dev.casemate.base.Json> all =
              new java.util.ArrayList<>(b.linux().array("namespaces"));
          all.add(json("{'type':'pid'}"));
          b.linux().put("namespaces", new dev.casemate.base.Json.Arr(all));
        },
        "pid",
        "twice");
  }

  @Test
  void userNamespacesHaveTheirMaps() {
    bundle("true");
    box.ok("chmod 711 . must; mkdir must/rootfs/proc must/rootfs/sys must/rootfs/dev");
    String out =
        out(
            b -> {
              namespace(b, "user", "");
              b.linux()
                  .put("uidMappings", array("[{'containerID':0,'hostID':100000,'size':65536}]"))
                  .put("gidMappings", array("[{'containerID':0,'hostID':200000,'size':65536}]"));
            },
            "id -u; tr -s ' ' < /proc/self/uid_map; tr -s ' ' < /proc/self/gid_map; echo >"
                + " /dev/null && echo null; stat -c %t:%T /dev/zero");
    assertLines(out, "0", " 0 100000 65536", " 0 200000 65536", "null", "1:5");
    refused(b -> namespace(b, "user", ""), "uidMappings");
  }

  @Test
  void timeNamespacesHaveTheirOffsets() {
    String out =
        out(
            b -> {
              namespace(b, "time", "");
              b.linux().put("timeOffsets", json("{'boottime':{'secs':1000000}}"));
            },
            "cut -d. -f1 /proc/uptime");
    assertThat(Long.parseLong(out.strip())).isGreaterThan(1_000_000);
  }

  @Test
  void devicesMustBeAvailableAndOneThatIsAnotherFileMustGenerateAnError() {
    bundle("true");
    String out =
        out(
            b ->
                b.linux()
                    .put(
                        "devices",
                        array(
                            "[{'path':'/dev/mine','type':'c','major':1,'minor':5,'fileMode':416,"
                                + "'uid':3,'gid':4},{'path':'/else/pipe','type':'p'}]")),
            "stat -c '%F %t:%T %a %u:%g' /dev/mine; stat -c %F /else/pipe");
    assertLines(out, "character special file 1:5 640 3:4", "fifo");
    box.ok("mkdir -p must/rootfs/dev2 && touch must/rootfs/dev2/x");
    refused(
        b -> b.linux().put("devices", array("[{'path':'/dev2/x','type':'c','major':1,'minor':5}]")),
        "/dev2/x");
  }

  @Test
  void theDefaultDevicesMustBeSupplied() {
    String out =
        out(
            b -> {},
            "for d in null zero full random urandom tty; do stat -c '%n %F %t:%T %a' /dev/$d; done;"
                + " for l in ptmx fd stdin; do readlink /dev/$l; done; [ -e /dev/console ] || echo"
                + " none");
    assertLines(
        out,
        "/dev/null character special file 1:3 666",
        "/dev/zero character special file 1:5 666",
        "/dev/full character special file 1:7 666",
        "/dev/random character special file 1:8 666",
        "/dev/urandom character special file 1:9 666",
        "/dev/tty character special file 5:0 666",
        "pts/ptmx",
        "/proc/self/fd",
        "/proc/self/fd/0",
        "none");
  }

  @Test
  void sysctlsAreSetAndThoseOfTheHostRefused() {
    String out =
        out(
            b ->
                b.linux()
                    .put(
                        "sysctl", json("{'net.ipv4.ip_forward':'1','kernel.shm_rmid_forced':'1'}")),
            "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced");
    assertLines(out, "1", "1");
    refused(b -> b.linux().put("sysctl", json("{'vm.swappiness':'1'}")), "vm.swappiness");
    refused(b -> b.linux().put("sysctl", json("{'net/../kernel.x':'1'}")), "sysctl");
  }

  @Test
  void maskedAndReadonlyPathsMustBeAbsoluteAndAreSo() {
    bundle("true");
    box.ok(
        "mkdir -p must/rootfs/secret must/rootfs/fixed; echo 1 > must/rootfs/secret/f;"
            + " echo 2 > must/rootfs/hidden");
    String out =
        out(
            b -> {
              b.config().object("root").orElseThrow().put("readonly", false);
              b.linux()
                  .putStrings("maskedPaths", List.of("/secret", "/hidden", "/not/there"))
                  .putStrings("readonlyPaths", List.of("/fixed", "/nor/this"));
            },
            "ls /secret | wc -l; wc -c < /hidden; touch /fixed/x 2> /dev/null || echo fixed;"
                + " touch /secret/x 2> /dev/null || echo sealed");
    assertLines(out, "0", "0", "fixed", "sealed");
    refused(b -> b.linux().putStrings("maskedPaths", List.of("etc")), "maskedPaths", "absolute");
    refused(b -> b.linux().putStrings("readonlyPaths", List.of("x")), "readonlyPaths", "absolute");
  }

  @Test
  void rootfsPropagationIsTheGivenOne() {
    for (String[] kind :
        new String[][] {
          {"private", ""}, {"slave", ""}, {"shared", "shared:"}, {"unbindable", "unbindable"}
        }) {
      String out =
          out(
              b -> b.linux().put("rootfsPropagation", kind[0]),
              "grep ' / / ' /proc/self/mountinfo || awk '$5 == \"/\"' /proc/self/mountinfo");
      if (kind[1].isEmpty()) {
        assertThat(out).as(kind[0]).doesNotContain("shared:", "unbindable");
      } else {
        assertThat(out).as(kind[0]).contains(kind[1]);
      }
    }
  }

  @Test
  void thePersonalityIsSetAndFlagsThatAreNoneMustGenerateAnError() {
    assertThat(out(b -> b.linux().put("personality", json("{'domain':'LINUX32'}")), "uname -m"))
        .isEqualTo("i686\n");
    refused(
        b -> b.linux().put("personality", json("{'domain':'LINUX','flags':['X']}")), "flags", "X");
    refused(b -> b.linux().put("personality", json("{'domain':'PLAN9'}")), "PLAN9");
  }

  @Test
  void seccompRulesAreInForceWithAndWithoutNoNewPrivileges() {
    for (boolean noNewPrivileges : new boolean[] {true, false}) {
      Result result =
          result(
              b -> {
                b.process().put("noNewPrivileges", noNewPrivileges);
                b.process().put("user", json("{'uid':1000,'gid':1000}"));
                b.linux()
                    .put(
                        "seccomp",
                        json(
                            "{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64'],"
                                + "'syscalls':[{'names':['uname'],'action':'SCMP_ACT_ERRNO',"
                                + "'errnoRet':5},{'names':['sync'],'action':'SCMP_ACT_KILL'}]}"));
              },
              "grep -E '^(NoNewPrivs|Seccomp|CapPrm|CapAmb|CapInh):' /proc/self/status;"
                  + " uname 2>&1; busybox sync; echo $?");
      assertThat(result.out())
          .contains("NoNewPrivs:\t" + (noNewPrivileges ? 1 : 0), "Seccomp:\t2")
          .contains("CapPrm:\t0000000000000000", "CapAmb:\t0000000000000000")
          .contains("CapInh:\t0000000000000000")
          .doesNotContain("Linux")
          .endsWith("159\n");
    }
  }

  @Test
  void anErrnoForASeccompActionThatHasNoneMustFail() {
    refused(
        b ->
            b.linux()
                .put(
                    "seccomp",
                    json(
                        "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdir'],"
                            + "'action':'SCMP_ACT_KILL','errnoRet':1}]}")),
        "SCMP_ACT_KILL");
    refused(
        b ->
            b.linux().put("seccomp", json("{'defaultAction':'SCMP_ACT_LOG','defaultErrnoRet':38}")),
        "SCMP_ACT_LOG");
  }

  @Test
  void namesOfASeccompRuleMustContainAtLeastOneEntry() {
    refused(
        b ->
            b.linux()
                .put(
                    "seccomp",
                    json(
                        "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[],"
                            + "'action':'SCMP_ACT_ERRNO'}]}")),
        "names");
  }

  @Test
  void listenerMetadataMustNotBeSetWithoutAListenerPath() {
    refused(
        b ->
            b.linux()
                .put(
                    "seccomp",
                    json("{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'for nobody'}")),
        "listenerMetadata");
  }

  @Test
  void theSymbolicLinksOfTheStreamsMustBeCreated() {
    assertLines(
        out(b -> {}, "for l in fd stdin stdout stderr; do readlink /dev/$l; done"),
        "/proc/self/fd",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2");
  }

  @Test
  void theConsoleMustBeTheTerminal() {
    bundle("sh", "-c", "tty; stat -c %t:%T /dev/console $(tty)")
        .with(b -> b.process().put("terminal", true));
    List<String> lines =
        box.ok(
                "script -qec '$CELL --root "
                    + ROOT
                    + " run -b must "
                    + ID
                    + "' /dev/null < /dev/null")
            .out()
            .lines()
            .map(String::strip)
            .toList();
    // script(1) shows the end of its own input before that.
    assertThat(lines.get(0)).contains("/dev/pts/");
    assertThat(lines.get(1)).isEqualTo(lines.get(2));
  }

  @Test
  void aPathOfANamespaceMustBeAbsolute() {
    refused(b -> namespace(b, "uts", "proc/self/ns/uts"), "proc/self/ns/uts", "absolute");
  }

  @Test
  void withoutPivotRootTheRootIsTheBundlesToo() {
    bundle("sh", "-c", "ls -d /bin && ! ls /etc/passwd");
    ok("run --no-pivot -b must " + ID);
  }

  @Test
  void theSessionKeyringIsTheContainersUnlessTheCallersIsWanted() {
    bundle("/session");
    box.ok(
        """
        cat > session.c <<'END'
        #include <stdio.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int main(void) { return printf("%ld\\n", syscall(SYS_keyctl, 0, -3, 0)) < 0; }
        END
        musl-gcc -static -o must/rootfs/session session.c
        """);
    // The number of the session's keyring: a new one in each container, or the caller's.
    List<String> numbers = new ArrayList<>();
    for (String option : List.of("", "", "--no-new-keyring ", "--no-new-keyring ")) {
      numbers.add(ok("run " + option + "-b must " + ID).out().strip());
    }
    assertThat(numbers.get(0)).matches("[0-9]+").isNotEqualTo(numbers.get(1));
    assertThat(numbers.get(2)).isEqualTo(numbers.get(3)).isNotIn(numbers.get(0), numbers.get(1));
  }

  @Test
  void intelRdtWithoutAMountedResctrlMustGenerateAnError() {
    // And so must, where it is mounted, a group that is not there.
    refused(b -> b.linux().put("intelRdt", json("{'closID':'not-there'}")), "resctrl");
  }
}
