package dev.casemate.image;

import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarWriter;
import dev.casemate.base.Json;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.ImageIndex;
import dev.casemate.oci.ImageManifest;
import dev.casemate.oci.Platform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/** Builds OCI image layouts, good ones and bad ones. */
public final class TestImage {
  public static final String GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";

  private final String directory;
  private final List<Descriptor> layers = new ArrayList<>();
  private final List<String> diffIds = new ArrayList<>();
  private final List<Json.Obj> manifests = new ArrayList<>();

  public TestImage(String directory) {
    this.directory = directory;
    FileTree.makeDirectories(directory + "/blobs/sha256", 0755);
  }

  /** A tar from lines: {@code f name [content]}, {@code d name}, {@code s name target}. */
  public static byte[] tar(String... lines) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    for (String line : lines) {
      String[] word = line.split(" ");
      switch (word[0]) {
        case "f" -> {
          byte[] content = (word.length > 2 ? word[2] : "").getBytes(StandardCharsets.UTF_8);
          writer.put(TarEntry.file(word[1], 0644, content.length));
          writer.write(content, 0, content.length);
        }
        case "d" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.DIRECTORY, 0755, ""));
        case "s" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.SYMLINK, 0777, word[2]));
        default -> throw new AssertionError(line);
      }
    }
    writer.finish();
    return out.toByteArray();
  }

  public static byte[] random(int seed, int size) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  public static byte[] tarOf(String name, byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    writer.put(TarEntry.file(name, 0644, content.length));
    writer.write(content, 0, content.length);
    writer.finish();
    return out.toByteArray();
  }

  public static byte[] gzip(byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  Descriptor blob(String mediaType, byte[] content) {
    Descriptor blob = Descriptor.of(mediaType, Digests.of(content), content.length);
    FileContent.write(path(blob), content, 0644);
    return blob;
  }

  String path(Descriptor blob) {
    return directory + "/blobs/sha256/" + blob.hex();
  }

  public Descriptor layer(int index) {
    return layers.get(index);
  }

  public TestImage layer(byte[] tar) {
    return layer(GZIP, gzip(tar), tar);
  }

  public TestImage layer(String mediaType, byte[] stored, byte[] tar) {
    layers.add(blob(mediaType, stored));
    diffIds.add(Digests.of(tar));
    return this;
  }

  private ImageConfig config(Platform platform) {
    return new ImageConfig(
        platform,
        List.of("A=b"),
        List.of("/entry"),
        List.of("arg"),
        "/work",
        "nobody",
        List.of("80/tcp"),
        List.of("/data"),
        Map.of("k", "v"),
        "SIGUSR1",
        diffIds);
  }

  public Descriptor manifest(Platform platform) {
    Descriptor config =
        blob(ImageConfig.OCI, config(platform).json().text().getBytes(StandardCharsets.UTF_8));
    return blob(
        ImageManifest.OCI,
        new ImageManifest(config, layers).json().text().getBytes(StandardCharsets.UTF_8));
  }

  /** Names a manifest or index. */
  public TestImage tag(String tag, Descriptor target) {
    Descriptor named =
        new Descriptor(
            target.mediaType(),
            target.digest(),
            target.size(),
            Optional.empty(),
            Map.of(Descriptor.REF_NAME, tag));
    manifests.add(named.json());
    Json.Obj index =
        new Json.Obj()
            .put("schemaVersion", 2)
            .put("mediaType", ImageIndex.OCI)
            .putObjects("manifests", manifests);
    FileContent.write(
        directory + "/index.json", index.text().getBytes(StandardCharsets.UTF_8), 0644);
    FileContent.write(
        directory + "/oci-layout",
        "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.UTF_8),
        0644);
    return this;
  }

  public TestImage tag(String tag) {
    return tag(tag, manifest(Platform.LINUX_AMD64));
  }

  /** An index over manifests with platforms. */
  public Descriptor index(Map<Platform, Descriptor> images) {
    List<Json.Obj> list = new ArrayList<>();
    for (Map.Entry<Platform, Descriptor> image : images.entrySet()) {
      Descriptor target = image.getValue();
      list.add(
          new Descriptor(
                  target.mediaType(),
                  target.digest(),
                  target.size(),
                  Optional.of(image.getKey()),
                  Map.of())
              .json());
    }
    return blob(
        ImageIndex.OCI,
        new Json.Obj()
            .put("schemaVersion", 2)
            .put("mediaType", ImageIndex.OCI)
            .putObjects("manifests", list)
            .text()
            .getBytes(StandardCharsets.UTF_8));
  }
}
