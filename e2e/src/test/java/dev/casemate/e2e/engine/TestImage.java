package dev.casemate.e2e.engine;

import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarWriter;
import dev.casemate.base.Json;
import dev.casemate.testsupport.Shell;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/**
 * A small image of this machine's static busybox, as one archive that containerd and dockerd both
 * take: an OCI layout that is also what {@code docker save} writes.
 *
 * @param name as registries have it
 */
public record TestImage(String name, Path tar) {
  private static final Path BUSYBOX = Path.of("/bin/busybox");

  /** A shell by default. */
  public static TestImage busybox() {
    return made("docker.io/library/busybox:latest", "busybox.tar", List.of("sh"));
  }

  /** What keeps a pod's sandbox. */
  public static TestImage pause() {
    return made("registry.k8s.io/pause:3.9", "pause.tar", List.of("/bin/sleep", "infinity"));
  }

  private static synchronized TestImage made(String name, String file, List<String> command) {
    Path tar = Places.DISK.resolve(file);
    if (!Files.exists(tar)) {
      write(tar, name, command);
    }
    return new TestImage(name, tar);
  }

  private static void write(Path tar, String name, List<String> command) {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(tar))) {
      byte[] layer = layer();
      ByteArrayOutputStream packed = new ByteArrayOutputStream();
      try (OutputStream zip = new GZIPOutputStream(packed)) {
        zip.write(layer);
      }
      Json.Obj config =
          new Json.Obj()
              .put("architecture", "amd64")
              .put("os", "linux")
              .put("created", "2026-01-01T00:00:00Z")
              .put(
                  "config",
                  new Json.Obj()
                      .putStrings("Env", List.of("PATH=/usr/bin:/bin", "FROM_IMAGE=yes"))
                      .putStrings("Cmd", command))
              .put(
                  "rootfs",
                  new Json.Obj()
                      .put("type", "layers")
                      .putStrings("diff_ids", List.of("sha256:" + digest(layer))));
      byte[] configBytes = bytes(config);
      byte[] manifest =
          bytes(
              new Json.Obj()
                  .put("schemaVersion", 2)
                  .put("mediaType", "application/vnd.oci.image.manifest.v1+json")
                  .put(
                      "config", descriptor("application/vnd.oci.image.config.v1+json", configBytes))
                  .putObjects(
                      "layers",
                      List.of(
                          descriptor(
                              "application/vnd.oci.image.layer.v1.tar+gzip",
                              packed.toByteArray()))));
      Json.Obj indexed =
          descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
              .put(
                  "annotations",
                  new Json.Obj()
                      .put("io.containerd.image.name", name)
                      .put("org.opencontainers.image.ref.name", name.replaceAll(".*:", "")))
              .put("platform", new Json.Obj().put("architecture", "amd64").put("os", "linux"));
      Json.Obj docker =
          new Json.Obj()
              .put("Config", blob(configBytes))
              .putStrings("RepoTags", List.of(name))
              .putStrings("Layers", List.of(blob(packed.toByteArray())));
      TarWriter writer = new TarWriter(out);
      file(
          writer,
          "oci-layout",
          "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.UTF_8));
      file(
          writer,
          "index.json",
          bytes(new Json.Obj().put("schemaVersion", 2).putObjects("manifests", List.of(indexed))));
      for (byte[] blob : List.of(configBytes, manifest, packed.toByteArray())) {
        file(writer, blob(blob), blob);
      }
      file(writer, "manifest.json", ("[" + docker.text() + "]").getBytes(StandardCharsets.UTF_8));
      writer.finish();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] layer() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    TarWriter tar = new TarWriter(bytes);
    for (String directory :
        List.of("bin", "etc", "root", "var", "proc", "sys", "dev", "usr", "usr/bin", "srv")) {
      tar.put(TarEntry.plain(directory + "/", TarEntry.Type.DIRECTORY, 0755, ""));
    }
    tar.put(TarEntry.plain("tmp/", TarEntry.Type.DIRECTORY, 01777, ""));
    byte[] busybox = Files.readAllBytes(BUSYBOX);
    tar.put(TarEntry.file("bin/busybox", 0755, busybox.length));
    tar.write(busybox, 0, busybox.length);
    for (String applet : Shell.run(BUSYBOX + " --list").out().lines().toList()) {
      if (!applet.equals("busybox")) {
        tar.put(TarEntry.plain("bin/" + applet, TarEntry.Type.SYMLINK, 0777, "busybox"));
      }
    }
    text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nperson:x:1234:1234::/:/bin/sh\n");
    text(tar, "etc/group", "root:x:0:\nperson:x:1234:\n");
    tar.finish();
    return bytes.toByteArray();
  }

  private static void text(TarWriter tar, String name, String text) {
    file(tar, name, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void file(TarWriter tar, String name, byte[] content) {
    tar.put(TarEntry.file(name, 0644, content.length));
    tar.write(content, 0, content.length);
  }

  private static byte[] bytes(Json json) {
    return json.text().getBytes(StandardCharsets.UTF_8);
  }

  private static Json.Obj descriptor(String type, byte[] content) {
    return new Json.Obj()
        .put("mediaType", type)
        .put("digest", "sha256:" + digest(content))
        .put("size", content.length);
  }

  private static String blob(byte[] content) {
    return "blobs/sha256/" + digest(content);
  }

  private static String digest(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
