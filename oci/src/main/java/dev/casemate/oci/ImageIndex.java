package dev.casemate.oci;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;

/** A list of manifests, one a platform or a tag (image-spec, image-index.md). */
public record ImageIndex(List<Descriptor> manifests) {
  public static final String OCI = "application/vnd.oci.image.index.v1+json";
  public static final String DOCKER = "application/vnd.docker.distribution.manifest.list.v2+json";

  private static final int MAX_MANIFESTS = 4096;

  public static ImageIndex parse(Json.Obj json) {
    List<Descriptor> manifests = new ArrayList<>();
    for (Json.Obj manifest : json.objects("manifests")) {
      manifests.add(Descriptor.parse(manifest));
    }
    if (manifests.size() > MAX_MANIFESTS) {
      throw CasemateException.of(
          CasemateException.Kind.CORRUPT,
          "image index lists "
              + manifests.size()
              + " manifests, expected at most "
              + MAX_MANIFESTS);
    }
    return new ImageIndex(manifests);
  }

  /**
   * The manifest for a platform: one without a variant first, then the lowest variant.
   *
   * @throws CasemateException NOT_FOUND, with a list of the available platforms
   */
  public Descriptor select(Platform wanted, String image) {
    Descriptor best = null;
    List<String> there = new ArrayList<>();
    for (Descriptor manifest : manifests) {
      Platform platform = manifest.platform().orElse(null);
      if (platform == null) {
        continue;
      }
      if (!platform.os().equals("unknown") && !there.contains(platform.text())) {
        there.add(platform.text());
      }
      if (platform.isSameMachine(wanted)
          && (best == null
              || platform.variant().compareTo(best.platform().orElseThrow().variant()) < 0)) {
        best = manifest;
      }
    }
    if (best == null && there.isEmpty() && manifests.size() == 1) {
      // An index without platforms that leads to one image: its config will tell.
      return manifests.getFirst();
    }
    if (best == null) {
      throw CasemateException.of(
          CasemateException.Kind.NOT_FOUND,
          "image "
              + image
              + " is not available for "
              + wanted.text()
              + "; it exists for "
              + (there.isEmpty() ? "no platform at all" : String.join(", ", there))
              + "; choose another image");
    }
    return best;
  }
}
