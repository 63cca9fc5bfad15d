package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * The modules that belong to one kernel, as its package lays them out ({@code
 * lib/modules/RELEASE}).
 *
 * <p>Dependencies are read from the modules themselves (section {@code .modinfo}), so {@code
 * depmod} need not have run. Names are those of {@code lsmod}: with underscores.
 */
final class ModuleTree {
  private static final String[] SUFFIXES = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};

  private final String label;
  private final Map<String, Path> files = new HashMap<>();
  private final Set<String> builtin = new HashSet<>();
  private final Map<String, KernelModule> loaded = new HashMap<>();

  private ModuleTree(String label) {
    this.label = label;
  }

  /**
   * Finds the modules below {@code root}.
   *
   * @param label names them in errors: a package or a directory
   * @throws CasemateException NOT_FOUND when there is none and no {@code modules.builtin} either
   */
  static ModuleTree scan(Path root, String label) {
    ModuleTree tree = new ModuleTree(label);
    if (!Files.isDirectory(root)) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "Directory of kernel modules " + root + " does not exist");
    }
    try (Stream<Path> walk = Files.walk(root)) {
      for (Path path : (Iterable<Path>) walk::iterator) {
        String file = path.getFileName().toString();
        for (String suffix : SUFFIXES) {
          if (file.endsWith(suffix) && Files.isRegularFile(path)) {
            tree.files.put(name(file.substring(0, file.length() - suffix.length())), path);
          }
        }
      }
      Path list = root.resolve("modules.builtin");
      if (Files.isRegularFile(list)) {
        for (String line : Files.readAllLines(list)) {
          String file = line.substring(line.lastIndexOf('/') + 1).strip();
          if (file.endsWith(".ko")) {
            tree.builtin.add(name(file.substring(0, file.length() - 3)));
          }
        }
      }
    } catch (IOException e) {
      throw Failure.of("read the kernel modules in " + root, e);
    }
    if (tree.files.isEmpty() && tree.builtin.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "There are no kernel modules (*.ko, *.ko.xz, *.ko.zst, *.ko.gz) and no modules.builtin below "
              + root
              + ". Use the directory that 'make modules_install' or the kernel's package filled, such as"
              + " lib/modules/RELEASE");
    }
    return tree;
  }

  /** Turns a file's or an alias' spelling into the module's name. */
  static String name(String spelling) {
    return spelling.replace('-', '_');
  }

  boolean isBuiltin(String name) {
    return builtin.contains(name(name));
  }

  boolean isModule(String name) {
    return files.containsKey(name(name));
  }

  /** Names of the modules below the given directories of the tree, in order. */
  List<String> below(List<String> directories) {
    List<String> names = new ArrayList<>();
    for (Map.Entry<String, Path> file : files.entrySet()) {
      String path = file.getValue().toString();
      if (directories.stream().anyMatch(directory -> path.contains("/kernel/" + directory))) {
        names.add(file.getKey());
      }
    }
    names.sort(null);
    return names;
  }

  /** The module, unpacked. */
  KernelModule load(String name) {
    KernelModule known = loaded.get(name);
    if (known != null) {
      return known;
    }
    Path file = files.get(name);
    if (file == null) {
      throw CasemateException.of(Kind.NOT_FOUND, "Kernel module " + name + " is not in " + label);
    }
    KernelModule module = KernelModule.parse(content(file), file.toString());
    loaded.put(name, module);
    return module;
  }

  /**
   * The modules that have to be loaded for {@code wanted}, dependencies first.
   *
   * @return empty when the kernel has all of them built in
   * @throws CasemateException NOT_FOUND when one is neither there nor built in
   */
  List<String> closure(List<String> wanted) {
    Set<String> order = new LinkedHashSet<>();
    for (String name : wanted) {
      visit(name(name), Optional.empty(), new LinkedHashSet<>(), order);
    }
    return new ArrayList<>(order);
  }

  private void visit(String name, Optional<String> neededBy, Set<String> path, Set<String> order) {
    if (order.contains(name) || isBuiltin(name)) {
      return;
    }
    if (!isModule(name)) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "Kernel module "
              + name
              + neededBy.map(by -> ", which " + by + " needs,").orElse("")
              + " is neither in "
              + label
              + " nor built into the kernel");
    }
    if (!path.add(name)) {
      throw CasemateException.of(
          Kind.CORRUPT,
          "Kernel modules depend on each other in a cycle: " + String.join(" → ", path));
    }
    KernelModule module = load(name);
    for (String before : module.softDependencies()) {
      if (isModule(name(before))) {
        visit(name(before), Optional.of(name), path, order);
      }
    }
    for (String dependency : module.dependencies()) {
      visit(name(dependency), Optional.of(name), path, order);
    }
    path.remove(name);
    order.add(name);
  }

  private static byte[] content(Path file) {
    try {
      byte[] content = Files.readAllBytes(file);
      String name = file.toString();
      if (name.endsWith(".xz")) {
        return Decompressor.xz(content, name);
      }
      if (name.endsWith(".zst")) {
        return Decompressor.zstd(content, name);
      }
      if (name.endsWith(".gz")) {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(content))) {
          return in.readAllBytes();
        }
      }
      return content;
    } catch (IOException e) {
      throw Failure.of("read kernel module " + file, e);
    }
  }

  /** Splits a section of NUL-terminated texts. */
  static List<String> strings(ByteBuffer section) {
    byte[] bytes = new byte[section.remaining()];
    section.get(bytes);
    List<String> strings = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        if (i > start) {
          strings.add(new String(bytes, start, i - start, StandardCharsets.UTF_8));
        }
        start = i + 1;
      }
    }
    return strings;
  }
}
