package dev.casemate.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The fuzz targets, as the class path has them, and their corpora, as the source tree has them. */
final class Targets {
  private static final Path CORPUS = Path.of(System.getProperty("fuzz.corpus", "corpus"));

  private Targets() {}

  /** All targets, by name. */
  static List<Class<?>> all() {
    try {
      Path classes =
          Path.of(Targets.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      List<Class<?>> targets = new ArrayList<>();
      try (Stream<Path> files = Files.walk(classes)) {
        for (Path file : files.sorted().toList()) {
          String name = classes.relativize(file).toString();
          if (name.endsWith("Fuzz.class")) {
            targets.add(
                Class.forName(
                    name.substring(0, name.length() - ".class".length()).replace('/', '.'),
                    false,
                    Targets.class.getClassLoader()));
          }
        }
      }
      return targets;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException | ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The directory of a target's corpus. */
  static Path corpus(Class<?> target) {
    return CORPUS.resolve(target.getSimpleName());
  }

  /** The files of a target's corpus. */
  static List<Path> inputs(Class<?> target) throws IOException {
    try (Stream<Path> files = Files.list(corpus(target))) {
      return files.sorted().toList();
    }
  }

  /** Runs one input. */
  static void run(Class<?> target, byte[] input) throws Throwable {
    Method method = target.getMethod("fuzzerTestOneInput", byte[].class);
    try {
      method.invoke(null, (Object) input);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
