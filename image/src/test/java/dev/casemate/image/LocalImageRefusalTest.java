package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageManifest;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Images that are damaged, hostile, unknown or too big: each is refused and leaves nothing. */
final class LocalImageRefusalTest extends LocalImageCases {
  @Test
  void refusesDamagedLayers() throws IOException {
    byte[] tar = TestImage.tarOf("x", TestImage.random(3, 50_000));
    byte[] zip = TestImage.gzip(tar);
    byte[] cutZip = java.util.Arrays.copyOf(zip, zip.length / 2);
    byte[] cutTar = java.util.Arrays.copyOf(tar, 20_000);
    byte[] badZip = zip.clone();
    badZip[zip.length / 2] ^= 0x55;
    new TestImage(dir).layer(TestImage.GZIP, cutZip, tar).tag("cut-gzip");
    new TestImage(dir + "2").layer(cutTar).tag("x");
    new TestImage(dir + "3").layer(TestImage.GZIP, badZip, tar).tag("x");
    new TestImage(dir + "4").layer(TestImage.GZIP, zip, TestImage.tar("f other")).tag("x");
    // Not the blob that the store has by now.
    tar = TestImage.tarOf("x", TestImage.random(4, 50_000));
    TestImage changed = new TestImage(dir + "5").layer(tar).tag("x");
    try (RandomAccessFile file = new RandomAccessFile(changed.path(changed.layer(0)), "rw")) {
      file.seek(1000);
      file.write(1);
    }
    TestImage shorter = new TestImage(dir + "6").layer(tar).tag("x");
    Shell.run("truncate -s 1000 " + shorter.path(shorter.layer(0)));
    TestImage longer = new TestImage(dir + "7").layer(tar).tag("x");
    Shell.run("echo more >> " + longer.path(longer.layer(0)));
    TestImage missing = new TestImage(dir + "8").layer(tar).tag("x");
    Fs.unlink(missing.path(missing.layer(0)));
    failure(() -> resolve("oci:" + dir), Kind.CORRUPT, "layer 1 of 1", "is corrupt");
    failure(() -> resolve("oci:" + dir + "2"), Kind.CORRUPT, "layer 1 of 1", "truncated");
    failure(() -> resolve("oci:" + dir + "3"), Kind.CORRUPT, "layer 1 of 1", "is corrupt");
    failure(() -> resolve("oci:" + dir + "4"), Kind.CORRUPT, "diff_id");
    failure(() -> resolve("oci:" + dir + "5"), Kind.CORRUPT, "has digest", "expected sha256:");
    failure(() -> resolve("oci:" + dir + "6"), Kind.CORRUPT, "ends after 1000 of");
    failure(() -> resolve("oci:" + dir + "7"), Kind.CORRUPT, "is longer than");
    failure(() -> resolve("oci:" + dir + "8"), Kind.NOT_FOUND, "is missing blob");
    assertNothingLeft(root);
  }

  /** Opening a FIFO waits for a writer, and opening a watchdog (10:130) starts it. */
  @Test
  @Timeout(20)
  void opensNothingOfALayoutThatIsNoFile() {
    String layout = dir + "/index.json";
    Fs.makeDirectory(dir, 0755);
    Fs.makeFifo(layout, 0600);
    failure(() -> resolve("oci:" + dir), Kind.NOT_FOUND, "has no index.json");
    Fs.unlink(layout);
    Fs.makeNode(layout, Stat.CHARACTER | 0600, 10, 130);
    failure(() -> resolve("oci:" + dir), Kind.NOT_FOUND, "has no index.json");
  }

  @Test
  void findsDamageInTheStoreItself() {
    TestImage made = new TestImage(dir).layer(TestImage.tar("f x 1")).tag("x");
    Image image = resolve("oci:" + dir);
    String blob = root + "/blobs/sha256/" + made.layer(0).hex();
    Shell.run("printf X | dd of=" + blob + " conv=notrunc bs=1 seek=20 status=none");
    Fs.unlink(image.erofs().orElseThrow().path());
    failure(() -> resolve("oci:" + dir), Kind.CORRUPT, "has been removed; pull again");
    assertThat(resolve("oci:" + dir).erofs()).isEqualTo(image.erofs());
  }

  @Test
  void refusesAttacks() {
    String[][] attacks = {
      {"f ../../evil x"}, {"f a/../../evil x"}, {"f plain x", "f plain/evil x"},
    };
    for (int i = 0; i < attacks.length; i++) {
      String at = dir + i;
      new TestImage(at)
          .layer(TestImage.tar("f good"))
          .layer(TestImage.tar(attacks[i]))
          .tag("latest");
      failure(
          () -> resolve("oci:" + at),
          Kind.INVALID_ARGUMENT,
          "layer 2 of 2 (sha256:",
          "is refused: entry \"",
          "evil");
    }
    assertThat(Fs.list(root + "/temp")).isEmpty();
    assertThat(Fs.exists(temp + "/evil")).isFalse();
    assertNothingLeft(root);
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    byte[] tar = TestImage.tar("f x");
    new TestImage(dir)
        .layer("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", tar, tar)
        .tag("x");
    failure(
        () -> resolve("oci:" + dir), Kind.INVALID_ARGUMENT, "unsupported media type", "encrypted");
    TestImage chart = new TestImage(dir + "2");
    Descriptor config =
        chart.blob(
            "application/vnd.cncf.helm.config.v1+json", "{}".getBytes(StandardCharsets.UTF_8));
    chart.tag(
        "x",
        chart.blob(
            ImageManifest.OCI,
            new ImageManifest(config, List.of()).json().text().getBytes(StandardCharsets.UTF_8)));
    failure(
        () -> resolve("oci:" + dir + "2"), Kind.INVALID_ARGUMENT, "not a container image", "helm");
    TestImage old = new TestImage(dir + "3");
    old.tag(
        "x",
        old.blob(
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "{\"schemaVersion\":1}".getBytes(StandardCharsets.UTF_8)));
    failure(() -> resolve("oci:" + dir + "3"), Kind.INVALID_ARGUMENT, "manifest.v1+prettyjws");
    failure(() -> resolve("oci:" + temp), Kind.NOT_FOUND, "no index.json");
    failure(() -> resolve("Not/Valid"), Kind.INVALID_ARGUMENT, "not valid");
    failure(
        () -> store().resolve("busybox", PullPolicy.NEVER, PullProgress.NONE),
        Kind.NOT_FOUND,
        "docker.io/library/busybox:latest is not in store");
    assertNothingLeft(root);
  }

  @Test
  void leavesNothingWhenTheDiskIsFull() {
    String small = temp + "/small";
    Shell.run("mkdir " + small + " && mount -t tmpfs -o size=4m casemate-test " + small);
    try {
      new TestImage(dir).layer(TestImage.tarOf("x", TestImage.random(1, 5 << 20))).tag("x");
      failure(
          () -> store(small).resolve("oci:" + dir, PullPolicy.MISSING, PullProgress.NONE),
          Kind.RESOURCE_EXHAUSTED,
          "no space left",
          small);
      // 20 MiB of zeros in 20 KiB.
      new TestImage(dir + "2").layer(TestImage.tarOf("x", new byte[20 << 20])).tag("x");
      failure(
          () -> store(small).resolve("oci:" + dir + "2", PullPolicy.MISSING, PullProgress.NONE),
          Kind.RESOURCE_EXHAUSTED,
          "no space left",
          "layer 1 of 1");
      // Files of one byte take a block each: the limit does not see it, the disk does.
      String[] files = new String[2000];
      for (int i = 0; i < files.length; i++) {
        files[i] = "f f" + i + " x";
      }
      new TestImage(dir + "3").layer(TestImage.tar(files)).tag("x");
      failure(
          () -> store(small).resolve("oci:" + dir + "3", PullPolicy.MISSING, PullProgress.NONE),
          Kind.RESOURCE_EXHAUSTED,
          "no space left",
          "unpacking layer 1 of 1");
      assertNothingLeft(small);
    } finally {
      Shell.run("umount " + small);
    }
  }

  @Test
  void boundsWhatAnImageUnpacksTo() {
    new TestImage(dir).layer(TestImage.tarOf("x", new byte[3 << 20])).tag("x");
    ImageStore store =
        new ImageStore(root, RegistryOptions.defaults().withMaxBytes(1 << 20), Map.of());
    failure(
        () -> store.resolve("oci:" + dir, PullPolicy.MISSING, PullProgress.NONE),
        Kind.RESOURCE_EXHAUSTED,
        "at most 1 MiB");
    assertNothingLeft(root);
  }
}
