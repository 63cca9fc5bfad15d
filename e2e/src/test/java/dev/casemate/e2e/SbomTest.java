package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The lists of what the executables and the guest are made of: build/NAME.cdx.json. */
class SbomTest {
  private static final Path BUILD = Path.of("../build");

  private static Json.Obj read(String name) throws IOException {
    return Json.parseObject(Files.readString(BUILD.resolve(name + ".cdx.json")));
  }

  private static String sha256(Path file) throws IOException {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String hash(Json.Obj component) {
    Json.Obj hash = component.objects("hashes").getFirst();
    assertThat(hash.string("alg")).isEqualTo("SHA-256");
    return hash.string("content");
  }

  @ParameterizedTest
  @ValueSource(strings = {"casemate", "casemate-agent", "casemate-cell", "guest"})
  void hasWhatCycloneDxRequires(String name) throws IOException {
    Json.Obj bom = read(name);
    assertThat(bom.string("bomFormat")).isEqualTo("CycloneDX");
    assertThat(bom.string("specVersion")).isEqualTo("1.6");
    assertThat(bom.string("serialNumber"))
        .matches("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    Json.Obj subject = bom.object("metadata").orElseThrow().object("component").orElseThrow();
    List<Json.Obj> components = bom.objects("components");
    List<String> references = new ArrayList<>();
    for (Json.Obj component : components) {
      references.add(component.string("bom-ref"));
      assertThat(component.string("type"))
          .isIn("application", "framework", "library", "platform", "operating-system");
      assertThat(component.string("name")).isNotBlank();
      assertThat(component.string("version")).isNotBlank();
      assertThat(hash(component)).matches("[0-9a-f]{64}");
    }
    assertThat(references).doesNotHaveDuplicates().doesNotContain(subject.string("bom-ref"));
    Json.Obj dependencies = bom.objects("dependencies").getFirst();
    assertThat(dependencies.string("ref")).isEqualTo(subject.string("bom-ref"));
    assertThat(dependencies.strings("dependsOn")).containsExactlyElementsOf(references);
  }

  @ParameterizedTest
  @CsvSource({"casemate,casemate", "agent,casemate-agent", "cell-cli,casemate-cell"})
  void namesTheExecutableAndEverythingOnItsClassPath(String module, String name)
      throws IOException {
    Json.Obj bom = read(name);
    Json.Obj subject = bom.object("metadata").orElseThrow().object("component").orElseThrow();
    assertThat(hash(subject)).isEqualTo(sha256(BUILD.resolve(name)));
    List<String> hashes = bom.objects("components").stream().map(SbomTest::hash).toList();
    String classPath = Files.readString(Path.of("..", module, "target/classpath")).strip();
    assertThat(classPath).isNotEmpty();
    for (String jar : classPath.split(":")) {
      assertThat(hashes).as(jar).contains(sha256(Path.of(jar)));
    }
    assertThat(bom.objects("components").stream().map(component -> component.string("name")))
        .contains("casemate-" + module, "openjdk", "musl-dev");
  }

  @Test
  void namesTheKernelOfTheGuestAndEveryModuleInIt() throws IOException {
    Path guest = Path.of("/var/lib/casemate/guest/default");
    Json.Obj bom = read("guest");
    List<String> hashes = bom.objects("components").stream().map(SbomTest::hash).toList();
    assertThat(hashes)
        .contains(sha256(guest.resolve("vmlinux")), sha256(guest.resolve("modules.pack")));
    try (var modules = Files.list(guest.resolve("modules"))) {
      for (Path module : modules.toList()) {
        assertThat(hashes).as(module.toString()).contains(sha256(module));
      }
    }
  }

  @Test
  void isTheSameWhenItIsMadeAgain() throws IOException {
    List<String> before = new ArrayList<>();
    for (String name : List.of("casemate", "casemate-agent", "casemate-cell")) {
      before.add(Files.readString(BUILD.resolve(name + ".cdx.json"), StandardCharsets.UTF_8));
    }
    Shell.run("../scripts/sbom.sh");
    List<String> after = new ArrayList<>();
    for (String name : List.of("casemate", "casemate-agent", "casemate-cell")) {
      after.add(Files.readString(BUILD.resolve(name + ".cdx.json"), StandardCharsets.UTF_8));
    }
    assertThat(after).isEqualTo(before);
  }
}
