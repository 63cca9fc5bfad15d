package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.archive.RootedExtractor;
import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarWriter;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.oci.Descriptor;
import dev.casemate.testsupport.Shell;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that are small to fetch and large to unpack. */
@Tag("root")
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

  /** 60,000 names of 3.8 kB, 230 MB of characters, in a layer of some MB. */
  private static byte[] longNames() throws IOException {
    String parent = ("d".repeat(250) + "/").repeat(15) + "f".repeat(40);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out, 64 * 1024)) {
      TarWriter tar = new TarWriter(gzip);
      for (int i = 0; i < 60_000; i++) {
        tar.put(TarEntry.file(parent + (10_000_000 + i), 0644, 0));
      }
      tar.finish();
    }
    return out.toByteArray();
  }

  @Test
  void unpacksManyLongNamesInLittleMemory() throws Exception {
    byte[] layer = longNames();
    assertThat(layer.length).isLessThan(16 << 20);
    // The wrong digest, found at the layer's end, saves making the root file system.
    new TestImage(temp + "/layout").layer(TestImage.GZIP, layer, new byte[0]).tag("v1");
    Process process = StoreProcess.start(temp + "/store", "oci:" + temp + "/layout", "64m");
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isEqualTo(1);
    assertThat(output).contains("layer 1 of 1").contains("diff_id").doesNotContain("OutOfMemory");
    assertThat(Fs.list(temp + "/store/temp")).isEmpty();
  }

  @Test
  void leavesNothingOfAnImageThatIsDeeperThanFilesMayBeOpen() throws Exception {
    // The second goes down from where the first ends, by a link.
    String half = "d/".repeat(600);
    new TestImage(temp + "/layout").layer(TestImage.tar("f " + half.repeat(2) + "f")).tag("v1");
    new TestImage(temp + "/links")
        .layer(TestImage.tar("f " + half + "f", "s link " + half, "f link/" + half + "f"))
        .tag("v1");
    for (String layout : new String[] {"/layout", "/links"}) {
      String store = temp + "/store" + layout;
      Process process = StoreProcess.startWithFiles(store, "oci:" + temp + layout, 256);
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).isEqualTo(1);
      assertThat(output).contains("is refused", "directories deep");
      assertThat(Fs.list(store + "/temp")).isEmpty();
    }
  }

  @Test
  void readsAnyNumberOfEmptyMembersAndFrames() throws IOException {
    byte[] tar = TestImage.tar("f x");
    FileContent.write(temp + "/tar", tar, 0600);
    Shell.run("cd " + temp + " && zstd -q tar && : > none && zstd -q none");
    byte[][] emptyAndFull = {
      TestImage.gzip(new byte[0]), TestImage.gzip(tar), read("none.zst"), read("tar.zst")
    };
    for (int kind = 0; kind < 4; kind += 2) {
      ByteArrayOutputStream layer = new ByteArrayOutputStream();
      for (int i = 0; i < 200_000; i++) {
        layer.write(emptyAndFull[kind]);
      }
      layer.write(emptyAndFull[kind + 1]);
      String layout = temp + "/layout" + kind;
      new TestImage(layout).layer(TestImage.GZIP, layer.toByteArray(), tar).tag("v1");
      Image image =
          new ImageStore(temp + "/store" + kind, RegistryOptions.defaults(), Map.of())
              .resolve("oci:" + layout, PullPolicy.MISSING, PullProgress.NONE);
      assertThat(image.erofs()).isPresent();
    }
  }

  private byte[] read(String file) {
    return FileContent.readBytes(temp + "/" + file, 1 << 20);
  }

  @Test
  void countsThePathsOfImagesInBytes() {
    // The longest path that fits, of characters of three bytes; one byte more is refused.
    int top = (temp + "/store/temp/" + "0".repeat(64) + ".erofs/root/").length();
    String parent = ("d".repeat(250) + "/").repeat(14);
    int left = 4095 - top - parent.length();
    String fits = parent + "e".repeat(left - 241) + "/" + "€".repeat(80);
    String longer = parent + "e".repeat(left - 240) + "/" + "€".repeat(80);
    new TestImage(temp + "/layout").layer(TestImage.tar("f " + longer)).tag("v1");
    refused(
        "oci:" + temp + "/layout", Kind.INVALID_ARGUMENT, "is refused", "has a path of more than");
    new TestImage(temp + "/fits").layer(TestImage.tar("f " + fits)).tag("v1");
    Image image =
        new ImageStore(temp + "/store", RegistryOptions.defaults(), Map.of())
            .resolve("oci:" + temp + "/fits", PullPolicy.MISSING, PullProgress.NONE);
    assertThat(image.erofs()).isPresent();
  }

  @Test
  void keepsArchivesOfAnyNameInTheFileSystemsLimit() {
    FileContent.write(temp + "/archive", new byte[0], 0600);
    for (int length = 1; length < 400; length++) {
      String path =
          new Refs("/r")
              .archivePath(
                  new ImageArgument.Archive(true, temp + "/archive", "t".repeat(length)),
                  Fs.stat(temp + "/archive"));
      // The name while it is written, with the longest process id of Linux.
      String name = path.substring(path.lastIndexOf('/') + 1) + ".new.4194304.1000";
      assertThat(name.length()).isLessThanOrEqualTo(255);
    }
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
  void countsNotWhatSomebodyElseBounds() throws IOException {
    long[] elsewhere = {0};
    BoundedStream stream =
        new BoundedStream(new ByteArrayInputStream(new byte[1000]), 10, () -> elsewhere[0]);
    assertThat(stream.readNBytes(10)).hasSize(10);
    elsewhere[0] = 20;
    assertThat(stream.readNBytes(20)).hasSize(20);
    assertThatThrownBy(stream::read).hasMessageContaining("more than 30 bytes");
    BoundedStream end =
        new BoundedStream(new ByteArrayInputStream(new byte[1000]), 500, () -> elsewhere[0]);
    assertThat(end.readNBytes(100)).hasSize(100);
    end.allow(5);
    assertThat(end.readNBytes(5)).hasSize(5);
    assertThatThrownBy(end::read).hasMessageContaining("more than 105 bytes");
  }

  private static final long ZEROS = 1200L << 20;

  /** A layer of zstd whose one file has 1200 MiB of zeros, in some ten kilobytes. */
  private String layoutOfZeros() throws IOException {
    Shell.run(
        "cd "
            + temp
            + " && truncate -s "
            + ZEROS
            + " zeros && tar --format=ustar -cf - zeros | zstd -q -o zeros.tar.zst");
    byte[] layer = read("zeros.tar.zst");
    assertThat(layer.length * 1100L + (1L << 30)).isLessThan(ZEROS);
    // The wrong digest, found at the layer's end, saves making the root file system.
    new TestImage(temp + "/layout").layer(TestImage.GZIP, layer, new byte[0]).tag("v1");
    return "oci:" + temp + "/layout";
  }

  @Test
  void readsGigabytesOfZerosAndTellsHowFarItIs() throws IOException {
    String image = layoutOfZeros();
    List<Long> told = new ArrayList<>();
    PullProgress progress =
        new PullProgress() {
          @Override
          public void unpacked(int layer, int layers, long bytes) {
            assertThat(layer).isEqualTo(1);
            assertThat(layers).isEqualTo(1);
            told.add(bytes);
          }
        };
    failure(
        () ->
            new ImageStore(temp + "/store", RegistryOptions.defaults(), Map.of())
                .resolve(image, PullPolicy.MISSING, progress),
        Kind.CORRUPT,
        "layer 1 of 1",
        "diff_id");
    assertThat(told).isSorted().hasSizeBetween(250, 310);
    assertThat(told.getLast()).isGreaterThan(ZEROS - (8 << 20));
  }

  @Test
  void refusesZerosBeyondTheImagesLimitBeforeTheyAreRead() throws IOException {
    String image = layoutOfZeros();
    List<Long> told = new ArrayList<>();
    PullProgress progress =
        new PullProgress() {
          @Override
          public void unpacked(int layer, int layers, long bytes) {
            told.add(bytes);
          }
        };
    RegistryOptions little = RegistryOptions.defaults().withMaxBytes(256 << 20);
    failure(
        () ->
            new ImageStore(temp + "/store", little, Map.of())
                .resolve(image, PullPolicy.MISSING, progress),
        Kind.RESOURCE_EXHAUSTED,
        "is too large when unpacked",
        "256 MiB");
    assertThat(told).isEmpty();
  }

  private static byte[] header(String name, char type, long size) {
    byte[] header = new byte[512];
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, header, 0, text.length);
    byte[] octal = Long.toOctalString((1L << 33) + size).getBytes(StandardCharsets.US_ASCII);
    // Eleven digits behind the leading one.
    System.arraycopy(octal, 1, header, 124, 11);
    header[156] = (byte) type;
    Arrays.fill(header, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    octal = Integer.toOctalString((1 << 18) + sum).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(octal, 1, header, 148, 6);
    header[154] = 0;
    return header;
  }

  @Test
  void headersBeyondTheStoredSizeAreRefusedBesideAnyFile() throws IOException {
    // A gigabyte and more of extended headers without a file.
    int size = 1_048_064 - 512;
    String comment = size + " comment=";
    ByteArrayOutputStream piece = new ByteArrayOutputStream();
    piece.write(header("g", 'g', size));
    piece.write(
        (comment + "x".repeat(size - comment.length() - 1) + "\n")
            .getBytes(StandardCharsets.US_ASCII));
    piece.write(header("d/", '5', 0));
    FileContent.write(temp + "/piece", piece.toByteArray(), 0600);
    Shell.run(
        "cd " + temp + " && for i in $(seq 1200); do cat piece; done | zstd -q -o headers.zst");
    byte[] layer = read("headers.zst");
    new TestImage(temp + "/layout").layer(TestImage.GZIP, layer, new byte[0]).tag("v1");
    refused("oci:" + temp + "/layout", Kind.RESOURCE_EXHAUSTED, "decompresses to more than");
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
