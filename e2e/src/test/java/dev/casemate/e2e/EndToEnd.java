package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.ExtendWith;

/** What all tests of the product need. */
@ExtendWith(LeakCheck.class)
abstract class EndToEnd {
  static final String IMAGE = Casemate.IMAGE;

  static Casemate.Call call(String... arguments) {
    return Casemate.call(arguments);
  }

  static Result run(String... arguments) {
    return Casemate.run(arguments);
  }

  static Result ok(String... arguments) {
    return run(arguments).expect(0);
  }

  /** Expects one line of error, which begins with the program's name and contains each fragment. */
  static Result fails(int status, List<String> arguments, String... fragments) {
    return isError(run(arguments.toArray(new String[0])), status, fragments);
  }

  static Result isError(Result result, int status, String... fragments) {
    result.expect(status);
    List<String> lines = errors(result);
    assertThat(lines).as(result.toString()).hasSize(1);
    assertThat(lines.getFirst()).as(result.toString()).startsWith("casemate: ");
    for (String fragment : fragments) {
      assertThat(lines.getFirst()).as(result.toString()).contains(fragment);
    }
    return result;
  }

  /** Standard error without what tells of progress. */
  static List<String> errors(Result result) {
    List<String> lines = new ArrayList<>();
    boolean begun = false;
    for (String line : result.err().lines().toList()) {
      begun |= line.startsWith("casemate: ");
      if (begun) {
        lines.add(line);
      }
    }
    return lines;
  }

  /** Starts a container that stays, and removes what another one of its name has left. */
  static String detached(String name, String... optionsImageCommand) {
    List<String> words = new ArrayList<>(List.of("run", "-d", "--name", name));
    words.addAll(List.of(optionsImageCommand));
    String id = ok(words.toArray(new String[0])).out().strip();
    assertThat(id).matches("[0-9a-f]{64}");
    return id;
  }

  static void remove(String... names) {
    List<String> words = new ArrayList<>(List.of("rm", "-f"));
    words.addAll(List.of(names));
    ok(words.toArray(new String[0]));
  }

  /** Runs a script in a running container. */
  static Result script(String container, String script) {
    return run("exec", container, "sh", "-c", script);
  }

  static Json.Obj inspect(String container) {
    return new Json.Obj()
        .put("all", Json.parse(ok("inspect", container).out()))
        .objects("all")
        .getFirst();
  }

  static Json.Obj state(String container) {
    return inspect(container).object("state").orElseThrow();
  }

  /** A fresh directory for a test's files. */
  static Path files(String name) {
    try {
      Path directory = Casemate.FILES.resolve(name);
      Shell.run("rm -rf --one-file-system '" + directory + "'");
      return Files.createDirectories(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path write(Path file, String text) {
    try {
      return Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The VMM's process of a container. */
  static int vmm(String container) {
    return (int) inspect(container).object("sandbox").orElseThrow().integer("pid", 0);
  }
}
