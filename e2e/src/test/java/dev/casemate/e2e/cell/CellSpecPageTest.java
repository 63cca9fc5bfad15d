package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code docs/cell-spec.md} names tests: they are there. */
class CellSpecPageTest {
  private static final Pattern NAME = Pattern.compile("`([A-Za-z]+Test)#([A-Za-z0-9]+)`");

  @Test
  void everyTestThatThePageNamesExists() throws IOException, ClassNotFoundException {
    Matcher names = NAME.matcher(Files.readString(Path.of("../docs/cell-spec.md")));
    List<String> missing = new ArrayList<>();
    int count = 0;
    while (names.find()) {
      count++;
      Class<?> type = Class.forName(getClass().getPackageName() + "." + names.group(1));
      boolean there = false;
      for (var method : type.getDeclaredMethods()) {
        there |= method.getName().equals(names.group(2)) && method.isAnnotationPresent(Test.class);
      }
      if (!there) {
        missing.add(names.group());
      }
    }
    assertThat(count).isGreaterThan(60);
    assertThat(missing).isEmpty();
  }
}
