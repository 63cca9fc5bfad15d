package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Slims an object file of the compiler's, which is what a module is, and links and runs it. */
class SlimModuleTest {
  private static final String SOURCE =
      """
      #include <stdio.h>
      static int used_only_here(int x) { return 3 * x; }
      static const char *const words[] = {"one", "two"};
      int shared = 5;
      int main(int argc, char **argv) {
        (void)argv;
        printf("%s %d\\n", words[argc], used_only_here(shared));
        return 0;
      }
      """;

  @TempDir private static Path directory;
  private static byte[] object = {};

  private static String run(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  @BeforeAll
  static void compile() throws IOException, InterruptedException {
    Files.writeString(directory.resolve("a.c"), SOURCE);
    run("gcc", "-O0", "-c", "-o", "a.o", "a.c");
    object = Files.readAllBytes(directory.resolve("a.o"));
  }

  private static List<String> sections(byte[] content) {
    return Elf.parse(content, "a.o").sections().stream().map(Elf.Section::name).toList();
  }

  @Test
  void whatIsLeftLinksAndRunsAsBefore() throws IOException, InterruptedException {
    byte[] slim = SlimModule.of(object, "a");
    Files.write(directory.resolve("b.o"), slim);
    run("gcc", "-o", "b", "b.o");

    assertThat(run("./b")).isEqualTo("two 15\n");
    assertThat(slim.length).isLessThan(object.length);
    assertThat(sections(object)).contains(".comment");
    assertThat(sections(slim)).doesNotContain(".comment").contains(".text", ".data", ".symtab");
    String names = new String(slim, StandardCharsets.ISO_8859_1);
    assertThat(names).contains("shared").doesNotContain("used_only_here");
    assertThat(SlimModule.of(slim, "a")).isEqualTo(slim);
  }

  @Test
  void signedOnesStayAsTheyAre() {
    byte[] mark = "~Module signature appended~\n".getBytes(StandardCharsets.US_ASCII);
    byte[] signed = Arrays.copyOf(object, object.length + mark.length);
    System.arraycopy(mark, 0, signed, object.length, mark.length);

    assertThat(SlimModule.of(signed, "a")).isSameAs(signed);
  }

  @Test
  void aRelocationOfASymbolThatIsNotThereIsLeftAlone() {
    byte[] broken = object.clone();
    for (Elf.Section section : Elf.parse(object, "a.o").sections()) {
      if (section.name().equals(".rela.text")) {
        broken[(int) section.offset() + 14] = 0x7f;
      }
    }

    assertThat(SlimModule.of(broken, "a")).isSameAs(broken);
  }
}
