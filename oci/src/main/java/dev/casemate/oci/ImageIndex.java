package dev.casemate.oci;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A list of manifests, one a platform or a tag (image-spec, image-index.md). */
public record ImageIndex(List<Descriptor> manifests) {
  public static final String OCI = "application/vnd.oci.image.index.v1+json";
  public static final String DOCKER = "application/vnd.docker.distribution.manifest.list.v2+json";

  /** The annotation of what belongs to another manifest of the index: attestations. */
  private static final String ATTACHED = "vnd.docker.reference.type";

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
   * The manifest for a platform: one without a variant first, then the lowest variant; then one of
   * an older mode of the machine ({@code linux/386} on amd64); then the first that does not say
   * what it is for, whose config will tell. Attestations are no images.
   *
   * @throws CasemateException NOT_FOUND, with a list of the available platforms
   */
  public Descriptor select(Platform wanted, String image) {
    Optional<Descriptor> best = Optional.empty();
    Optional<Descriptor> unsaid = Optional.empty();
    List<String> there = new ArrayList<>();
    for (Descriptor manifest : manifests) {
      if (manifest.annotations().containsKey(ATTACHED)) {
        continue;
      }
      Platform platform = manifest.platform().orElse(Platform.UNSAID);
      if (platform.isUnsaid()) {
        unsaid = unsaid.or(() -> Optional.of(manifest));
        continue;
      }
      if (!platform.os().equals("unknown") && !there.contains(platform.text())) {
        there.add(platform.text());
      }
      if (platform.runsOn(wanted)
          && (best.isEmpty()
              || platform.isBetterThan(best.get().platform().orElseThrow(), wanted))) {
        best = Optional.of(manifest);
      }
    }
    Optional<Descriptor> chosen = best.isPresent() ? best : unsaid;
    return chosen.orElseThrow(
        () ->
            CasemateException.of(
                CasemateException.Kind.NOT_FOUND,
                "image "
                    + image
                    + " is not available for "
                    + wanted.text()
                    + "; it exists for "
                    + (there.isEmpty() ? "no platform at all" : String.join(", ", there))
                    + "; choose another image"));
  }
}
