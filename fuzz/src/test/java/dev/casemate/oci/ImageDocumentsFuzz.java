package dev.casemate.oci;

import dev.casemate.base.Json;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** Manifests, indexes and configs of an image (image-spec). */
@Fuzzes({
  ImageManifest.class,
  ImageIndex.class,
  ImageConfig.class,
  Descriptor.class,
  Platform.class
})
public final class ImageDocumentsFuzz {
  private ImageDocumentsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Json.parseObject(Input.text(data))).ifPresent(ImageDocumentsFuzz::read);
  }

  private static void read(Json.Obj json) {
    Expect.parsed(() -> ImageManifest.parse(json))
        .ifPresent(
            manifest -> {
              Expect.same(manifest, ImageManifest.parse(manifest.json()));
              // It becomes the name of a file.
              for (Descriptor layer : manifest.layers()) {
                Expect.that(layer.hex().length() == 64, "digest ", layer.digest());
                Expect.that(layer.hex().indexOf('/') < 0, "digest ", layer.digest());
                Expect.that(layer.size() >= 0, "size ", layer.size());
              }
            });
    Expect.parsed(() -> ImageIndex.parse(json))
        .ifPresent(index -> Expect.parsed(() -> index.select(Platform.LINUX_AMD64, "image")));
    Expect.parsed(() -> ImageConfig.parse(json))
        .ifPresent(config -> Expect.same(config, ImageConfig.parse(config.json())));
  }
}
