package dev.casemate.image;

import static dev.casemate.image.LocalImageTest.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.archive.RootedExtractor;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Descriptor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that are small to fetch and large to unpack. */
final class ImageBoundsTest {
  @TempDir Path temp;

  private void refused(String image, Kind kind, String... words) {
    String root = temp + "/store";
    failure(
        () ->
            new ImageStore(root, RegistryOptions.defaults(), Map.of())
                .resolve(image, PullPolicy.MISSING, PullProgress.NONE),
        kind,
        words);
    assertThat(Fs.list(root + "/temp")).isEmpty();
    assertThat(Fs.list(root + "/erofs")).isEmpty();
  }

  /** 64 MiB of zeros a member, 64 KiB stored. */
  private static byte[] zeros(int members) throws IOException {
    byte[] member = TestImage.gzip(new byte[64 << 20]);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < members; i++) {
      out.write(member);
    }
    return out.toByteArray();
  }

  @Test
  void stopsDecompressingBehindTheArchivesEnd() throws IOException {
    byte[] tar = TestImage.tar("f x");
    ByteArrayOutputStream layer = new ByteArrayOutputStream();
    layer.write(TestImage.gzip(tar));
    layer.write(zeros(1000));
    new TestImage(temp + "/layout").layer(TestImage.GZIP, layer.toByteArray(), tar).tag("v1");
    refused(
        "oci:" + temp + "/layout", Kind.RESOURCE_EXHAUSTED, "is refused", "decompresses to more");
  }

  @Test
  void acceptsPaddingBehindTheArchivesEnd() {
    byte[] tar = TestImage.tar("f x");
    new TestImage(temp + "/layout").layer(Arrays.copyOf(tar, tar.length + (4 << 20))).tag("v1");
    Image image =
        new ImageStore(temp + "/store", RegistryOptions.defaults(), Map.of())
            .resolve("oci:" + temp + "/layout", PullPolicy.MISSING, PullProgress.NONE);
    assertThat(image.erofs()).isPresent();
  }

  @Test
  void boundsDecompressionByWhatIsStored() {
    assertThat(BoundedStream.limit(0, Long.MAX_VALUE)).isEqualTo(1L << 30);
    assertThat(BoundedStream.limit(1000, Long.MAX_VALUE)).isEqualTo((1L << 30) + 1_100_000);
    assertThat(BoundedStream.limit(1L << 62, 5L << 30)).isEqualTo(5L << 30);
  }

  @Test
  void boundsAWholeArchive() throws IOException {
    Fs.makeDirectory(temp + "/store", 0700);
    Fs.makeDirectory(temp + "/store/temp", 0700);
    FileContent.write(temp + "/bomb.tar.gz", zeros(1), 0600);
    failure(
        () -> ArchiveFiles.open(temp + "/bomb.tar.gz", temp + "/store", 1 << 20),
        Kind.RESOURCE_EXHAUSTED,
        "is refused",
        "more than 1048576 bytes");
    assertThat(Fs.list(temp + "/store/temp")).isEmpty();
  }

  @Test
  void refusesAPathTooLongForTheStore() {
    String parent = ("d".repeat(250) + "/").repeat(16);
    String path = parent + "f".repeat(4090 - parent.length());
    new TestImage(temp + "/layout").layer(TestImage.tar("f " + path)).tag("v1");
    refused(
        "oci:" + temp + "/layout",
        Kind.INVALID_ARGUMENT,
        "layer 1 of 1",
        "is refused",
        "entry \"d");
  }

  @Test
  void boundsTheMemoryForNamesByWhatIsStored() {
    String digest = Digests.of(new byte[0]);
    assertThat(Unpacker.namesLimit(List.of(Descriptor.of(TestImage.GZIP, digest, 1000))))
        .isEqualTo((16L << 20) + 16_000);
    assertThat(Unpacker.namesLimit(List.of(Descriptor.of(TestImage.GZIP, digest, 1L << 62))))
        .isEqualTo(RootedExtractor.Options.MAX_RETAINED_BYTES);
  }
}
