package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code docs/security.md} names a test for each promise: they are there, in any module. */
class SecurityPageTest {
  private static final Pattern NAME = Pattern.compile("`([A-Za-z0-9]+)#([A-Za-z0-9]+)`");

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

  @Test
  void everyPromiseNamesATestThatExists() throws IOException {
    Map<String, String> sources = sources();
    List<String> wrong = new ArrayList<>();
    boolean promises = false;
    int count = 0;
    for (String line : Files.readAllLines(Path.of("../docs/security.md"))) {
      if (!line.startsWith("|")) {
        promises = false;
      } else if (line.equals("| Promise | Test |")) {
        promises = true;
      } else if (promises && !line.startsWith("|---")) {
        count++;
        Matcher names = NAME.matcher(line);
        boolean named = false;
        while (names.find()) {
          named = true;
          if (!isTest(sources.getOrDefault(names.group(1), ""), names.group(2))) {
            wrong.add(names.group() + " does not exist");
          }
        }
        if (!named) {
          wrong.add("no test: " + line);
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(count).isGreaterThan(40);
  }
}
