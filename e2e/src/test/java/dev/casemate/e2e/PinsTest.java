package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the build downloads is used only if it is what the repository says. */
class PinsTest {
  /** A module without dependencies of ours. */
  private static final String COMPILE = "../scripts/maven.sh -o -q -pl linux test-compile ";

  @TempDir Path directory;

  /** JUnit would warn of each link that leads elsewhere. */
  @AfterEach
  void removeLinks() {
    Shell.run("rm -rf " + directory + "/*");
  }

  /** Puts a copy of a file, with one bit near its end changed, in the place of a link to it. */
  private static void change(Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    content[content.length - 5] ^= 1;
    Files.delete(file);
    Files.write(file, content);
  }

  private String repository() {
    Path copy = directory.resolve("repository");
    Shell.run("cp -rs ~/.m2/repository " + copy);
    return "-Dmaven.repo.local=" + copy;
  }

  /** The newest file with such a path. */
  private Path in(String pattern) {
    String found =
        Shell.run("find " + directory + "/repository -path '" + pattern + "' | sort -V | tail -n 1")
            .out();
    assertThat(found).as(pattern).isNotBlank();
    return Path.of(found.strip());
  }

  @Test
  void compilesWithAnUnchangedRepository() {
    Shell.run(COMPILE + repository());
  }

  @Test
  void refusesAChangedDependency() throws IOException {
    String repository = repository();
    change(in("*/org/jspecify/jspecify/*/jspecify-*.jar"));
    Result result = Shell.result(COMPILE + repository).expect(1);
    assertThat(result.err())
        .contains("casemate: org.jspecify:jspecify:jar:", " is not used: ", "expected");
  }

  @Test
  void refusesAChangedPlugin() throws IOException {
    String repository = repository();
    change(in("*/maven-compiler-plugin/*/maven-compiler-plugin-*.jar"));
    Result result = Shell.result(COMPILE + repository).expect(1);
    assertThat(result.err())
        .contains("casemate: org.apache.maven.plugins:maven-compiler-plugin:jar:", "expected");
  }

  @Test
  void refusesAChangedDescription() throws IOException {
    String repository = repository();
    change(in("*/org/jspecify/jspecify/*/jspecify-*.pom"));
    Result result = Shell.result(COMPILE + repository).expect(1);
    assertThat(result.err()).contains("casemate: org.jspecify:jspecify:pom:", "expected");
  }

  @Test
  void refusesWhatIsNotListed() {
    Path list = directory.resolve("list");
    Shell.run("grep -v org.jspecify:jspecify:jar: ../scripts/maven.list > " + list);
    Result result = Shell.result(COMPILE + "-Dcasemate.pins=" + list).expect(1);
    assertThat(result.err())
        .contains("casemate: org.jspecify:jspecify:jar:", " is not in " + list, "make pins");
  }

  @Test
  void refusesAKernelPackageThatIsAnother() {
    Path list = directory.resolve("kernels");
    Shell.run(
        "apt-cache show linux-image-cloud-amd64 | awk '/^Version:/ { print \"0123\","
            + " \"linux-image-cloud-amd64\", $2; exit }' > "
            + list);
    Result result = Shell.result("../scripts/kernel.sh check " + list).expect(1);
    assertThat(result.err())
        .contains("casemate: the kernel package linux-image-cloud-amd64 ", " is not used: ");
    Shell.run("../scripts/kernel.sh check");
  }

  @Test
  void saysThatAGuestsKernelIsNewerThanTheList() throws IOException {
    Files.writeString(
        directory.resolve("guest.json"),
        "{\"source\":\"linux-image-cloud-amd64\",\"sourceVersion\":\"999.9-1\"}");
    String used = "../scripts/kernel.sh used " + directory;
    assertThat(Shell.run(used).out())
        .contains("linux-image-cloud-amd64 999.9-1 is newer than scripts/kernel.list")
        .contains("Debian's signed index");
    String known = Shell.run("grep -v '^#' ../scripts/kernel.list | head -n 1").out().strip();
    String[] words = known.split(" ");
    Files.writeString(
        directory.resolve("guest.json"),
        "{\"source\":\"" + words[1] + "\",\"sourceVersion\":\"" + words[2] + "\"}");
    assertThat(Shell.run(used).out()).isEmpty();
  }

  @Test
  void refusesAChangedFileToLink() {
    Path list = directory.resolve("linked");
    Shell.run("sed 's/^[0-9a-f]* musl-dev/0123 musl-dev/' ../native/linked.list > " + list);
    Result result = Shell.result("../native/linked.sh " + list).expect(1);
    assertThat(result.err()).contains("Scrt1.o of musl-dev ", " is not used: ", "expected 0123");
    Shell.run("../native/linked.sh");
  }

  @Test
  void strictRefusesAVersionThatIsNotListed() {
    Path list = directory.resolve("linked");
    Shell.run("grep -v ' libc.a$' ../native/linked.list > " + list);
    Result named = Shell.result("../native/linked.sh " + list).expect(0);
    assertThat(named.err()).contains("libc.a", " is not in linked; trusted because");
    Result strict = Shell.result("CASEMATE_PINS=strict ../native/linked.sh " + list).expect(1);
    assertThat(strict.err()).contains("CASEMATE_PINS is strict", list.toString());
  }

  @Test
  void refusesAChangedJarOfTheNativeImageBuilder() throws IOException {
    Path cache = directory.resolve("native-image/downloads");
    Shell.run(
        "mkdir -p "
            + cache
            + " && cp -rs ${CASEMATE_CACHE:-~/.cache/casemate}/native-image/downloads/jars-* "
            + cache);
    String jar = Shell.run("ls " + cache + "/jars-*/word-*.jar").out().strip();
    change(Path.of(jar));
    Result result =
        Shell.result("CASEMATE_CACHE=" + directory + " ../native/toolchain.sh").expect(1);
    assertThat(result.err()).contains(jar + " has SHA-256 ", "expected");
    assertThat(directory.resolve("native-image").toFile().list())
        .noneMatch(name -> name.startsWith("svm-"));
  }
}
