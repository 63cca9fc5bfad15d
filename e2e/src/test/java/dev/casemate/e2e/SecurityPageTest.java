package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/security.md} names a test for each statement: it is there, in any module. What is
 * exempt stands in the page's introduction, and here: the introduction itself, two chapters,
 * headings, and blocks of code, which {@code JailProbeTest} compares.
 */
class SecurityPageTest {
  private static final Pattern NAME =
      Pattern.compile("`([A-Za-z0-9]+)#([A-Za-z0-9]+)`|`([a-z/-]+[.]sh)#([a-z_]+)`");

  private static final Set<String> EXEMPT = Set.of("## Threat model", "## Limits");

  /** Sources of test classes by their names. */
  private static Map<String, String> sources() throws IOException {
    Map<String, String> sources = new HashMap<>();
    try (var modules = Files.list(Path.of(".."))) {
      for (Path module : modules.map(path -> path.resolve("src/test/java")).toList()) {
        if (Files.isDirectory(module)) {
          try (var files = Files.walk(module)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
              String name = file.getFileName().toString().replace(".java", "");
              sources.merge(name, Files.readString(file), String::concat);
            }
          }
        }
      }
    }
    return sources;
  }

  /** Whether a method is there with an annotation that makes it a test. */
  private static boolean isTest(String source, String method) {
    Matcher declaration =
        Pattern.compile("(?m)^ {2}[^ @/*}][^=;{}\\n]* " + method + "\\(").matcher(source);
    if (!declaration.find()) {
      return false;
    }
    int end = declaration.start();
    String before = source.substring(Math.max(0, source.lastIndexOf("\n  }\n", end)), end);
    return Pattern.compile("@(Test|TestFactory|ParameterizedTest|RepeatedTest)\\b")
        .matcher(before)
        .find();
  }

  /** Whether a function is there, and called, in a script of the suite. */
  private static boolean isCalled(String script, String function) throws IOException {
    Path file = Path.of("..", script);
    if (!Files.exists(file) || !Files.readString(Path.of("../scripts/test.sh")).contains(script)) {
      return false;
    }
    String text = Files.readString(file);
    return Pattern.compile("(?m)^" + function + "\\(\\) [({]").matcher(text).find()
        && Pattern.compile("(?m)^ +" + function + "\\b").matcher(text).find();
  }

  /** What a page consists of: its statements, and what is wrong with its form. */
  private static final class Page {
    final List<String> statements = new ArrayList<>();
    final List<String> wrong = new ArrayList<>();
    private final StringBuilder text = new StringBuilder();
    private boolean exempt = true;
    private boolean code;
    private boolean rows;

    Page(List<String> lines) {
      lines.forEach(this::read);
      sentences();
    }

    private void read(String line) {
      boolean row = line.startsWith("|") && !code;
      if (line.startsWith("```")) {
        sentences();
        code = !code;
      } else if (code) {
        return;
      } else if (line.startsWith("#")) {
        sentences();
        if (line.startsWith("## ")) {
          exempt = EXEMPT.contains(line);
        }
      } else if (row && !exempt) {
        sentences();
        row(line);
      } else if (line.isBlank() || line.startsWith("- ")) {
        sentences();
        text.append(line.isBlank() ? "" : line.substring(2));
      } else {
        text.append(' ').append(line.strip());
      }
      rows = row;
    }

    /** The first row is the header; the last column names the tests. */
    private void row(String line) {
      String[] cells = line.split("[|]");
      String last = cells[cells.length - 1].strip();
      if (!rows && !last.startsWith("Test")) {
        wrong.add("a table without a column of tests: " + line);
      } else if (rows && !line.startsWith("|---")) {
        statements.add(NAME.matcher(last).find() ? line : "");
        if (statements.getLast().isEmpty()) {
          wrong.add("no test: " + line);
        }
      }
    }

    private void sentences() {
      String paragraph = text.toString().strip();
      text.setLength(0);
      if (exempt || paragraph.isEmpty()) {
        return;
      }
      for (String sentence : paragraph.split("(?<=[.!?:]) ")) {
        statements.add(sentence);
        if (!NAME.matcher(sentence).find()) {
          wrong.add("no test: " + sentence);
        }
      }
    }
  }

  private static List<String> wrong(List<String> lines, Map<String, String> sources)
      throws IOException {
    Page page = new Page(lines);
    List<String> wrong = new ArrayList<>(page.wrong);
    for (String statement : page.statements) {
      Matcher names = NAME.matcher(statement);
      while (names.find()) {
        boolean there =
            names.group(1) != null
                ? isTest(sources.getOrDefault(names.group(1), ""), names.group(2))
                : isCalled(names.group(3), names.group(4));
        if (!there) {
          wrong.add(names.group() + " does not exist");
        }
      }
    }
    return wrong;
  }

  @Test
  void everyStatementNamesATestThatExists() throws IOException {
    List<String> lines = Files.readAllLines(Path.of("../docs/security.md"));
    assertThat(wrong(lines, sources())).isEmpty();
    assertThat(new Page(lines).statements).hasSizeGreaterThan(80);
    assertThat(lines).containsAll(EXEMPT);
  }

  @Test
  void aStatementWithoutATestIsFound() throws IOException {
    Map<String, String> sources = Map.of("ATest", "class ATest {\n  @Test\n  void b() {\n  }\n}\n");
    String page =
        """
        # Title
        Says nothing.
        ## Threat model
        Everybody is hostile.
        ## One
        It holds (`ATest#b`). It does
        not leak. It runs `native/test.sh#check_hardened`.
        - A bullet.
        - Another (`ATest#c`).

        What follows:
        ```text x
        code. No test.
        ```
        | Promise | Test |
        |---|---|
        | Good. | `ATest#b` |
        | Bad `ATest#b`. | none |
        ### Below
        | Promise | Since |
        |---|---|
        Last (`native/test.sh#no_such`).
        ## Limits
        - Nothing is perfect.
        ## Two
        After the limits.
        """;
    assertThat(wrong(page.lines().toList(), sources))
        .containsExactly(
            "no test: It does not leak.",
            "no test: A bullet.",
            "no test: What follows:",
            "no test: | Bad `ATest#b`. | none |",
            "a table without a column of tests: | Promise | Since |",
            "no test: After the limits.",
            "`ATest#c` does not exist",
            "`native/test.sh#no_such` does not exist");
  }
}
