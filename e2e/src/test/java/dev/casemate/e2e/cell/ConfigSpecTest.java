package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The MUSTs of config.md that apply to Linux; hooks have {@link HooksTest}. */
class ConfigSpecTest extends SpecTest {
  @Test
  void unknownPropertiesMustBeIgnored() {
    String out =
        out(
            b -> {
              b.config().put("noSuchField", json("{'a':[1,null,'x']}"));
              b.process().put("whatever", 1);
              b.linux().put("future", json("{}"));
            },
            "echo fine");
    assertThat(out).isEqualTo("fine\n");
  }

  @Test
  void invalidValuesMustGenerateAnError() {
    refused(b -> b.process().put("cwd", 7), "process.cwd", "string");
    refused(b -> b.config().put("mounts", "none"), "mounts", "array");
    refused(b -> b.linux().put("rootfsPropagation", "sideways"), "sideways");
    refused(b -> b.config().put("ociVersion", "0.1.0"), "ociVersion", "0.1.0");
  }

  @Test
  void aDirectoryMustExistAtTheRootsPath() {
    refused(b -> b.config().object("root").orElseThrow().put("path", "nowhere"), "rootfs");
  }

  @Test
  void aReadOnlyRootMustBeReadOnlyInside() {
    Result result =
        result(
            b -> b.config().object("root").orElseThrow().put("readonly", true),
            "touch /x || mkdir /y || exit 3");
    assertThat(result.exit()).isEqualTo(3);
    assertThat(result.err()).contains("Read-only file system");
    String out =
        out(b -> b.config().object("root").orElseThrow().put("readonly", false), "touch /x; ls /x");
    assertThat(out).isEqualTo("/x\n");
  }

  @Test
  void mountsMustBeMountedInTheListedOrder() {
    String out =
        out(
            b -> {
              addMount(b, "{'destination':'/t','type':'tmpfs','source':'one'}");
              addMount(b, "{'destination':'/t/below','type':'tmpfs','source':'two'}");
              addMount(b, "{'destination':'/t','type':'tmpfs','source':'three'}");
            },
            "grep ' /t' /proc/mounts | cut -d' ' -f1,2; ls /t");
    assertLines(out, "one /t", "two /t/below", "three /t");
  }

  @Test
  void aRelativeDestinationMustBeInterpretedRelativeToTheRoot() {
    String out =
        out(
            b -> addMount(b, "{'destination':'some/where','type':'tmpfs','source':'t'}"),
            "grep -c ' /some/where tmpfs' /proc/mounts");
    assertThat(out).isEqualTo("1\n");
  }

  /** Each option of the table of config.md, with what it must do where that can be seen. */
  @Test
  void theMountOptionsOfTheTableMustBeSupported() {
    String all =
        "async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev"
            + " nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid nosymfollow"
            + " private ratime rdev rdiratime relatime rexec rnoatime rnodev rnodiratime rnoexec"
            + " rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw"
            + " rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave"
            + " strictatime suid symfollow sync tmpcopyup unbindable";
    int expected = 0;
    Bundle bundle = bundle("sh", "-c", "grep ' /opt-' /proc/self/mountinfo | cut -d' ' -f5,6");
    for (String option : all.split(" ", -1)) {
      if (!option.equals("bind")) {
        expected++;
        addMount(
            bundle,
            "{'destination':'/opt-"
                + option
                + "','type':'tmpfs','source':'t','options':['"
                + option
                + "']}");
      }
    }
    bundle.write();
    String out = ok("run -b must " + ID).out();
    assertThat(out.lines().count()).as(out).isEqualTo(expected);
    for (String option : "ro nodev nosuid noexec noatime nodiratime nosymfollow".split(" ", -1)) {
      assertThat(out).containsPattern("/opt-" + option + " [a-z,]*\\b" + option + "\\b");
      assertThat(out).containsPattern("/opt-r" + option + " [a-z,]*\\b" + option + "\\b");
    }
  }

  @Test
  void rroMustMakeMountsBelowReadOnlyAndRoOnlyTheMountItself() {
    box.ok(
        "mkdir -p must/tree/below; mountpoint -q must/tree/below ||"
            + " mount -t tmpfs none must/tree/below");
    try {
      String tree = box.files() + "/must/tree";
      String out =
          out(
              b -> {
                addMount(
                    b, "{'destination':'/rro','source':'" + tree + "','options':['rbind','rro']}");
                addMount(
                    b, "{'destination':'/ro','source':'" + tree + "','options':['rbind','ro']}");
                addMount(b, "{'destination':'/plain','source':'" + tree + "','options':['bind']}");
              },
              "for d in rro ro; do for s in '' /below; do touch /$d$s/x 2> /dev/null && echo"
                  + " $d$s rw || echo $d$s ro; done; done; grep -c /plain /proc/mounts");
      assertLines(out, "rro ro", "rro/below ro", "ro ro", "ro/below rw", "1");
    } finally {
      box.ok("umount must/tree/below");
    }
  }

  @Test
  void idmapMustMapTheOwnersAndWithoutMappingsMustGenerateAnError() {
    box.ok("mkdir -p idmap && touch idmap/f && chown 1000:1000 idmap/f");
    String mount =
        "{'destination':'/data','source':'" + box.files() + "/idmap','options':['bind','idmap']%s}";
    String maps =
        ",'uidMappings':[{'containerID':1000,'hostID':5000,'size':10}],"
            + "'gidMappings':[{'containerID':1000,'hostID':6000,'size':10}]";
    assertThat(out(b -> addMount(b, mount.replace("%s", maps)), "stat -c %u:%g /data/f"))
        .isEqualTo("5000:6000\n");
    refused(b -> addMount(b, mount.replace("%s", "")), "idmap", "uidMappings");
    // Whose file is of nobody in the map is nobody's in the container; what it makes is mapped
    // back.
    box.ok("touch idmap/g && chown 7:7 idmap/g; chown 1000:1000 idmap; chmod 777 idmap");
    assertThat(
            out(
                b -> {
                  b.process().put("user", json("{'uid':5001,'gid':6002}"));
                  addMount(b, mount.replace("%s", maps));
                },
                "stat -c %u:%g /data/g; touch /data/new"))
        .isEqualTo("65534:65534\n");
    assertThat(box.ok("stat -c %u:%g idmap/new").out()).isEqualTo("1001:1002\n");
    // idmap is of the mount alone, ridmap of those below as well.
    box.ok(
        "mkdir -p idmap/below && mount -t tmpfs none idmap/below && chown 1000:1000 idmap/below");
    try {
      for (String option : new String[] {"idmap", "ridmap"}) {
        String tree = mount.replace("'bind','idmap'", "'rbind','" + option + "'");
        assertThat(out(b -> addMount(b, tree.replace("%s", maps)), "stat -c %u:%g /data/below"))
            .as(option)
            .isEqualTo(option.equals("idmap") ? "1000:1000\n" : "5000:6000\n");
      }
    } finally {
      box.ok("umount idmap/below");
    }
  }

  @Test
  void tmpcopyupShowsWhatWasThere() {
    bundle("true");
    box.ok("mkdir -p must/rootfs/etc/deep && echo 1 > must/rootfs/etc/deep/f");
    String out =
        out(
            b ->
                addMount(
                    b,
                    "{'destination':'/etc','type':'tmpfs','source':'t','options':['tmpcopyup']}"),
            "cat /etc/deep/f && echo 2 > /etc/deep/f");
    assertThat(out).isEqualTo("1\n");
    assertThat(box.ok("cat must/rootfs/etc/deep/f").out()).isEqualTo("1\n");
  }

  @Test
  void cwdMustBeAnAbsolutePath() {
    refused(b -> b.process().put("cwd", "relative"), "cwd", "relative", "absolute");
    assertThat(out(b -> b.process().put("cwd", "/bin"), "pwd")).isEqualTo("/bin\n");
  }

  @Test
  void argsMustHaveAtLeastOneEntry() {
    refused(b -> b.process().putStrings("args", java.util.List.of()), "args");
  }

  @Test
  void theEnvironmentMustBeTheGivenOne() {
    String out =
        out(
            b -> b.process().putStrings("env", java.util.List.of("PATH=/bin", "A=1 2", "HOME=/h")),
            "exec env");
    assertThat(out.lines().toList()).contains("PATH=/bin", "A=1 2", "HOME=/h");
    assertThat(out).doesNotContain("CELL=");
  }

  @Test
  void capabilitiesThatCannotBeGrantedMustBeLoggedAsAWarning() {
    Result result =
        result(
            b ->
                b.process()
                    .put(
                        "capabilities",
                        json(
                            "{'bounding':['CAP_KILL','CAP_NEVER_WAS'],'effective':['CAP_KILL'],"
                                + "'permitted':['CAP_KILL'],'inheritable':['CAP_KILL'],"
                                + "'ambient':['CAP_KILL']}")),
            "grep ^Cap /proc/self/status");
    assertThat(result.exit()).isZero();
    assertThat(result.err()).contains("warning", "CAP_NEVER_WAS");
    assertLines(
        result.out(),
        "CapInh:\t0000000000000020",
        "CapPrm:\t0000000000000020",
        "CapEff:\t0000000000000020",
        "CapBnd:\t0000000000000020",
        "CapAmb:\t0000000000000020");
  }

  @Test
  void aCommandThatOnlyCapabilitiesLetTheUserExecuteIsExecuted() {
    for (boolean filtered : new boolean[] {false, true}) {
      for (boolean noNewPrivileges : new boolean[] {true, false}) {
        for (String inheritable : new String[] {"[]", "['CAP_DAC_OVERRIDE']"}) {
          bundle("/deep/grep", "Cap", "/proc/self/status")
              .with(
                  b -> {
                    Json.Obj capabilities = b.process().object("capabilities").orElseThrow();
                    for (String set : new String[] {"bounding", "effective", "permitted"}) {
                      capabilities.putStrings(set, List.of("CAP_DAC_OVERRIDE", "CAP_CHOWN"));
                    }
                    capabilities.put("inheritable", array(inheritable));
                    b.process()
                        .put("user", new Json.Obj().put("uid", 1000).put("gid", 1000))
                        .put("noNewPrivileges", noNewPrivileges);
                    if (filtered) {
                      b.linux().put("seccomp", json("{'defaultAction':'SCMP_ACT_ALLOW'}"));
                    }
                  });
          box.ok(
              "mkdir -p must/rootfs/deep; cp /bin/busybox must/rootfs/deep/grep; chmod 744"
                  + " must/rootfs/deep/grep; chmod 700 must/rootfs/deep");
          assertThat(ok("run -b must " + ID).out())
              .contains("CapInh:\t000000000000000" + (inheritable.equals("[]") ? 0 : 2))
              .contains("CapPrm:\t0000000000000000", "CapEff:\t0000000000000000")
              .contains("CapBnd:\t0000000000000003", "CapAmb:\t0000000000000000");
        }
      }
    }
  }

  @Test
  void ambientCapabilitiesThatCannotBeMustBeLoggedAsAWarning() {
    Result result =
        result(
            b -> {
              Json.Obj capabilities = b.process().object("capabilities").orElseThrow();
              capabilities
                  .putStrings("inheritable", List.of("CAP_KILL"))
                  .putStrings("ambient", List.of("CAP_KILL", "CAP_CHOWN"));
            },
            "grep CapAmb /proc/self/status");
    assertThat(result.out()).contains("0000000000000020");
    assertThat(result.err()).contains("can't raise ambient capability CAP_CHOWN: ");
  }

  @Test
  void rlimitsMustBeSetAndUnknownOrRepeatedTypesMustGenerateAnError() {
    String out =
        out(
            b ->
                b.process()
                    .put(
                        "rlimits",
                        array(
                            "[{'type':'RLIMIT_NOFILE','soft':100,'hard':200},"
                                + "{'type':'RLIMIT_FSIZE','soft':4096,'hard':8192},"
                                + "{'type':'RLIMIT_CORE','soft':0,'hard':0}]")),
            "ulimit -Sn; ulimit -Hn; ulimit -Sf; ulimit -Hf; ulimit -Hc");
    assertLines(out, "100", "200", "8", "16", "0");
    refused(
        b -> b.process().put("rlimits", array("[{'type':'RLIMIT_X','soft':1,'hard':1}]")),
        "RLIMIT_X");
    refused(
        b ->
            b.process()
                .put(
                    "rlimits",
                    array(
                        "[{'type':'RLIMIT_CORE','soft':1,'hard':1},"
                            + "{'type':'RLIMIT_CORE','soft':2,'hard':2}]")),
        "RLIMIT_CORE",
        "twice");
  }

  @Test
  void oomScoreAdjMustBeSetIfGivenAndMustNotChangeIfNot() {
    assertThat(out(b -> b.process().put("oomScoreAdj", 321), "cat /proc/self/oom_score_adj"))
        .isEqualTo("321\n");
    String own = box.ok("cat /proc/self/oom_score_adj").out();
    assertThat(out(b -> b.process().fields().remove("oomScoreAdj"), "cat /proc/self/oom_score_adj"))
        .isEqualTo(own);
  }

  @Test
  void theUserIsTheGivenOne() {
    String out =
        out(
            b ->
                b.process()
                    .put("user", json("{'uid':1001,'gid':1002,'additionalGids':[7,8],'umask':63}")),
            "id -u; id -g; grep ^Groups /proc/self/status | tr -d '\\t'; umask;"
                + " grep -c 'CapEff.*0000000000000000' /proc/self/status");
    assertLines(out, "1001", "1002", "Groups:7 8 ", "0077", "1");
  }

  @Test
  void noNewPrivilegesHostnameAndDomainnameAreSet() {
    String out =
        out(
            b -> {
              b.process().put("noNewPrivileges", true);
              b.config().put("hostname", "box-7").put("domainname", "example");
            },
            "grep NoNewPrivs /proc/self/status | tr -d '\\t'; hostname;"
                + " cat /proc/sys/kernel/domainname");
    assertLines(out, "NoNewPrivs:1", "box-7", "example");
  }

  @Test
  void schedulerAndIoPriorityAreSet() {
    String out =
        out(
            b ->
                b.process()
                    .put("scheduler", json("{'policy':'SCHED_BATCH','nice':5}"))
                    .put("ioPriority", json("{'class':'IOPRIO_CLASS_IDLE','priority':0}")),
            "cut -d' ' -f19,41 /proc/self/stat; ionice -p $$");
    assertThat(out).startsWith("5 3\n").contains("idle");
    refused(b -> b.process().put("scheduler", json("{'policy':'SCHED_X'}")), "SCHED_X");
    refused(b -> b.process().put("ioPriority", json("{'class':'FAST'}")), "FAST");
  }

  @Test
  void annotationsMayBeAnyAndKeysMustNotBeEmpty() {
    assertThat(out(b -> b.config().put("annotations", json("{'x.y/z':''}")), "echo ok"))
        .isEqualTo("ok\n");
    refused(b -> b.config().put("annotations", json("{'':'x'}")), "empty key");
    refused(b -> b.config().put("annotations", json("{'a':1}")), "annotations.a", "string");
  }

  @Test
  void consoleSizeMustBeIgnoredWithoutATerminal() {
    Json.Obj size = json("{'height':40,'width':100}");
    assertThat(out(b -> b.process().put("consoleSize", size), "tty || true")).contains("not a tty");
  }
}
