package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** features.md, features-linux.md: what {@code features} says must be so. */
final class FeaturesSpecTest extends SpecTest {
  private static final Set<String> OF_THE_RUNTIME_SPEC =
      Set.of(
          "ociVersionMin",
          "ociVersionMax",
          "hooks",
          "mountOptions",
          "linux",
          "annotations",
          "potentiallyUnsafeConfigAnnotations");
  private static final Set<String> OF_LINUX =
      Set.of(
          "namespaces",
          "capabilities",
          "cgroup",
          "seccomp",
          "apparmor",
          "selinux",
          "intelRdt",
          "memoryPolicy",
          "mountExtensions",
          "netDevices");

  private static Json.Obj features() {
    return Json.parseObject(ok("features").out());
  }

  private static Json.Obj linux() {
    return features().object("linux").orElseThrow();
  }

  @Test
  void bothVersionsMustBeAcceptedAndTheMaximumMustNotBeLessThanTheMinimum() {
    List<Integer> numbers = new ArrayList<>();
    for (String name : List.of("ociVersionMin", "ociVersionMax")) {
      String version = features().string(name);
      assertThat(version).matches("[0-9]+\\.[0-9]+\\.[0-9]+");
      String[] parts = version.split("\\.");
      numbers.add(Integer.parseInt(parts[0]) * 1_000_000 + Integer.parseInt(parts[1]) * 1_000);
      assertThat(out(b -> b.config().put("ociVersion", version), "echo taken"))
          .isEqualTo("taken\n");
    }
    assertThat(numbers).isSortedAccordingTo(Comparator.naturalOrder());
  }

  @Test
  void propertiesMustBeThoseOfTheVersionAndAnnotationsAMapOfTexts() {
    assertThat(OF_THE_RUNTIME_SPEC).containsAll(features().fields().keySet());
    assertThat(OF_LINUX).containsAll(linux().fields().keySet());
    assertThat(features().stringMap("annotations")).isNotEmpty().doesNotContainKey("");
  }

  @Test
  void theHooksListedMustBeThoseThatAreCalled() {
    // HooksTest has each of them called.
    assertThat(features().strings("hooks"))
        .containsExactly(
            "prestart",
            "createRuntime",
            "createContainer",
            "startContainer",
            "poststart",
            "poststop");
  }

  /** What is not known goes to the file system, and tmpfs knows none of these. */
  @Test
  void everyMountOptionListedMustBeRecognized() {
    assertThat(result(b -> addMount(b, tmpfs("never_was")), "true").exit()).isNotZero();
    for (String option : features().strings("mountOptions")) {
      Result result =
          result(
              b -> {
                switch (option) {
                  case "bind", "rbind" ->
                      addMount(
                          b,
                          "{'destination':'/there','type':'none','source':'/proc/sys','options':['"
                              + option
                              + "']}");
                  case "idmap", "ridmap" ->
                      addMount(
                          b,
                          "{'destination':'/there','type':'none','source':'"
                              + b.directory()
                              + "/rootfs/bin','options':['bind','"
                              + option
                              + "'],'uidMappings':[{'containerID':0,'hostID':7,'size':1}],"
                              + "'gidMappings':[{'containerID':0,'hostID':7,'size':1}]}");
                  case "remount" -> {
                    addMount(b, tmpfs("rw"));
                    addMount(b, tmpfs("remount"));
                  }
                  default -> addMount(b, tmpfs(option));
                }
              },
              "grep -c ' /there ' /proc/self/mountinfo");
      assertThat(result.out()).as(option + result).isEqualTo("1\n");
    }
  }

  private static String tmpfs(String option) {
    return "{'destination':'/there','type':'tmpfs','source':'tmpfs','options':['" + option + "']}";
  }

  @Test
  void everyNamespaceListedMustBeRecognized() {
    for (String type : linux().strings("namespaces")) {
      String file = type.equals("mount") ? "mnt" : type.equals("network") ? "net" : type;
      String outside = box.ok("readlink /proc/self/ns/" + file).out();
      String inside =
          out(
              b -> {
                namespace(b, type, "");
                if (type.equals("user")) {
                  String map = "[{'containerID':0,'hostID':0,'size':65536}]";
                  b.linux().put("uidMappings", array(map)).put("gidMappings", array(map));
                }
              },
              "readlink /proc/self/ns/" + file);
      assertThat(inside).startsWith(file + ":[").isNotEqualTo(outside);
    }
  }

  @Test
  void everyCapabilityListedMustBeRecognized() {
    List<String> names = linux().strings("capabilities");
    assertThat(names).contains("CAP_CHOWN", "CAP_CHECKPOINT_RESTORE").doesNotHaveDuplicates();
    Result result =
        result(
            b -> b.process().put("capabilities", new Json.Obj().putStrings("bounding", names)),
            "true");
    assertThat(result.exit()).isZero();
    // Those that this machine's root lacks are told of, but as known ones.
    assertThat(result.err()).doesNotContain("unknown");
  }

  @Test
  void everySeccompNameListedMustBeRecognized() {
    Json.Obj seccomp = linux().object("seccomp").orElseThrow();
    for (String action : seccomp.strings("actions")) {
      // Its listener is SeccompAgentTest's business.
      if (!action.equals("SCMP_ACT_NOTIFY")) {
        filtered("'syscalls':[{'names':['acct'],'action':'" + action + "'}]");
      }
    }
    for (String operator : seccomp.strings("operators")) {
      filtered(
          "'syscalls':[{'names':['acct'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,"
              + "'valueTwo':1,'op':'"
              + operator
              + "'}]}]");
    }
    for (String arch : seccomp.strings("archs")) {
      filtered("'architectures':['" + arch + "']");
    }
    List<String> flags = seccomp.strings("knownFlags");
    assertThat(flags).containsAll(seccomp.strings("supportedFlags"));
    for (String flag : flags) {
      // What waits for a listener is for filters that have one.
      if (!flag.equals("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")) {
        filtered("'flags':['" + flag + "']");
      }
    }
  }

  private static void filtered(String more) {
    Result result =
        result(
            b -> b.linux().put("seccomp", json("{'defaultAction':'SCMP_ACT_ALLOW'," + more + "}")),
            "echo ran");
    assertThat(result.out()).as(more + " " + result).isEqualTo("ran\n");
  }

  /** Set although nobody may use it, so that engines can tell. */
  @Test
  void idmapMustBeSaidToBeEnabled() {
    Json.Obj extensions = linux().object("mountExtensions").orElseThrow();
    assertThat(extensions.object("idmap").orElseThrow().bool("enabled", false)).isTrue();
  }
}
