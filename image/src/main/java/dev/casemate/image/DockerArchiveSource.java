package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.ImageManifest;
import dev.casemate.oci.ImageReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * An image in an archive of {@code docker save}. It has no manifest of the registry's kind: one is
 * made, the same for the same archive.
 */
final class DockerArchiveSource implements ImageSource {
  private final String name;
  private final String reference;
  private final FileSet files;
  private final BlobStore blobs;

  DockerArchiveSource(String name, String reference, FileSet files, BlobStore blobs) {
    this.name = name;
    this.reference = reference;
    this.files = files;
    this.blobs = blobs;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Document top() {
    Json.Obj image = select();
    byte[] config = read(image.string("Config"));
    Descriptor configBlob = Descriptor.of(ImageConfig.OCI, Digests.of(config), config.length);
    blobs.put(config, configBlob.digest());
    List<Descriptor> layers = new ArrayList<>();
    List<String> names = image.strings("Layers");
    if (names.size() > Preparation.MAX_LAYERS) {
      throw StoreErrors.corrupt(
          "image "
              + name
              + " has "
              + names.size()
              + " layers, expected at most "
              + Preparation.MAX_LAYERS);
    }
    for (String layer : names) {
      try (FileSet.Content content = files.open(layer).orElseThrow(() -> missing(layer))) {
        // The media type only says that it is a layer; compression shows in the first bytes.
        layers.add(blobs.ingest(content.stream(), "application/vnd.oci.image.layer.v1.tar"));
      }
    }
    byte[] manifest =
        new ImageManifest(configBlob, layers).json().text().getBytes(StandardCharsets.UTF_8);
    return new Document(ImageManifest.OCI, Digests.of(manifest), manifest);
  }

  private CasemateException missing(String file) {
    return CasemateException.of(
        Kind.NOT_FOUND,
        "image " + name + " is missing file \"" + file + "\"; save the image again");
  }

  private byte[] read(String file) {
    return files.read(file).orElseThrow(() -> missing(file));
  }

  private Json.Obj select() {
    byte[] text =
        files
            .read("manifest.json")
            .orElseThrow(
                () ->
                    CasemateException.of(
                        Kind.NOT_FOUND,
                        "image "
                            + name
                            + " has no manifest.json; expected an archive of \"docker save\""));
    Json parsed = Json.parse(new String(text, StandardCharsets.UTF_8));
    if (!(parsed instanceof Json.Arr array)) {
      throw StoreErrors.corrupt("manifest.json of image " + name + " is not a list of images");
    }
    List<String> tags = new ArrayList<>();
    List<Json.Obj> images = new Json.Obj().put("images", array).objects("images");
    for (Json.Obj image : images) {
      List<String> here = image.strings("RepoTags");
      tags.addAll(here);
      for (String tag : here) {
        if (!reference.isEmpty() && full(tag).equals(full(reference))) {
          return image;
        }
      }
    }
    if (reference.isEmpty() && images.size() == 1) {
      return images.getFirst();
    }
    throw CasemateException.of(
        Kind.NOT_FOUND,
        "image "
            + name
            + (reference.isEmpty()
                ? " contains several images"
                : " does not contain \"" + reference + "\"")
            + "; it contains "
            + (tags.isEmpty() ? images.size() + " without a name" : String.join(", ", tags))
            + "; append one to the path, separated by \":\"");
  }

  private static String full(String reference) {
    return ImageReference.parse(reference).text();
  }

  @Override
  public Document document(Descriptor descriptor) {
    throw new IllegalStateException("a Docker archive has no index");
  }

  @Override
  public void fetch(Descriptor blob, BlobSink sink) {
    // All blobs were stored while the manifest was made; this one was removed since.
    throw CasemateException.of(
        Kind.UNAVAILABLE,
        "blob " + blob.digest() + " of image " + name + " has disappeared; try again");
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
