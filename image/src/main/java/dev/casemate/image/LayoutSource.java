package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageIndex;
import dev.casemate.oci.Platform;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * An image in an OCI image layout (image-spec, image-layout.md): a directory or an archive of one.
 */
final class LayoutSource implements ImageSource {
  private static final String CONTAINERD_NAME = "io.containerd.image.name";

  private final String name;
  private final String tag;
  private final FileSet files;

  LayoutSource(String name, String tag, FileSet files) {
    this.name = name;
    this.tag = tag;
    this.files = files;
  }

  @Override
  public String name() {
    return name;
  }

  /** The descriptor that the tag leads to; without a tag, the only one or {@code latest}. */
  Descriptor descriptor() {
    byte[] index =
        files
            .read("index.json")
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.NOT_FOUND,
                        "image "
                            + name
                            + " has no index.json; expected an OCI image layout, as \"skopeo copy …"
                            + " oci:DIR\" makes"));
    List<Descriptor> all = parseIndex(index, "index.json").manifests();
    List<Descriptor> named = new ArrayList<>();
    List<String> tags = new ArrayList<>();
    for (Descriptor manifest : all) {
      String ref = manifest.annotations().getOrDefault(Descriptor.REF_NAME, "");
      String full = manifest.annotations().getOrDefault(CONTAINERD_NAME, "");
      if (tag.isEmpty() ? ref.equals("latest") : (tag.equals(ref) || tag.equals(full))) {
        named.add(manifest);
      }
      if (!ref.isEmpty() && !tags.contains(ref)) {
        tags.add(ref);
      }
    }
    if (named.isEmpty() && tag.isEmpty() && tags.size() <= 1) {
      named = all;
    }
    if (named.isEmpty()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "image "
              + name
              + (tag.isEmpty() ? " has several tags" : " has no tag \"" + tag + "\"")
              + "; it has "
              + (tags.isEmpty() ? "none" : String.join(", ", tags))
              + "; append one to the path, separated by \":\"");
    }
    return named.size() == 1
        ? named.getFirst()
        : new ImageIndex(named).select(Platform.LINUX_AMD64, name);
  }

  private ImageIndex parseIndex(byte[] content, String file) {
    try {
      return ImageIndex.parse(Json.parseObject(new String(content, StandardCharsets.UTF_8)));
    } catch (CasemateException e) {
      throw CasemateException.of(
          e.kind(), file + " of image " + name + " is not valid: " + e.getMessage(), e);
    }
  }

  @Override
  public Document top() {
    return document(descriptor());
  }

  @Override
  public Document document(Descriptor descriptor) {
    byte[] content = files.read(path(descriptor)).orElseThrow(() -> missing(descriptor));
    String found = Digests.of(content);
    if (!found.equals(descriptor.digest())) {
      throw StoreErrors.corrupt(
          "manifest "
              + descriptor.digest()
              + " of image "
              + name
              + " has digest "
              + found
              + "; it is damaged, create the image again");
    }
    return new Document(descriptor.mediaType(), descriptor.digest(), content);
  }

  private static String path(Descriptor descriptor) {
    return "blobs/sha256/" + descriptor.hex();
  }

  private CasemateException missing(Descriptor descriptor) {
    return CasemateException.of(
        Kind.NOT_FOUND,
        "image " + name + " is missing blob " + descriptor.digest() + "; copy the image again");
  }

  @Override
  public void fetch(Descriptor blob, BlobSink sink) {
    byte[] chunk = new byte[64 * 1024];
    try (FileSet.Content content = files.open(path(blob)).orElseThrow(() -> missing(blob))) {
      long left = content.size();
      while (left > 0 && !sink.isCancelled()) {
        int n = content.fd().read(chunk, 0, (int) Math.min(chunk.length, left));
        if (n < 0) {
          return;
        }
        sink.write(chunk, 0, n);
        left -= n;
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.UNAVAILABLE, "image " + name + " cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public int parallel() {
    return 1;
  }

  @Override
  public void close() {
    files.close();
  }
}
