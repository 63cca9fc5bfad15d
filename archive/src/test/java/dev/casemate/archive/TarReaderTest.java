package dev.casemate.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.casemate.archive.TarEntry.Segment;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.testsupport.FileTrees;
import dev.casemate.testsupport.Shell;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TarReaderTest {
  @TempDir Path temp;

  static List<TarEntry> list(byte[] tar) {
    TarReader reader = new TarReader(new ByteArrayInputStream(tar), true);
    List<TarEntry> entries = new ArrayList<>();
    while (true) {
      var next = reader.next();
      if (next.isEmpty()) {
        return entries;
      }
      entries.add(next.get());
    }
  }

  private void extract(String tar, String target) {
    FileTree.makeDirectories(target, 0755);
    try (Fd archive = Fs.open(tar, OpenFlag.READ_ONLY);
        Fd root = Fs.open(target, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
        RootedExtractor extractor = new RootedExtractor(root, RootedExtractor.Options.plain())) {
      extractor.extract(new TarReader(new FdInputStream(archive), true));
    }
  }

  @Tag("root")
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--format=ustar",
        "--format=gnu",
        "--format=pax",
        "--format=gnu --sparse",
        "--format=pax --sparse --sparse-version=0.0",
        "--format=pax --sparse --sparse-version=0.1",
        "--format=pax --sparse --sparse-version=1.0",
        "--format=pax --xattrs --xattrs-include=*"
      })
  void unpacksWhatGnuTarMakes(String options) {
    String names =
        options.contains("ustar")
            ? ""
            : "n=$(printf 'x%.0s' $(seq 1 130)); mkdir -p deep/$n/$n; echo long > deep/$n/$n/$n;"
                + " ln -s $n/$n/$n/$n target; echo ü > 'Tor Straße'; ";
    String xattrs =
        options.contains("xattrs") ? "setfattr -n user.a -v b f; setcap cap_net_raw+ep f;" : "";
    Shell.run(
        "mkdir -p "
            + temp
            + "/a && cd "
            + temp
            + "/a && mkdir d; echo hello > f; chmod 4755 f; ln f hard; ln -s ../etc/passwd sym; "
            + "mkfifo fifo; mknod c c 1 3; mknod b b 7 300; chown 1234:70000 d; chmod 1777 d; "
            + names
            + xattrs
            + "truncate -s 3M sparse; printf begin | dd of=sparse conv=notrunc status=none; "
            + "printf mid | dd of=sparse bs=1 seek=1500000 conv=notrunc status=none; "
            + "find . -exec touch -h -d '2001-02-03 04:05:06' '{}' +; "
            + "tar "
            + options
            + " -cf ../a.tar *");
    extract(temp + "/a.tar", temp + "/b");
    assertThat(FileTrees.describe(temp + "/b")).isEqualTo(FileTrees.describe(temp + "/a"));
    if (options.contains("sparse")) {
      assertThat(Fs.stat(temp + "/b/sparse").blocks()).isLessThan(2048);
    }
  }

  @Test
  void readsNumbersBeyondOctal() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    TarEntry entry =
        new TarEntry(
            "big-ids",
            TarEntry.Type.FILE,
            0644,
            3_000_000,
            -2,
            0,
            -2,
            500_000_000,
            "",
            0,
            0,
            Map.of("user.x", new byte[] {1, 0, 2}),
            List.of());
    writer.put(entry);
    writer.finish();
    TarEntry read = list(out.toByteArray()).getFirst();
    assertThat(read.uid()).isEqualTo(3_000_000);
    assertThat(Integer.toUnsignedLong(read.gid())).isEqualTo(4294967294L);
    assertThat(read.mtimeSeconds()).isEqualTo(-2);
    assertThat(read.mtimeNanos()).isEqualTo(500_000_000);
    assertThat(read.xattrs().get("user.x")).containsExactly(1, 0, 2);
  }

  @Test
  void readsSizesOfPaxBeyondEightGib() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new TarWriter(out).put(TarEntry.file("huge", 0644, 10L << 30));
    TarEntry entry =
        new TarReader(new ByteArrayInputStream(out.toByteArray()), true).next().orElseThrow();
    assertThat(entry.size()).isEqualTo(10L << 30);
    assertThat(entry.segments()).containsExactly(new Segment(0, 10L << 30));
  }

  @Test
  void refusesWhatIsCutOff() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    writer.put(TarEntry.file("f", 0644, 700));
    writer.write(new byte[700], 0, 700);
    writer.put(TarEntry.file("g", 0644, 0));
    writer.finish();
    byte[] whole = out.toByteArray();
    assertThat(list(whole)).hasSize(2);
    for (int length = 0; length < whole.length - 1024; length += 37) {
      byte[] part = java.util.Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> list(part))
          .isInstanceOf(ArchiveException.class)
          .hasMessageContaining("truncated");
    }
  }

  @Test
  void refusesNamesThatAreNotUtf8() {
    byte[] tar = single("name");
    tar[0] = (byte) 0xff;
    fixChecksum(tar, 0);
    assertThatThrownBy(() -> list(tar)).hasMessageContaining("not UTF-8");
  }

  @Test
  void refusesUnknownTypesAndHugeExtendedHeaders() {
    byte[] unknown = single("odd");
    unknown[156] = 'Q';
    fixChecksum(unknown, 0);
    assertThatThrownBy(() -> list(unknown)).hasMessageContaining("unknown type");
    byte[] huge = single("h");
    huge[156] = 'x';
    byte[] size = "00077777777".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(size, 0, huge, 124, size.length);
    fixChecksum(huge, 0);
    assertThatThrownBy(() -> list(huge)).hasMessageContaining("extended headers of more than");
  }

  /** Mutations of real archives: whatever happens, it is an ArchiveException or a list. */
  @Test
  void survivesMutations() throws IOException {
    Shell.run(
        "mkdir -p "
            + temp
            + "/m && cd "
            + temp
            + "/m && n=$(printf 'y%.0s' $(seq 1 150)); echo x > $n; ln -s $n l; truncate -s 100k s;"
            + " echo 1 >> s; setfattr -n user.k -v v s;"
            + " tar --format=pax --xattrs --sparse -cf ../pax.tar . && tar --format=gnu --sparse"
            + " -cf ../gnu.tar .");
    List<byte[]> seeds =
        List.of(
            Files.readAllBytes(temp.resolve("pax.tar")),
            Files.readAllBytes(temp.resolve("gnu.tar")));
    Random random = new Random(20261122);
    int refused = 0;
    for (int i = 0; i < 6000; i++) {
      byte[] tar = seeds.get(i & 1).clone();
      int changes = 1 + random.nextInt(4);
      for (int c = 0; c < changes; c++) {
        int at = random.nextInt(tar.length);
        tar[at] = (byte) random.nextInt(256);
        if (random.nextInt(4) != 0) {
          fixChecksum(tar, at & ~511);
        }
      }
      try {
        byte[] chunk = new byte[4096];
        TarReader reader = new TarReader(new ByteArrayInputStream(tar), true);
        while (reader.next().isPresent()) {
          while (reader.read(chunk, 0, chunk.length) > 0) {
            continue;
          }
        }
      } catch (ArchiveException e) {
        refused++;
        assertThat(e.getMessage()).doesNotContain("\n");
      }
    }
    assertThat(refused).isBetween(500, 5999);
  }

  static byte[] single(String name) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    writer.put(TarEntry.file(name, 0644, 0));
    writer.finish();
    return out.toByteArray();
  }

  static void fixChecksum(byte[] tar, int block) {
    int sum = 8 * ' ';
    for (int i = 0; i < 512; i++) {
      sum += i >= 148 && i < 156 ? 0 : tar[block + i] & 0xff;
    }
    byte[] digits = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(digits, 0, tar, block + 148, 8);
  }

  /**
   * Each record copied all before it: an entry took seconds, and layers of nothing compress well.
   */
  @Test
  void aSparseMapOfManyRecordsIsReadInNoTime() {
    byte[] records =
        "23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=0\n"
            .repeat(20_000)
            .getBytes(StandardCharsets.US_ASCII);
    Map<String, byte[]> pax = new LinkedHashMap<>();
    assertTimeout(Duration.ofSeconds(1), () -> TarFields.paxRecords(records, pax));
    assertThat(pax.get("GNU.sparse.map")).hasSize(4 * 20_000 - 1);
  }
}
