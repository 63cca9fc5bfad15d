package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageManifest;
import dev.casemate.oci.Platform;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
final class LocalImageTest {
  @TempDir Path temp;
  private String root = "";
  private String dir = "";

  @BeforeEach
  void names() {
    root = temp + "/store";
    dir = temp + "/layout";
  }

  private ImageStore store() {
    return store(root);
  }

  private static ImageStore store(String root) {
    return new ImageStore(root, RegistryOptions.defaults(), Map.of());
  }

  private Image resolve(String image) {
    return store().resolve(image, PullPolicy.MISSING, PullProgress.NONE);
  }

  static CasemateException failure(ThrowingCallable call, Kind kind, String... words) {
    List<CasemateException> caught = new ArrayList<>();
    assertThatThrownBy(call)
        .isInstanceOf(CasemateException.class)
        .hasMessageContainingAll(words)
        .satisfies(e -> caught.add((CasemateException) e));
    assertThat(caught.getFirst().getMessage()).doesNotContain("\n");
    assertThat(caught.getFirst().kind()).isEqualTo(kind);
    return caught.getFirst();
  }

  /** Nothing in the making is left, and no image either. */
  private void assertNothingLeft(String at) {
    assertThat(Fs.list(at + "/temp")).isEmpty();
    assertThat(Fs.list(at + "/erofs")).isEmpty();
    assertThat(Fs.list(at + "/rootfs")).isEmpty();
    assertThat(store(at).list()).isEmpty();
  }

  private String mounted(String erofs) {
    Shell.run("mkdir -p " + temp + "/mnt && mount -t erofs -o ro " + erofs + " " + temp + "/mnt");
    try {
      return Shell.describe(temp + "/mnt");
    } finally {
      Shell.run("umount " + temp + "/mnt");
    }
  }

  @Test
  void makesTheDirectoryThatTheLayersSay() {
    Shell.run(
        "mkdir -p "
            + temp
            + "/t/bin "
            + temp
            + "/t/etc && cd "
            + temp
            + "/t && echo suid > bin/su && chmod 4711 bin/su && ln bin/su bin/hard && ln -s /bin/su"
            + " etc/l && mknod null c 1 3 && mkfifo fifo && echo cap > ping && setcap cap_net_raw+ep"
            + " ping && setfattr -n user.u -v w ping && chown 7:8 etc && head -c 100000 /dev/zero >"
            + " zero && touch -h -d 2011-01-02 bin/* bin etc/* etc zero . ping null && tar"
            + " --format=pax --xattrs --xattrs-include='*' -cf ../l1.tar . && rm -rf ../t");
    byte[] first = read("l1.tar");
    new TestImage(dir)
        .layer(first)
        .layer(TestImage.tar("f etc/new hello", "f .wh.zero", "d opt", "f opt/x"))
        .layer(TestImage.tar("d opt", "f opt/.wh..wh..opq", "f opt/y"))
        .tag("v1");
    Image image = resolve("oci:" + dir + ":v1");
    assertThat(image.config().entrypoint()).containsExactly("/entry");
    assertThat(image.config().stopSignal()).isEqualTo("SIGUSR1");
    assertThat(image.config().exposedPorts()).containsExactly("80/tcp");
    assertThat(image.config().volumes()).containsExactly("/data");
    String tree = Shell.describe(image.directory(PullProgress.NONE));
    assertThat(tree)
        .contains("./bin/su -rws--x--x 0:0 5 1293926400.0000000000  2")
        .contains("./etc drwxr-xr-x 7:8")
        .contains("./etc/new -rw-r--r--")
        .contains("./opt/y")
        .contains("./null 1:3")
        .contains("./fifo prw-r--r--")
        .contains("security.capability")
        .contains("user.u=\"w\"")
        .doesNotContain("opt/x")
        .doesNotContain("zero")
        .doesNotContain(".wh.");
    Image.Erofs erofs = image.erofs().orElseThrow();
    assertThat(erofs.bytes()).isEqualTo(Fs.stat(erofs.path()).size());
    assertThat(mounted(erofs.path())).isEqualTo(tree);
    // The same layers give the same bytes.
    Image again =
        store(temp + "/store2").resolve("oci:" + dir, PullPolicy.NEVER, PullProgress.NONE);
    assertThat(Shell.run("cmp " + erofs.path() + " " + again.erofs().orElseThrow().path()))
        .isEmpty();
  }

  private byte[] read(String name) {
    try {
      return Files.readAllBytes(temp.resolve(name));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void readsAllCompressions() {
    byte[] a = TestImage.tar("f a 1");
    byte[] b = TestImage.tarOf("b", TestImage.random(1, 300_000));
    byte[] c = TestImage.tarOf("c", new byte[5_000_000]);
    byte[] d = TestImage.tar("f d 4");
    FileTree.makeDirectories(temp.toString(), 0755);
    FileContent.write(temp + "/b", b, 0644);
    FileContent.write(temp + "/c", c, 0644);
    // Two frames and a skippable one, as zstd:chunked has them.
    Shell.run(
        "cd "
            + temp
            + " && head -c 200000 b | zstd -q > b.zst && tail -c +200001 b | zstd -q --no-check -19 >>"
            + " b.zst && printf 'P*M\\030\\004\\000\\000\\000skip' >> b.zst && zstd -q -1 c && head -c 1000"
            + " c | gzip > c.gz && tail -c +1001 c | gzip >> c.gz");
    new TestImage(dir)
        .layer("application/vnd.oci.image.layer.v1.tar", a, a)
        .layer("application/vnd.oci.image.layer.v1.tar+zstd", read("b.zst"), b)
        .layer("application/vnd.docker.image.rootfs.diff.tar.gzip", read("c.gz"), c)
        .layer("application/vnd.oci.image.layer.v1.tar+zstd", read("c.zst"), c)
        .layer(d)
        .tag("latest");
    String tree = resolve("oci:" + dir).directory(PullProgress.NONE);
    assertThat(Fs.list(tree)).containsExactlyInAnyOrder("a", "b", "c", "d");
    assertThat(FileContent.readBytes(tree + "/b", 1 << 20)).isEqualTo(TestImage.random(1, 300_000));
  }

  @Test
  void readsArchivesOfOtherTools() {
    BusyboxImage.write(dir);
    Shell.run(
        "cd "
            + temp
            + " && skopeo copy -q oci:layout oci-archive:o.tar:one && skopeo copy -q oci:layout"
            + " docker-archive:d.tar:example.org/bb:v1 && skopeo copy -q oci:layout"
            + " docker-archive:e.tar && gzip -k d.tar");
    Image plain = resolve("oci:" + dir);
    Image oci = resolve("oci-archive:" + temp + "/o.tar:one");
    Image docker = resolve("docker-archive:" + temp + "/d.tar:example.org/bb:v1");
    Image zipped = resolve("docker-archive:" + temp + "/d.tar.gz");
    Image unnamed = resolve("docker-archive:" + temp + "/e.tar");
    for (Image image : List.of(oci, docker, zipped, unnamed)) {
      assertThat(image.erofs()).isEqualTo(plain.erofs());
      assertThat(image.config().cmd()).containsExactly("sh");
    }
    assertThat(Fs.list(root + "/temp")).isEmpty();
    // The file itself is the key: a changed one is read again.
    Shell.run("cd " + temp + " && mv e.tar d.tar && touch -d 2020-01-01 d.tar");
    failure(
        () -> resolve("docker-archive:" + temp + "/d.tar:example.org/bb:v1"),
        Kind.NOT_FOUND,
        "holds no \"example.org/bb:v1\"");
    failure(() -> resolve("oci-archive:" + temp + "/o.tar:two"), Kind.NOT_FOUND, "no tag \"two\"");
    failure(() -> resolve("oci-archive:" + temp + "/none"), Kind.NOT_FOUND, "there is no file");
    Shell.run("head -c 500000 " + temp + "/o.tar > " + temp + "/cut.tar");
    failure(() -> resolve("oci-archive:" + temp + "/cut.tar"), Kind.CORRUPT, "cut off");
    Shell.run("echo no tar > " + temp + "/text");
    failure(() -> resolve("oci-archive:" + temp + "/text"), Kind.CORRUPT, "cannot be read");
    assertThat(Fs.list(root + "/temp")).isEmpty();
  }

  @Test
  void runsOnPlainDirectories() {
    Image image = resolve("rootfs:" + temp);
    assertThat(image.directory(PullProgress.NONE)).isEqualTo(temp.toString());
    assertThat(image.erofs()).isEmpty();
    assertThat(image.config().cmd()).isEmpty();
    failure(() -> resolve("rootfs:" + temp + "/none"), Kind.NOT_FOUND, "no directory");
    assertThat(Fs.exists(root)).isFalse();
  }

  @Test
  void choosesThePlatform() {
    TestImage other = new TestImage(dir).layer(TestImage.tar("f arm"));
    Descriptor arm = other.manifest(new Platform("linux", "arm64", "v8"));
    TestImage images = new TestImage(dir).layer(TestImage.tar("f amd"));
    Descriptor amd = images.manifest(Platform.LINUX_AMD64);
    Map<Platform, Descriptor> both = new LinkedHashMap<>();
    both.put(new Platform("linux", "arm64", "v8"), arm);
    both.put(new Platform("unknown", "unknown", ""), arm);
    both.put(Platform.LINUX_AMD64, amd);
    Map<Platform, Descriptor> one = new LinkedHashMap<>(both);
    one.remove(Platform.LINUX_AMD64);
    images.tag("both", images.index(both)).tag("one", images.index(one)).tag("arm", arm);
    Image image = resolve("oci:" + dir + ":both");
    assertThat(Fs.list(image.directory(PullProgress.NONE))).containsExactly("amd");
    assertThat(image.digest()).contains(amd.digest());
    assertThat(resolve("oci:" + dir + ":both").digest()).contains(amd.digest());
    failure(
        () -> resolve("oci:" + dir + ":one"),
        Kind.NOT_FOUND,
        "not available for linux/amd64",
        "linux/arm64/v8");
    failure(() -> resolve("oci:" + dir + ":arm"), Kind.NOT_FOUND, "is for linux/arm64/v8");
    failure(() -> resolve("oci:" + dir), Kind.NOT_FOUND, "several tags", "both, one, arm");
  }

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
    failure(() -> resolve("oci:" + dir + "2"), Kind.CORRUPT, "layer 1 of 1", "cut off");
    failure(() -> resolve("oci:" + dir + "3"), Kind.CORRUPT, "layer 1 of 1", "is corrupt");
    failure(() -> resolve("oci:" + dir + "4"), Kind.CORRUPT, "diff_id");
    failure(() -> resolve("oci:" + dir + "5"), Kind.CORRUPT, "has digest", "expected sha256:");
    failure(() -> resolve("oci:" + dir + "6"), Kind.CORRUPT, "ends after 1000 of");
    failure(() -> resolve("oci:" + dir + "7"), Kind.CORRUPT, "is longer than");
    failure(() -> resolve("oci:" + dir + "8"), Kind.NOT_FOUND, "lacks its blob");
    assertNothingLeft(root);
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
      {"f ../../evil x"},
      {"f /evil x"},
      {"s up ../../..", "f up/evil x"},
      {"f plain x", "f plain/evil x"},
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
    failure(() -> resolve("oci:" + dir + "2"), Kind.INVALID_ARGUMENT, "no container image", "helm");
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

  @Test
  void removesWhatNobodyNeeds() {
    byte[] shared = TestImage.tar("f shared");
    new TestImage(dir).layer(shared).layer(TestImage.tar("f one")).tag("x");
    new TestImage(dir + "2").layer(shared).layer(TestImage.tar("f two")).tag("x");
    Image one = resolve("oci:" + dir);
    Image two = resolve("oci:" + dir + "2");
    one.directory(PullProgress.NONE);
    assertThat(store().list()).hasSize(2);
    assertThat(Fs.list(root + "/blobs/sha256")).hasSize(7);
    assertThat(store().inspect("oci:" + dir).text()).contains("Entrypoint");
    try (Fd held = one.hold(one.erofs().orElseThrow().path())) {
      assertThat(held.isOpen()).isTrue();
      assertThat(store().remove("oci:" + dir)).containsExactly("oci:" + dir);
      assertThat(Fs.exists(one.erofs().orElseThrow().path())).isTrue();
    }
    assertThat(Fs.list(root + "/blobs/sha256")).hasSize(4);
    assertThat(Fs.list(root + "/rootfs")).isEmpty();
    store().sweep();
    assertThat(Fs.exists(one.erofs().orElseThrow().path())).isFalse();
    assertThat(Fs.exists(two.erofs().orElseThrow().path())).isTrue();
    failure(() -> store().remove("oci:" + dir), Kind.NOT_FOUND, "is not in store");
    store().remove(two.digest().orElseThrow().substring(7, 19));
    for (String folder : List.of("blobs/sha256", "erofs", "rootfs", "images", "temp")) {
      assertThat(Fs.list(root + "/" + folder)).isEmpty();
    }
  }

  @Test
  void sharesTheWorkBetweenThreadsAndProcesses() throws Exception {
    BusyboxImage.write(dir);
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      processes.add(StoreProcess.start(root, "oci:" + dir));
    }
    List<Optional<Image.Erofs>> results = new CopyOnWriteArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      threads.add(Thread.ofPlatform().start(() -> results.add(resolve("oci:" + dir).erofs())));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    for (Process process : processes) {
      assertThat(StoreProcess.output(process)).contains(".erofs");
    }
    assertThat(results).hasSize(4);
    assertThat(Fs.list(root + "/temp")).isEmpty();
    assertThat(Fs.list(root + "/erofs")).hasSize(1);
    assertThat(store().list()).hasSize(1);
  }

  @Test
  void cleansUpAfterTheDead() {
    new TestImage(dir).layer(TestImage.tar("f x")).tag("x");
    resolve("oci:" + dir);
    Shell.run(
        "cd "
            + root
            + "/temp && mkdir -p dead.erofs/root/x && echo > dead.erofs/root/x/y && echo >"
            + " dead.blob");
    new TestImage(dir + "2").layer(TestImage.tar("f y")).tag("x");
    try (TempEntry busy = TempEntry.file(root + "/temp", "busy.blob")) {
      resolve("oci:" + dir + "2");
      assertThat(Fs.list(root + "/temp")).containsExactly("busy.blob");
      assertThat(busy.fd().isOpen()).isTrue();
    }
    assertThat(Fs.list(root + "/temp")).isEmpty();
  }

  @Test
  void makesTheSameBusyboxImageEachTime() {
    BusyboxImage.write(dir);
    BusyboxImage.write(dir + "2");
    Shell.run("diff -r " + dir + " " + dir + "2");
    assertThat(
            Shell.run(
                "chroot "
                    + resolve("oci:" + dir).directory(PullProgress.NONE)
                    + " sh -c 'id -u nobody'"))
        .isEqualTo("65534\n");
  }
}
