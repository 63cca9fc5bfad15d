import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Writes what an executable or a guest is made of as CycloneDX 1.6 (ECMA-424), in JSON. The same
 * input gives the same bytes. Run by scripts/sbom.sh with lines on standard input, fields separated
 * by tabs:
 *
 * <pre>
 * subject   type  name  version  FILE|-     what this is the list of
 * time      when                            RFC 3339
 * maven     FILE                            a jar that scripts/maven.list knows by its SHA-256
 * ours      FILE  version                   a jar of a module of ours
 * part      type  name  version  purl  FILE|sha256:HEX|-
 * </pre>
 */
final class Sbom {
  private final Map<String, String> pins = new TreeMap<>();
  private final Map<String, String> components = new TreeMap<>();
  private String subject = "";
  private String subjectReference = "";
  private String time = "";

  public static void main(String[] arguments) throws Exception {
    Sbom sbom = new Sbom();
    for (String line : Files.readAllLines(Path.of(arguments[0]))) {
      int space = line.indexOf(' ');
      if (!line.startsWith("#") && space > 0) {
        sbom.pins.put(line.substring(0, space), line.substring(space + 1));
      }
    }
    String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    for (String line : input.lines().toList()) {
      sbom.add(line.split("\t"));
    }
    Files.writeString(Path.of(arguments[1]), sbom.text());
  }

  private void add(String[] field) throws Exception {
    switch (field[0]) {
      case "subject" -> {
        subjectReference = field[2] + "@" + field[3];
        subject = component(subjectReference, field[1], "", field[2], field[3], "", digest(field[4]));
      }
      case "time" -> time = field[1];
      case "maven" -> maven(Path.of(field[1]));
      case "ours" -> ours(Path.of(field[1]), field[2]);
      case "part" -> {
        String reference = field[4].equals("-") ? field[2] + "@" + field[3] : field[4];
        String purl = field[4].equals("-") ? "" : field[4];
        put(reference, component(reference, field[1], "", field[2], field[3], purl, digest(field[5])));
      }
      default -> throw new IllegalArgumentException("no kind of line: " + field[0]);
    }
  }

  private void maven(Path jar) throws Exception {
    String digest = digest(jar.toString());
    String name = pins.get(digest);
    if (name == null) {
      throw new IllegalStateException(
          jar + " (SHA-256 " + digest + ") is not in scripts/maven.list; run: make pins");
    }
    // group:artifact:extension[:classifier]:version
    String[] part = name.split(":");
    String version = part[part.length - 1];
    String purl = "pkg:maven/" + part[0] + "/" + part[1] + "@" + version;
    if (part.length > 4) {
      purl += "?classifier=" + part[3];
    }
    put(purl, component(purl, "library", part[0], part[1], version, purl, digest));
  }

  private void ours(Path jar, String version) throws Exception {
    String file = jar.getFileName().toString();
    String name = file.substring(0, file.length() - version.length() - ".jar".length() - 1);
    String purl = "pkg:maven/dev.casemate/" + name + "@" + version;
    put(purl, component(purl, "library", "dev.casemate", name, version, purl, digest(jar.toString())));
  }

  private void put(String reference, String component) {
    if (components.put(reference, component) != null) {
      throw new IllegalStateException(reference + " would be in the list twice");
    }
  }

  private static String component(
      String reference, String type, String group, String name, String version, String purl, String digest) {
    List<String> members = new ArrayList<>();
    members.add(member("type", type));
    members.add(member("bom-ref", reference));
    if (!group.isEmpty()) {
      members.add(member("group", group));
    }
    members.add(member("name", name));
    members.add(member("version", version));
    if (!digest.isEmpty()) {
      members.add("\"hashes\":[{" + member("alg", "SHA-256") + "," + member("content", digest) + "}]");
    }
    if (!purl.isEmpty()) {
      members.add(member("purl", purl));
    }
    return "{" + String.join(",", members) + "}";
  }

  private String text() {
    String list = String.join(",\n    ", components.values());
    String references =
        String.join(",", components.keySet().stream().map(Sbom::quoted).toList());
    UUID serial =
        UUID.nameUUIDFromBytes((subject + time + list).getBytes(StandardCharsets.UTF_8));
    return """
        {
          "bomFormat":"CycloneDX",
          "specVersion":"1.6",
          "serialNumber":"urn:uuid:%s",
          "version":1,
          "metadata":{"timestamp":%s,"component":%s},
          "components":[
            %s
          ],
          "dependencies":[
            {"ref":%s,"dependsOn":[%s]}
          ]
        }
        """
        .formatted(serial, quoted(time), subject, list, quoted(subjectReference), references);
  }

  private static String digest(String source) throws Exception {
    if (source.equals("-")) {
      return "";
    }
    if (source.startsWith("sha256:")) {
      return source.substring(7);
    }
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (InputStream in = new DigestInputStream(Files.newInputStream(Path.of(source)), digest)) {
      in.transferTo(java.io.OutputStream.nullOutputStream());
    } catch (IOException e) {
      throw new IllegalStateException("cannot read " + source + ", which the list shall name", e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static String member(String name, String value) {
    return quoted(name) + ":" + quoted(value);
  }

  private static String quoted(String value) {
    StringBuilder text = new StringBuilder("\"");
    for (char c : value.toCharArray()) {
      if (c < ' ') {
        throw new IllegalArgumentException("a control character in " + value);
      }
      text.append(c == '"' || c == '\\' ? "\\" + c : String.valueOf(c));
    }
    return text.append('"').toString();
  }
}
