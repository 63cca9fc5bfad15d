package dev.casemate.oci;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;

/** One image: its config and its layers, lowest first (image-spec, manifest.md). */
public record ImageManifest(Descriptor config, List<Descriptor> layers) {
  public static final String OCI = "application/vnd.oci.image.manifest.v1+json";
  public static final String DOCKER = "application/vnd.docker.distribution.manifest.v2+json";
  private static final int MAX_LAYERS = 1024;

  public static ImageManifest parse(Json.Obj json) {
    Descriptor config =
        Descriptor.parse(
            json.object("config")
                .orElseThrow(
                    () ->
                        CasemateException.of(
                            CasemateException.Kind.CORRUPT,
                            "image manifest has no config; it is not an image")));
    List<Descriptor> layers = new ArrayList<>();
    for (Json.Obj layer : json.objects("layers")) {
      layers.add(Descriptor.parse(layer));
    }
    if (layers.size() > MAX_LAYERS) {
      throw CasemateException.of(
          CasemateException.Kind.CORRUPT,
          "image manifest lists " + layers.size() + " layers, expected at most " + MAX_LAYERS);
    }
    return new ImageManifest(config, layers);
  }

  /** The JSON form. */
  public Json.Obj json() {
    List<Json.Obj> list = new ArrayList<>();
    for (Descriptor layer : layers) {
      list.add(layer.json());
    }
    return new Json.Obj()
        .put("schemaVersion", 2)
        .put("mediaType", OCI)
        .put("config", config.json())
        .putObjects("layers", list);
  }
}
