package dev.casemate.jail;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The files that the dynamic loader opens for a program: its interpreter and its shared libraries,
 * under the paths at which the loader looks for them (ld.so(8)).
 */
final class SharedLibraries {
  private static final String CACHE = "/etc/ld.so.cache";
  private static final List<String> DIRECTORIES =
      List.of(
          "/lib/x86_64-linux-gnu",
          "/usr/lib/x86_64-linux-gnu",
          "/lib64",
          "/usr/lib64",
          "/lib",
          "/usr/lib");
  private static final int LIMIT = 1024;

  private final LoaderCache cache;
  private final Set<String> files = new LinkedHashSet<>();
  private final ArrayDeque<String> open = new ArrayDeque<>();

  private SharedLibraries(LoaderCache cache) {
    this.cache = cache;
  }

  /**
   * What some programs and plug-ins need together, the loader's cache included, without themselves.
   *
   * @param programs absolute paths of ELF files
   * @throws CasemateException FAILED_PRECONDITION if a library is not installed
   */
  static List<String> of(List<String> programs) {
    SharedLibraries all = new SharedLibraries(LoaderCache.read(CACHE));
    if (Fs.exists(CACHE)) {
      all.files.add(CACHE);
    }
    for (String program : programs) {
      all.add(program);
      while (!all.open.isEmpty()) {
        all.add(all.open.remove());
      }
    }
    return List.copyOf(all.files);
  }

  private void add(String path) {
    ElfFile elf;
    try {
      elf = ElfFile.read(path);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "\"" + path + "\" cannot be read to find its shared libraries: " + e.getMessage(),
          e);
    }
    if (!elf.interpreter().isEmpty()) {
      files.add(elf.interpreter());
    }
    String origin = path.substring(0, path.lastIndexOf('/'));
    for (String name : elf.needed()) {
      if (files.contains("/lib64/" + name) && name.startsWith("ld-")) {
        // The loader itself, which is there already.
        continue;
      }
      List<String> found = find(name, elf.searchPath(), origin);
      if (found.isEmpty()) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "\""
                + path
                + "\" needs the shared library \""
                + name
                + "\", which is not installed: reinstall the package that brings the program");
      }
      for (String library : found) {
        if (files.size() < LIMIT && files.add(library)) {
          open.add(library);
        }
      }
    }
  }

  private List<String> find(String name, List<String> searchPath, String origin) {
    List<String> found = new ArrayList<>();
    if (name.indexOf('/') >= 0) {
      if (Fs.exists(name)) {
        found.add(name);
      }
      return found;
    }
    for (String directory : searchPath) {
      String place = directory.replace("$ORIGIN", origin).replace("${ORIGIN}", origin);
      if (place.startsWith("/") && Fs.exists(place + "/" + name)) {
        found.add(place + "/" + name);
        return found;
      }
    }
    // The cache may have several, for processors of several kinds; the loader picks one of them.
    for (String path : cache.paths(name)) {
      if (Fs.exists(path)) {
        found.add(path);
      }
    }
    for (String directory : DIRECTORIES) {
      if (found.isEmpty() && Fs.exists(directory + "/" + name)) {
        found.add(directory + "/" + name);
      }
    }
    return found;
  }
}
