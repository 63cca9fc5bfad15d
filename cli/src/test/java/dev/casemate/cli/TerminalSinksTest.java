package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Table;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything that the commands write where a terminal may be. */
@Tag("root")
final class TerminalSinksTest {
  /** ESC, BEL, DEL, C1's CSI and OSC, a bidi override, a line separator, half a character. */
  static final String HOSTILE =
      "\u001b]0;T\u0007\u007f\u009b31m\u009dx\u202egpj\u2028\ud800\r\nforged";

  /** Where code writes to a terminal otherwise than by {@link Console}, and why that is right. */
  private static final Map<String, String> OTHER_WRITERS =
      Map.ofEntries(
          Map.entry("commandline/Console", "the way out; a stack trace in plain text"),
          Map.entry("cli/CpCommand", "cp CONTAINER:PATH -: a tar stream"),
          Map.entry("cli/Streams", "the workload's output"),
          Map.entry("cli/LogsCommand", "the workload's output"),
          Map.entry("cli/RunWishes", "asks for the terminal's size"),
          Map.entry("cli/StatsCommand", "asks whether it is a terminal; erases it"),
          Map.entry("cli/ProgressDisplay", "asks whether it is a terminal; draws a bar of numbers"),
          Map.entry("cell-cli/CellEngine", "the workload's streams"),
          Map.entry("oci-cli/Foreground", "the workload's output"),
          Map.entry("oci-cli/Log", "quotes by PlainText"),
          Map.entry("oci-cli/Making", "asks whether it is a terminal"),
          Map.entry("oci-cli/PsCommand", "ps inherits standard error"),
          Map.entry("sandbox/AgentClient", "method names of ours, to sandbox.err"),
          Map.entry("containers/ScratchDisk", "mkfs inherits standard error: sandbox.err"),
          Map.entry("sandbox/SandboxListener", "by PlainText"),
          Map.entry("sandbox/Threads", "by PlainText"),
          Map.entry("containers/SandboxProcess", "a container's id, to sandbox.err"),
          Map.entry("shim/Bundle", "a failed hook, by PlainText"),
          Map.entry("shim/ShimMain", "by PlainText; the dialogue with containerd"));

  @TempDir Path temp;

  /** What a child of the test does: writes to the real descriptors. */
  static final class Child {
    public static void main(String[] arguments) {
      Console.outLine("outLine " + HOSTILE);
      Console.out("out " + HOSTILE + "\n");
      Console.errLine("errLine " + HOSTILE);
      Console.err("err " + HOSTILE + "\n");
      Table table = new Table("HEADING", HOSTILE);
      table.row("cell " + HOSTILE, HOSTILE);
      Console.out(table.text());
      Console.out(new Json.Obj().put("json " + HOSTILE, HOSTILE).pretty());
      try (ProgressDisplay display = new ProgressDisplay()) {
        display.askingAgain("registry " + HOSTILE, HOSTILE);
        display.image("image " + HOSTILE, 1, 1);
        display.begin("sha256:" + HOSTILE, 10);
        display.retry("sha256:" + HOSTILE, HOSTILE);
        display.complete("sha256:" + HOSTILE);
      }
      // Commands that fail before they need anything: what they quote is the user's, or a file's.
      for (List<String> words :
          List.of(
              List.of(HOSTILE),
              List.of("cp", HOSTILE),
              List.of("run", "--" + HOSTILE),
              List.of("rm", HOSTILE),
              List.of("pull", "oci:" + arguments[0]),
              List.of("pull", "docker-archive:" + arguments[0] + "/" + HOSTILE))) {
        int status = Main.run(words);
        Console.outLine("status " + status);
      }
      Console.errLine(
          "casemate: " + CasemateException.of(Kind.CORRUPT, "layer " + HOSTILE).getMessage());
    }
  }

  @Test
  void noSinkPassesOnWhatATerminalObeys() throws IOException, InterruptedException {
    Files.writeString(
        temp.resolve("oci-layout"),
        new Json.Obj().put("imageLayoutVersion", HOSTILE).text(),
        StandardCharsets.UTF_8);
    Path out = temp.resolve("out");
    Path err = temp.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(
            System.getProperty("java.home") + "/bin/java",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Child.class.getName(),
            temp.toString());
    builder.environment().put("CASEMATE_TRACE", "1");
    builder.redirectOutput(out.toFile()).redirectError(err.toFile());
    assertThat(builder.start().waitFor()).as("%s", Files.readString(err)).isZero();
    for (Path file : List.of(out, err)) {
      byte[] bytes = Files.readAllBytes(file);
      String text = new String(bytes, StandardCharsets.UTF_8);
      assertThat(text.codePoints().filter(c -> c != '\n' && c != '\t'))
          .as(text)
          .allMatch(PlainText::isSafe);
      assertThat(text).contains("forged").contains("?]0;T?");
    }
    // A name with a newline makes a line of its own only where several lines were meant.
    List<String> lines = Files.readAllLines(out);
    assertThat(lines).as("%s", lines).filteredOn(line -> line.startsWith("forged")).hasSize(1);
    assertThat(lines).filteredOn(line -> line.startsWith("cell ")).hasSize(1);
    assertThat(lines).contains("status 1", "status 2");
  }

  @Test
  void everyOtherWriterIsKnown() throws IOException {
    Map<String, String> found = new TreeMap<>();
    for (String module :
        List.of(
            "cli",
            "commandline",
            "oci-cli",
            "cell-cli",
            "containers",
            "task",
            "sandbox",
            "shim",
            "image",
            "casemate",
            "base",
            "oci")) {
      Path sources = Path.of("..", module, "src", "main", "java");
      try (Stream<Path> files = Files.walk(sources)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          String text = Files.readString(file);
          for (String sink :
              List.of("Fd.STDOUT", "Fd.STDERR", "System.out.", "System.err.", "printStackTrace(")) {
            if (text.contains(sink)) {
              String name = file.getFileName().toString().replace(".java", "");
              found.merge(module + "/" + name, sink, (a, b) -> a + " " + b);
            }
          }
        }
      }
    }
    assertThat(found.keySet())
        .as("writers to a terminal; a new one goes through Console or PlainText: %s", found)
        .isSubsetOf(OTHER_WRITERS.keySet());
  }
}
