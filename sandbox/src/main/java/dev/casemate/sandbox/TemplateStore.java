package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The templates of this machine, each in a directory that only their owner can read. */
public final class TemplateStore {
  /** At most so many are kept; each takes some 60 MB. */
  public static final int MOST = 8;

  /** What is being written has this behind its key. */
  static final String UNFINISHED = ".new";

  /** Beside the templates, why one could not be made. */
  private static final String FAILED = ".failed";

  private static final int FAILURE_LIMIT = 64 * 1024;
  private static final int RETRY_SECONDS = 3600;

  private final SandboxPaths paths;

  public TemplateStore(SandboxPaths paths) {
    this.paths = paths;
  }

  String directory(String key) {
    return paths.templates() + "/" + key;
  }

  /**
   * The template with these facts. A damaged one is removed, with a warning.
   *
   * @param facts see {@link TemplateKind#facts}
   * @return empty if no template can be used
   */
  Optional<Template> find(String facts, Consumer<String> warnings) {
    String directory = directory(TemplateKind.key(facts));
    if (!Fs.exists(directory)) {
      return Optional.empty();
    }
    try {
      Template template = Template.read(directory);
      Optional<String> damage = template.damage();
      if (damage.isEmpty() && template.facts().equals(facts)) {
        return Optional.of(template);
      }
      discard(directory, damage.orElse("it was made for another machine"), warnings);
    } catch (CasemateException e) {
      discard(directory, String.valueOf(e.getMessage()), warnings);
    }
    return Optional.empty();
  }

  /** Removes one that is of no use. */
  void discard(String directory, String why, Consumer<String> warnings) {
    warnings.accept("template " + directory + " cannot be used and is removed: " + why);
    try {
      FileTree.removeTree(directory);
    } catch (LinuxException e) {
      warnings.accept("template " + directory + " cannot be removed: " + e.getMessage());
    }
  }

  /**
   * What the store has of one.
   *
   * @param template empty if its record cannot be read
   * @param problem why it will not be used; empty for one that will
   */
  public record Entry(String key, Optional<Template> template, String problem) {}

  /** All of them, the newest first. */
  public List<Entry> list(Vmm vmm) {
    List<Entry> entries = new ArrayList<>();
    if (!Fs.exists(paths.templates())) {
      return entries;
    }
    for (String key : Fs.list(paths.templates())) {
      if (isKey(key)) {
        entries.add(entry(key, vmm));
      }
    }
    entries.sort(
        Comparator.comparingLong(
            (Entry entry) -> -entry.template().map(Template::createdMillis).orElse(0L)));
    return entries;
  }

  /**
   * One of them.
   *
   * @throws CasemateException NOT_FOUND if no template has this key
   */
  public Entry find(String key, Vmm vmm) {
    requireKey(key);
    return entry(key, vmm);
  }

  private Entry entry(String key, Vmm vmm) {
    try {
      Template template = Template.read(directory(key));
      return new Entry(key, Optional.of(template), problem(template, vmm));
    } catch (CasemateException e) {
      return new Entry(key, Optional.empty(), String.valueOf(e.getMessage()));
    }
  }

  private static boolean isKey(String name) {
    return !name.isEmpty() && !name.contains("/") && !name.contains(".");
  }

  private void requireKey(String key) {
    if (!isKey(key) || !Fs.exists(directory(key))) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "there is no template \"" + key + "\"; casemate template ls shows all");
    }
  }

  private static String problem(Template template, Vmm vmm) {
    Optional<String> damage = template.damage();
    if (damage.isPresent()) {
      return "damaged: " + damage.get();
    }
    try {
      return template.kind().facts(vmm).equals(template.facts())
          ? ""
          : "stale: kernel, initramfs, VMM or Casemate have changed since it was made";
    } catch (CasemateException | LinuxException e) {
      return "stale: " + e.getMessage();
    }
  }

  /**
   * Removes a template. VMs that were started from it go on.
   *
   * @throws CasemateException NOT_FOUND if no template has this key
   */
  public void remove(String key) {
    if (isKey(key) && Fs.exists(failure(key))) {
      Fs.unlinkIfExists(failure(key));
    } else {
      requireKey(key);
    }
    FileTree.removeTree(directory(key));
  }

  private String failure(String key) {
    return directory(key) + FAILED;
  }

  /** Remembers that a template cannot be made, so that not every start tries it again. */
  void failed(String key, String why) {
    try {
      FileTree.makeDirectories(paths.templates(), 0700);
      FileContent.write(failure(key), (why + "\n").getBytes(StandardCharsets.UTF_8), 0600);
    } catch (LinuxException e) {
      // A full disk may be what kept the template from being made: then each start tries again.
    }
  }

  /** Whether making a template has failed within the last hour. */
  boolean hasFailedLately(String facts) {
    return Fs.statIfExists(failure(TemplateKind.key(facts)))
        .filter(stat -> System.currentTimeMillis() / 1000 - stat.mtimeSeconds() < RETRY_SECONDS)
        .isPresent();
  }

  /** Why templates could not be made, by key. */
  public Map<String, String> failures() {
    Map<String, String> all = new TreeMap<>();
    if (Fs.exists(paths.templates())) {
      for (String name : Fs.list(paths.templates())) {
        if (name.endsWith(FAILED)) {
          all.put(
              name.substring(0, name.length() - FAILED.length()),
              FileContent.readString(paths.templates() + "/" + name, FAILURE_LIMIT).strip());
        }
      }
    }
    return all;
  }

  /** Removes what no VM will use, and the oldest of more than {@link #MOST}. */
  void prune(Vmm vmm) {
    int kept = 0;
    for (Entry entry : list(vmm)) {
      if (!entry.problem().isEmpty() || ++kept > MOST) {
        FileTree.removeTree(directory(entry.key()));
      }
    }
    for (String key : failures().keySet()) {
      Fs.unlinkIfExists(failure(key));
    }
  }
}
