package dev.casemate.fuzz;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Jazzer, in a process of its own for each target: libFuzzer, which is in it, works once in a
 * process. First it runs the whole corpus, then inputs that it makes.
 */
final class Fuzzer {
  /**
   * Seconds for one input. The slowest honest ones take a tenth of one, but the first also loads
   * and instruments classes, and the machine may be busy.
   */
  private static final int INPUT_SECONDS = 30;

  /** Inputs of a target in one {@code make test}, unless its time is over before. */
  private static final int BRIEF_RUNS = Integer.getInteger("fuzz.runs", 2_000);

  /** The target's heap: whoever wants more for 64 KiB of input has no bound. */
  private static final String HEAP = "-Xmx384m";

  /** New inputs that a long run offers for the corpus. */
  private static final int OFFERED = 8;

  /** Jazzer's own ideas of what a program must not do, which ours do on purpose or cannot do. */
  private static final List<String> NEEDLESS =
      Stream.of(
              "BigDecimal",
              "ClojureLangHooks",
              "ExpressionLanguageInjection",
              "FilePathTraversal",
              "LdapInjection",
              "NamingContextLookup",
              "RegexRoadblocks",
              "ScriptEngineInjection",
              "ServerSideRequestForgery",
              "SqlInjection",
              "TemplateInjection",
              "XPathInjection",
              "XmlParserSsrfGuidance")
          .map(name -> "com.code_intelligence.jazzer.sanitizers." + name)
          .toList();

  private static final Path WORK = Path.of(System.getProperty("fuzz.work", "target/fuzz"));

  private final Class<?> target;

  /** How a run ended: without a finding or with one, and what the fuzzer said. */
  record Outcome(boolean clean, String summary, Path log) {}

  Fuzzer(Class<?> target) {
    this.target = target;
  }

  /** A run that leaves nothing but a finding. */
  Outcome brief(int seconds, long seed) throws IOException, InterruptedException {
    Path made = Files.createDirectories(WORK.resolve(target.getSimpleName() + ".brief"));
    try {
      return run(made, true, seconds, seed, line -> {});
    } finally {
      remove(made);
    }
  }

  /** A run that goes on with what earlier ones have made, and offers inputs for the corpus. */
  Outcome lengthy(int seconds, long seed) throws IOException, InterruptedException {
    Path made = Files.createDirectories(WORK.resolve(target.getSimpleName()));
    Outcome outcome = run(made, false, seconds, seed, Fuzzer::show);
    offer(made);
    return outcome;
  }

  private static void show(String line) {
    if (line.startsWith("#") ? line.contains("pulse") : line.startsWith("==")) {
      System.out.println(line);
    }
  }

  private Outcome run(Path made, boolean brief, int seconds, long seed, Consumer<String> listener)
      throws IOException, InterruptedException {
    Path log = WORK.resolve(target.getSimpleName() + ".log");
    List<String> command = command(made);
    if (brief) {
      // The better compiler takes longer than such a run.
      command.add(1, "-XX:TieredStopAtLevel=1");
    }
    command.add("-max_total_time=" + seconds);
    if (brief) {
      // The seed gives the same inputs everywhere: a fast machine shall not go beyond them.
      command.add("-runs=" + BRIEF_RUNS);
    }
    command.add("-seed=" + seed);
    command.add("-artifact_prefix=" + Targets.corpus(target) + "/");
    String summary = "";
    int status;
    Process process = start(command);
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
        var writer = Files.newBufferedWriter(log)) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        writer.write(line);
        writer.newLine();
        listener.accept(line);
        if (line.startsWith("== Java Exception")
            || line.startsWith("==") && line.contains("ERROR: ")
            || line.startsWith("Done ")) {
          summary = line;
        }
      }
      status = process.waitFor();
    } finally {
      process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
      TempFile.clean(process.pid());
    }
    return new Outcome(status == 0, summary, log);
  }

  private List<String> command(Path made) throws IOException {
    String classPath =
        Optional.ofNullable(System.getProperty("surefire.test.class.path"))
            .orElseGet(() -> System.getProperty("java.class.path"));
    return new ArrayList<>(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            HEAP,
            "-Xshare:auto",
            "-XX:+EnableDynamicAgentLoading",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            withoutEmpty(classPath),
            "com.code_intelligence.jazzer.Jazzer",
            "--target_class=" + target.getName(),
            "--instrumentation_includes=dev.casemate.**:io.airlift.**",
            "--instrumentation_excludes=" + uninteresting(),
            "--disabled_hooks=" + String.join(File.pathSeparator, NEEDLESS),
            "--reproducer_path=" + Files.createDirectories(WORK),
            "-timeout=" + INPUT_SECONDS,
            "-report_slow_units=" + INPUT_SECONDS,
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            made.toString(),
            Files.createDirectories(Targets.corpus(target)).toString()));
  }

  /** Generated messages have a target of their own, and to instrument them takes long. */
  private String uninteresting() {
    String ours = "dev.casemate.fuzz.**";
    return target.getSimpleName().equals("MessagesFuzz")
        ? ours
        : ours + File.pathSeparator + "dev.casemate.protocol.**";
  }

  private static String withoutEmpty(String classPath) {
    List<String> parts = new ArrayList<>(List.of(classPath.split(File.pathSeparator)));
    parts.removeIf(String::isEmpty);
    return String.join(File.pathSeparator, parts);
  }

  private static Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectInput(new File("/dev/null"))
        .start();
  }

  /** Puts the smallest of those new inputs into the corpus that reach what its own do not. */
  private void offer(Path made) throws IOException, InterruptedException {
    Path merged = Files.createDirectories(WORK.resolve(target.getSimpleName() + ".merged"));
    try {
      for (Path input : Targets.inputs(target)) {
        Files.copy(input, merged.resolve(input.getFileName()));
      }
      List<String> command = command(made);
      command.removeLast();
      command.removeLast();
      command.addAll(List.of("-merge=1", merged.toString(), made.toString()));
      Process process = start(command);
      process.getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
      process.waitFor();
      List<Path> fresh;
      try (Stream<Path> files = Files.list(merged)) {
        fresh =
            files
                .filter(file -> !Files.exists(Targets.corpus(target).resolve(file.getFileName())))
                .sorted(Comparator.comparingLong(file -> file.toFile().length()))
                .limit(OFFERED)
                .toList();
      }
      for (Path file : fresh) {
        Files.copy(file, Targets.corpus(target).resolve(file.getFileName()));
      }
      System.out.println(fresh.size() + " new inputs in " + Targets.corpus(target));
    } finally {
      remove(merged);
    }
  }

  private static void remove(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
