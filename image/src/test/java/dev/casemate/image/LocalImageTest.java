package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.Platform;
import dev.casemate.testsupport.FileTrees;
import dev.casemate.testsupport.Shell;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What layouts, archives and directories become. */
final class LocalImageTest extends LocalImageCases {
  private String mounted(String erofs) {
    Shell.run("mkdir -p " + temp + "/mnt && mount -t erofs -o ro " + erofs + " " + temp + "/mnt");
    try {
      return FileTrees.describeWithRoot(temp + "/mnt");
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
            + " etc/l && mknod null c 1 3 && mkfifo fifo && echo cap > ping && setcap"
            + " cap_net_raw+ep ping && setfattr -n user.u -v w ping && chown 7:8 etc && head -c"
            + " 100000 /dev/zero > zero && touch -h -d 2011-01-02 bin/* bin etc/* etc zero . ping"
            + " null && tar --format=pax --xattrs --xattrs-include='*' -cf ../l1.tar . && rm -rf"
            + " ../t");
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
    String tree = FileTrees.describeWithRoot(image.directory(PullProgress.NONE));
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
    assertThat(Shell.run("cmp " + erofs.path() + " " + again.erofs().orElseThrow().path()).out())
        .isEmpty();
  }

  /** mkfs.erofs 1.5 cannot write such a name. */
  @Test
  void aNameOf255BytesMayBeInAnImage() {
    String name = "n".repeat(255);
    new TestImage(dir)
        .layer(TestImage.tar("d d", "f d/" + name + " long", "f short 1"))
        .tag("latest");
    Image.Erofs image = resolve("oci:" + dir).erofs().orElseThrow();
    if (image.ext4Top().isEmpty()) {
      assertThat(mounted(image.path())).contains("./d/" + name);
      return;
    }
    Shell.run(
        "mkdir -p "
            + temp
            + "/mnt && mount -o ro,noload,loop "
            + image.path()
            + " "
            + temp
            + "/mnt");
    try {
      String top = temp + "/mnt/" + image.ext4Top().orElseThrow();
      assertThat(Fs.list(top)).containsExactlyInAnyOrder("d", "short");
      assertThat(FileContent.readString(top + "/d/" + name, 10)).isEqualTo("long");
    } finally {
      Shell.run("umount " + temp + "/mnt");
    }
  }

  @Test
  void takesTheMediaTypesThatDockerTakes() {
    byte[] tar = TestImage.tar("f a 1");
    for (String type :
        List.of(
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
            "application/vnd.docker.container.image.rootfs.diff+x-gtar",
            "application/octet-stream")) {
      assertThat(LayerStream.isSupported(type)).as(type).isTrue();
    }
    new TestImage(dir)
        .layer("application/vnd.docker.image.rootfs.foreign.diff.tar", tar, tar)
        .tag("latest");
    assertThat(Fs.list(resolve("oci:" + dir).directory(PullProgress.NONE))).containsExactly("a");
    for (String type : List.of("", "application/octet-stream", "application/json", "text/html")) {
      assertThat(ImageConfig.isMediaType(type)).as(type).isTrue();
    }
    assertThat(ImageConfig.isMediaType("application/vnd.docker.plugin.v1+json")).isFalse();
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
            + " && head -c 200000 b | zstd -q > b.zst && tail -c +200001 b | zstd -q --no-check -19"
            + " >> b.zst && printf 'P*M\\030\\004\\000\\000\\000skip' >> b.zst && zstd -q -1 c &&"
            + " head -c 1000 c | gzip > c.gz && tail -c +1001 c | gzip >> c.gz");
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
        "does not contain \"example.org/bb:v1\"");
    failure(() -> resolve("oci-archive:" + temp + "/o.tar:two"), Kind.NOT_FOUND, "no tag \"two\"");
    failure(() -> resolve("oci-archive:" + temp + "/none"), Kind.NOT_FOUND, "no such file");
    Shell.run("head -c 500000 " + temp + "/o.tar > " + temp + "/cut.tar");
    failure(() -> resolve("oci-archive:" + temp + "/cut.tar"), Kind.CORRUPT, "truncated");
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
    failure(() -> resolve("rootfs:" + temp + "/none"), Kind.NOT_FOUND, "no such directory");
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
  void makesTheSameBusyboxImageEachTime() {
    BusyboxImage.write(dir);
    BusyboxImage.write(dir + "2");
    Shell.run("diff -r " + dir + " " + dir + "2");
    assertThat(
            Shell.run(
                    "chroot "
                        + resolve("oci:" + dir).directory(PullProgress.NONE)
                        + " sh -c 'id -u nobody'")
                .out())
        .isEqualTo("65534\n");
  }
}
