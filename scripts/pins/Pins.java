package dev.casemate.pins;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.maven.eventspy.AbstractEventSpy;
import org.eclipse.aether.RepositoryEvent;
import org.eclipse.aether.artifact.Artifact;

/**
 * Ends Maven before it uses an artefact that the list of pins does not know: a dependency, a
 * plugin, or a POM, downloaded now or years ago.
 *
 * <p>scripts/maven.sh compiles it against the Maven that is installed and adds it by {@code
 * maven.ext.class.path}. Maven 3.8 of Debian is enough; the check that Maven itself has (trusted
 * checksums) came with 3.9, and would have to be fetched first, by plugins that nothing has checked.
 *
 * <p>System properties: {@code casemate.pins} is the list; {@code casemate.pins.record} a file to
 * which the SHA-256 of everything resolved is added instead of being checked; {@code
 * casemate.pins.probe} a file to make, which shows that Maven has found this class.
 */
public final class Pins extends AbstractEventSpy {
  /** What other modules of ours have made. */
  private static final String OURS = "dev.casemate";

  private final String list = System.getProperty("casemate.pins");
  private final String record = System.getProperty("casemate.pins.record", "");
  private final Map<String, String> seen = new ConcurrentHashMap<>();
  private Map<String, String> pins = Map.of();

  @Override
  public void init(Context context) throws IOException {
    String probe = System.getProperty("casemate.pins.probe", "");
    if (!probe.isEmpty()) {
      Files.createFile(Path.of(probe));
    }
    if (record.isEmpty()) {
      pins = read(Path.of(list));
    } else {
      Runtime.getRuntime().addShutdownHook(new Thread(this::write));
    }
  }

  /** Maven says of every file that it hands out, POMs too, that it is resolved, before it does. */
  @Override
  public void onEvent(Object event) {
    if (event instanceof RepositoryEvent resolved
        && resolved.getType() == RepositoryEvent.EventType.ARTIFACT_RESOLVED
        && resolved.getArtifact() != null
        && resolved.getArtifact().getFile() != null) {
      try {
        check(resolved.getArtifact());
      } catch (UncheckedIOException e) {
        refuse(e.getMessage() + ": " + e.getCause());
      }
    }
  }

  private void check(Artifact artifact) {
    if (OURS.equals(artifact.getGroupId())) {
      return;
    }
    String name = name(artifact);
    Path file = artifact.getFile().toPath();
    if (seen.containsKey(name + " " + file)) {
      return;
    }
    String actual = sha256(file);
    if (record.isEmpty()) {
      String expected = pins.get(name);
      if (expected == null) {
        refuse(
            name + " is not in " + list + ", so it is not used; to add it: make pins"
                + " (CONTRIBUTING.md, \"Dependencies\")");
      } else if (!actual.equals(expected)) {
        refuse(
            name + " is not used: " + file + " has SHA-256 " + actual + ", expected " + expected
                + " (" + list + "); find out why, and remove the file to have it fetched again");
      }
    }
    seen.put(name + " " + file, actual);
  }

  /**
   * Ends the process. An exception would not do: Maven logs those of its listeners and goes on, and
   * a plugin may catch what it likes.
   */
  private static void refuse(String why) {
    System.err.println("[ERROR] casemate: " + why);
    System.err.flush();
    Runtime.getRuntime().halt(1);
  }

  /** Such as {@code org.jspecify:jspecify:jar:1.0.1}; a classifier stands before the version. */
  private static String name(Artifact artifact) {
    String classifier = artifact.getClassifier().isEmpty() ? "" : artifact.getClassifier() + ":";
    return artifact.getGroupId() + ":" + artifact.getArtifactId() + ":" + artifact.getExtension()
        + ":" + classifier + artifact.getVersion();
  }

  private static Map<String, String> read(Path list) {
    try {
      Map<String, String> pins = new TreeMap<>();
      for (String line : Files.readAllLines(list)) {
        int space = line.indexOf(' ');
        if (!line.startsWith("#") && space > 0) {
          pins.put(line.substring(space + 1), line.substring(0, space));
        }
      }
      return pins;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the list of pins " + list, e);
    }
  }

  private void write() {
    Path file = Path.of(record);
    Map<String, String> all = Files.exists(file) ? read(file) : new TreeMap<>();
    seen.forEach((key, digest) -> all.put(key.substring(0, key.indexOf(' ')), digest));
    List<String> lines = new ArrayList<>();
    all.forEach((name, digest) -> lines.add(digest + " " + name));
    try {
      Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + record, e);
    }
  }

  private static String sha256(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
