package dev.casemate.house;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The modules of this tree as Maven has compiled them: their descriptors and their classes. */
final class House {
  private static final String PREFIX = "dev.casemate.";
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  /** Each has tests only. */
  private static final Set<String> TESTS = Set.of("fuzz", "house", "e2e", "test-support");

  /** By the name of the directory. */
  static final Map<String, ModuleDescriptor> MODULES = descriptors();

  static final JavaClasses CLASSES =
      new ClassFileImporter()
          .importPaths(MODULES.keySet().stream().map(House::classDirectory).toList());

  private House() {}

  /** The directories that pom.xml names, but those of tests. */
  private static List<String> directories() {
    List<String> directories = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(ROOT.resolve("pom.xml"))) {
        String text = line.strip();
        if (text.equals("</modules>")) {
          break;
        }
        if (text.startsWith("<module>")) {
          String name = text.substring("<module>".length(), text.indexOf("</"));
          if (!TESTS.contains(name)) {
            directories.add(name);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return directories;
  }

  private static Path classDirectory(String module) {
    return ROOT.resolve(module)
        .resolve(System.getProperty("casemate.target", "target"))
        .resolve("classes");
  }

  private static Map<String, ModuleDescriptor> descriptors() {
    Map<String, ModuleDescriptor> modules = new TreeMap<>();
    for (String directory : directories()) {
      Path classes = classDirectory(directory);
      Set<ModuleReference> found = ModuleFinder.of(classes).findAll();
      if (found.size() != 1) {
        throw new AssertionError(
            "module " + directory + " has no module-info.class in " + classes + "; compile it");
      }
      modules.put(directory, found.iterator().next().descriptor());
    }
    return modules;
  }

  /** The directory of a module that a descriptor names, or an empty text if it is none of ours. */
  static String directory(String moduleName) {
    for (Map.Entry<String, ModuleDescriptor> module : MODULES.entrySet()) {
      if (module.getValue().name().equals(moduleName)) {
        return module.getKey();
      }
    }
    return "";
  }

  /** The directory of a class's module; the longest name that fits, or an empty text. */
  static String module(JavaClass of) {
    String best = "";
    for (String directory : MODULES.keySet()) {
      String name = packageName(directory);
      boolean inside =
          of.getPackageName().equals(name) || of.getPackageName().startsWith(name + ".");
      if (inside && directory.length() > best.length()) {
        best = directory;
      }
    }
    return best;
  }

  /** The one package that a module has. */
  static String packageName(String directory) {
    return PREFIX + directory.replace("-", "");
  }

  /** Our modules that a module reads: what it requires, and what these require transitively. */
  static Set<String> reads(String directory) {
    Set<String> read = new TreeSet<>();
    for (ModuleDescriptor.Requires requires : descriptor(directory).requires()) {
      add(directory(requires.name()), read);
    }
    return read;
  }

  private static void add(String directory, Set<String> read) {
    if (directory.isEmpty() || !read.add(directory)) {
      return;
    }
    for (ModuleDescriptor.Requires requires : descriptor(directory).requires()) {
      if (requires.modifiers().contains(ModuleDescriptor.Requires.Modifier.TRANSITIVE)) {
        add(directory(requires.name()), read);
      }
    }
  }

  static ModuleDescriptor descriptor(String directory) {
    ModuleDescriptor descriptor = MODULES.get(directory);
    if (descriptor == null) {
      throw new AssertionError("pom.xml names no module " + directory + "; mend the rule");
    }
    return descriptor;
  }
}
