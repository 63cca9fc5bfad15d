package dev.casemate.oci;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;

/** Names of images: of the user, of containerd, of an archive's own list. */
@Fuzzes(ImageReference.class)
public final class ImageReferenceFuzz {
  private ImageReferenceFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> ImageReference.parse(Input.text(data)))
        .ifPresent(
            name -> {
              Expect.same(name, ImageReference.parse(name.text()));
              for (int i = 0; i < name.text().length(); i++) {
                char c = name.text().charAt(i);
                Expect.that(c > ' ' && c < 0x7f, "a character that no name has: ", (int) c);
              }
              Expect.that(!name.repository().contains(".."), "dots in ", name.repository());
            });
  }
}
