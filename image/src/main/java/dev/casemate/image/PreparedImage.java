package dev.casemate.image;

import dev.casemate.base.Json;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * What the store keeps beside a ready image, so that a start reads this one file and nothing else.
 *
 * @param manifest digest
 * @param configBlob the config as the image has it
 * @param chain hexadecimal digest of the layers' content in order (image-spec, config.md,
 *     "ChainID"), the name of the root file system
 */
record PreparedImage(
    String manifest,
    Descriptor configBlob,
    List<Descriptor> layers,
    String chain,
    long erofsBytes,
    ImageConfig config) {

  static PreparedImage parse(Json.Obj json) {
    List<Descriptor> layers = new ArrayList<>();
    for (Json.Obj layer : json.objects("layers")) {
      layers.add(Descriptor.parse(layer));
    }
    return new PreparedImage(
        json.string("manifest"),
        Descriptor.parse(json.object("configBlob").orElseGet(Json.Obj::new)),
        layers,
        json.string("chain"),
        json.integer("erofsBytes", -1),
        ImageConfig.parse(json.object("image").orElseGet(Json.Obj::new)));
  }

  Json.Obj json() {
    List<Json.Obj> list = new ArrayList<>();
    for (Descriptor layer : layers) {
      list.add(layer.json());
    }
    return new Json.Obj()
        .put("manifest", manifest)
        .put("configBlob", configBlob.json())
        .putObjects("layers", list)
        .put("chain", chain)
        .put("erofsBytes", erofsBytes)
        .put("image", config.json());
  }

  /** Bytes of the layers as they are stored and transferred. */
  long compressedBytes() {
    long sum = 0;
    for (Descriptor layer : layers) {
      sum += layer.size();
    }
    return sum;
  }

  static String chain(List<String> diffIds) {
    String chain = "";
    for (String diffId : diffIds) {
      chain = chain.isEmpty() ? diffId : Digests.of(chain + " " + diffId);
    }
    return (chain.isEmpty() ? Digests.of("") : chain).substring("sha256:".length());
  }
}
