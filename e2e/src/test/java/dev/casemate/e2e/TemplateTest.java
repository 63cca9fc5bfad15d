package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** VMs that start as copies of one that has booted, with a state directory of this test's own. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TemplateTest extends EndToEnd {
  /** The template is made with the lowest priority, and other tests may keep the machine busy. */
  private static final int SECONDS = 300;

  private static final Path STATE = Casemate.FILES.resolve("template-state");
  private static final Path TEMPLATES = STATE.resolve("templates");

  @BeforeAll
  static void state() throws IOException {
    Files.createDirectories(STATE);
    Files.createSymbolicLink(STATE.resolve("guest"), Casemate.GUEST);
  }

  @AfterAll
  static void nothingIsLeft() {
    awaitNoBuilder();
    Shell.result("rm -rf " + STATE);
  }

  private static Casemate.Call with(String use, String... arguments) {
    return call(arguments)
        .environment("CASEMATE_STATE", STATE.toString())
        .environment("CASEMATE_TEMPLATE", use);
  }

  private static Result run(String use, String script) {
    return with(use, "run", "--rm", IMAGE, "sh", "-c", script).run();
  }

  private static Set<String> keys() {
    Set<String> keys = new HashSet<>();
    String[] names = TEMPLATES.toFile().list();
    if (names != null) {
      keys.addAll(List.of(names));
    }
    return keys;
  }

  private static String builders() {
    return Shell.result("pgrep -a -f '[t]emplate build --background' || true").out();
  }

  private static void awaitNoBuilder() {
    Wait.until(SECONDS, TemplateTest::builders, () -> builders().isEmpty());
  }

  @Test
  @Order(1)
  void startsThatRaceBootAndHaveOneTemplateMade() throws Exception {
    List<Running> racing = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      racing.add(with("auto", "run", "--rm", IMAGE, "echo", "booted").start());
    }
    for (Running one : racing) {
      assertThat(one.await(Casemate.TIMEOUT_SECONDS).expect(0).out()).isEqualTo("booted\n");
    }
    Wait.until(SECONDS, () -> builders() + keys(), () -> keys().size() == 1);
    awaitNoBuilder();
    assertThat(keys()).as("the template and nothing unfinished").hasSize(1);
    String listed = with("auto", "template", "ls").run().expect(0).out();
    assertThat(listed).contains(keys().iterator().next(), "ready");
  }

  @Test
  @Order(2)
  void copiesDifferInWhatMustNotBeTheSame() {
    Set<String> ids = new HashSet<>();
    Set<String> random = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      String out =
          run(
                  "existing",
                  "cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | hexdump -C | head"
                      + " -1; hostname; date +%s")
              .expect(0)
              .out();
      String[] lines = out.split("\n");
      ids.add(lines[0]);
      random.add(lines[1]);
      assertThat(Long.parseLong(lines[3]))
          .as("the time in the copy")
          .isBetween(System.currentTimeMillis() / 1000 - 20, System.currentTimeMillis() / 1000 + 1);
    }
    assertThat(ids).hasSize(3);
    assertThat(random).hasSize(3);
  }

  @Test
  @Order(3)
  void oneTemplateServesAllSizes() throws Exception {
    for (int mib : List.of(112, 256, 1024)) {
      String out =
          with(
                  "existing",
                  "run",
                  "--rm",
                  "-m",
                  mib + "m",
                  IMAGE,
                  "sh",
                  "-c",
                  "grep MemTotal /proc/meminfo; cat /proc/sys/kernel/threads-max;"
                      + " dd if=/dev/zero of=/dev/null bs="
                      + mib / 3
                      + "M count=1 2>&1 | tail -1")
              .run()
              .expect(0)
              .out();
      long kib = Long.parseLong(out.split("\n")[0].replaceAll("[^0-9]", ""));
      assertThat(kib / 1024).as("MiB of " + mib).isBetween(mib * 85L / 100 - 20, (long) mib);
      if (mib == 1024) {
        assertThat(kib / 1024).isGreaterThan(900);
        assertThat(Long.parseLong(out.split("\n")[1])).as("threads-max").isGreaterThan(7000);
      }
    }
    assertThat(keys()).hasSize(1);
  }

  @Test
  @Order(4)
  void aCopyHasDisksNetworkAndSharesAndSaysWhatItIsACopyOf() throws Exception {
    Path shared = Files.createDirectories(Casemate.FILES.resolve("template-volume"));
    Files.writeString(shared.resolve("file"), "of the host\n");
    with(
            "existing",
            "run",
            "-d",
            "--name",
            "copy",
            "--network",
            "bridge",
            "-v",
            shared + ":/shared",
            IMAGE,
            "sleep",
            "1000")
        .run()
        .expect(0);
    try {
      Result seen =
          with(
                  "existing",
                  "exec",
                  "copy",
                  "sh",
                  "-c",
                  "cat /shared/file; echo back > /shared/answer; ip -o -4 addr show eth0; touch"
                      + " /written; ls /written")
              .run()
              .expect(0);
      assertThat(seen.out()).contains("of the host", "inet ", "/written");
      assertThat(shared.resolve("answer")).hasContent("back");
      String text = with("existing", "inspect", "copy").run().expect(0).out();
      assertThat(text).contains("\"template\": \"" + keys().iterator().next() + "\"");
    } finally {
      with("existing", "rm", "-f", "copy").run().expect(0);
    }
  }

  @Test
  @Order(5)
  void aDamagedTemplateIsToldRemovedAndReplacedByABoot() throws Exception {
    Path memory = TEMPLATES.resolve(keys().iterator().next()).resolve("memory");
    try (RandomAccessFile file = new RandomAccessFile(memory.toFile(), "rw")) {
      file.seek(1 << 20);
      int one = file.read();
      file.seek(1 << 20);
      file.write(one ^ 1);
    }
    assertThat(with("existing", "template", "ls").run().expect(0).out()).contains("damaged");
    assertThat(with("existing", "doctor").run().out())
        .contains("WARNING templates: none ready;", "damaged");
    assertThat(run("existing", "echo booted").expect(0).out()).isEqualTo("booted\n");
    assertThat(keys()).isEmpty();
  }

  @Test
  @Order(6)
  void whatIsToBootBootsAndHasNothingMade() throws Exception {
    assertThat(run("never", "echo booted").expect(0).out()).isEqualTo("booted\n");
    assertThat(
            with("auto", "run", "--rm", "--template", "never", IMAGE, "echo", "booted")
                .run()
                .expect(0)
                .out())
        .isEqualTo("booted\n");
    assertThat(builders()).isEmpty();
    assertThat(keys()).isEmpty();
  }

  @Test
  @Order(7)
  void aBuilderThatWasKilledLeavesNothingBehindTheNextOne() throws Exception {
    Running killed = with("existing", "template", "build").start();
    Wait.until(
        SECONDS, () -> keys().toString(), () -> keys().stream().anyMatch(k -> k.endsWith(".new")));
    Shell.result("kill -KILL " + killed.pid());
    killed.await(SECONDS);
    String made = with("existing", "template", "build").run().expect(0).out();
    assertThat(made).startsWith("template ");
    assertThat(keys()).hasSize(1).noneMatch(key -> key.endsWith(".new"));
    assertThat(Shell.result("pgrep -a -f '[g]uest=template-' || true").out())
        .as("the VM of the killed one")
        .isEmpty();
    String key = keys().iterator().next();
    assertThat(with("existing", "template", "inspect", key).run().expect(0).out())
        .contains("\"status\": \"ready\"", "vmlinux");
    with("existing", "template", "rm", key).run().expect(0);
    assertThat(keys()).isEmpty();
  }

  @Test
  @Order(8)
  void wrongRequestsAreRefusedByName() {
    assertThat(call("run", "--template", "maybe", IMAGE, "true").run().expect(125).err())
        .contains("invalid value \"maybe\" for --template: expected auto, existing, never");
    assertThat(with("existing", "template", "rm", "0123").run().expect(1).err())
        .contains("there is no template \"0123\"");
    assertThat(with("existing", "template", "rm", "--cpus", "2", "k").run().expect(1).err())
        .contains("--cpus cannot be used with template rm");
    assertThat(with("existing", "template", "build", "--cpus", "0").run().expect(1).err())
        .contains("--cpus");
    assertThat(with("existing", "template", "build", "--guest", "none").run().expect(1).err())
        .contains("guest \"none\" has not been built");
  }
}
