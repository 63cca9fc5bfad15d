package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.jail.UserRange;
import dev.casemate.linux.FileTree;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Templates from their making to what bad ones are answered with, without a VM. */
@Timeout(60)
class TemplatesTest {
  private static final int BOOT_MILLIS = 2_000;
  private static final JailOptions NO_JAIL = new JailOptions(false, UserRange.DEFAULT, "", false);

  @TempDir Path directory;

  /** Short, as sockets lie below it. */
  private final String run = "/tmp/ct" + Long.toString(System.nanoTime() & 0xffffff, 36);

  private final FakeVmm vmm = new FakeVmm();
  private final List<String> warnings = new CopyOnWriteArrayList<>();
  private Optional<Sandbox> started = Optional.empty();

  @BeforeEach
  void files() throws IOException {
    Files.writeString(directory.resolve("kernel"), "a kernel");
    Files.writeString(directory.resolve("initramfs"), "an initramfs");
    Files.createDirectories(Path.of(paths().sandbox("s1")));
  }

  @AfterEach
  void close() {
    started.ifPresent(Sandbox::close);
    FileTree.removeTree(run);
  }

  private SandboxPaths paths() {
    return new SandboxPaths(run, directory + "/state");
  }

  private TemplateStore store() {
    return new TemplateStore(paths());
  }

  private TemplateKind kind() {
    return new TemplateKind("fake", "tcg", directory + "/kernel", directory + "/initramfs", 1, 1);
  }

  private Optional<Template> build() {
    return new TemplateBuilder(paths(), kind(), NO_JAIL, vmm, warnings::add).build(BOOT_MILLIS);
  }

  private Optional<Template> find() {
    return store().find(kind().facts(vmm), warnings::add);
  }

  private Sandbox start(TemplateUse use, int memoryMib) {
    VmOptions vm =
        new VmOptions(
            "fake",
            "tcg",
            directory + "/kernel",
            directory + "/initramfs",
            memoryMib,
            1,
            BOOT_MILLIS,
            use);
    Sandbox sandbox =
        new Sandbox(
            paths(),
            new SandboxConfig("s1", vm, Optional.empty(), NO_JAIL),
            vmm,
            new SandboxListener() {
              @Override
              public void warning(String message) {
                warnings.add(message);
              }
            });
    started = Optional.of(sandbox);
    sandbox.boot("host", _ -> {});
    sandbox.awaitBoot();
    return sandbox;
  }

  @Test
  void aTemplateIsMadeOnceAndOnlyItsOwnerCanReadIt() throws IOException {
    Template template = build().orElseThrow();
    assertThat(vmm.journal).containsExactly("launch", "pause", "save template", "close");
    assertThat(template.kernelRelease()).isEqualTo("6.1");
    assertThat(build().orElseThrow().key()).isEqualTo(template.key());
    assertThat(vmm.journal).as("nothing is launched again").hasSize(4);
    Path place = Path.of(template.directory());
    assertThat(place.getParent()).isEqualTo(directory.resolve("state/templates"));
    for (Path path : List.of(place, place.getParent())) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
          .isEqualTo("rwx------");
    }
    for (String name : List.of("memory", "state", "template.json")) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(place.resolve(name))))
          .isEqualTo("rw-------");
    }
    assertThat(Path.of(paths().sandboxes())).isDirectoryNotContaining("glob:**template*");
  }

  @Test
  void tenBuildersAtOnceBootOneVm() throws Exception {
    try (ExecutorService pool = Executors.newFixedThreadPool(10)) {
      List<Callable<Optional<Template>>> calls = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        calls.add(this::build);
      }
      for (Future<Optional<Template>> call : pool.invokeAll(calls)) {
        call.get();
      }
    }
    assertThat(vmm.journal.stream().filter("launch"::equals)).hasSize(1);
    assertThat(find()).isPresent();
  }

  @Test
  void aVmStartsAsACopyAndGrowsToItsSize() {
    build();
    vmm.journal.clear();
    Sandbox sandbox = start(TemplateUse.EXISTING, 512);
    assertThat(vmm.journal)
        .containsExactly("copy 112 MiB", "Personalize", "CreateSandbox", "memory +400");
    assertThat(vmm.personalized.seed()).hasSizeGreaterThanOrEqualTo(32);
    assertThat(vmm.personalized.moduleGroups()).contains("overlay");
    assertThat(sandbox.describe().text())
        .contains("\"template\":\"" + find().orElseThrow().key() + "\"")
        .contains("\"kernelRelease\":\"6.1\"");
    assertThat(warnings).isEmpty();
  }

  @Test
  void aGuestIsGivenMemoryInPiecesThatItTakes() {
    build();
    vmm.journal.clear();
    start(TemplateUse.EXISTING, 321);
    assertThat(vmm.journal).contains("memory +212");
    started.ifPresent(Sandbox::close);
    vmm.journal.clear();
    start(TemplateUse.EXISTING, TemplateKind.MEMORY_MIB);
    assertThat(vmm.journal).containsExactly("copy 112 MiB", "Personalize", "CreateSandbox");
  }

  @Test
  void whatIsToBootBoots() {
    build();
    vmm.journal.clear();
    start(TemplateUse.NEVER, 512);
    assertThat(vmm.journal).startsWith("launch");
    started.ifPresent(Sandbox::close);
    vmm.journal.clear();
    start(TemplateUse.EXISTING, TemplateKind.MEMORY_MIB - 1);
    assertThat(vmm.journal).as("smaller than a template").startsWith("launch");
  }

  @Test
  void aChangedVmmKernelOrInitramfsMakesATemplateStale() throws IOException {
    String first = build().orElseThrow().key();
    vmm.identity = "fake 2";
    assertThat(find()).isEmpty();
    assertThat(store().list(vmm).getFirst().problem()).startsWith("stale");
    String second = build().orElseThrow().key();
    assertThat(second).isNotEqualTo(first);
    assertThat(store().list(vmm)).as("the stale one is removed").hasSize(1);
    Files.writeString(directory.resolve("kernel"), "another kernel");
    assertThat(find()).isEmpty();
    build();
    Files.writeString(directory.resolve("initramfs"), "another initramfs");
    assertThat(find()).isEmpty();
    assertThat(warnings).isEmpty();
  }

  private void damaged(String file, String why) throws IOException {
    Template template = build().orElseThrow();
    Path path = Path.of(template.directory(), file);
    long modified = Files.getLastModifiedTime(path).toMillis();
    try (RandomAccessFile bytes = new RandomAccessFile(path.toFile(), "rw")) {
      int first = bytes.read();
      bytes.seek(0);
      bytes.write(first ^ 1);
    }
    Files.setLastModifiedTime(path, java.nio.file.attribute.FileTime.fromMillis(modified));
    assertThat(find()).as("a flipped bit in " + file).isEmpty();
    assertThat(warnings.removeLast()).contains(template.directory(), why);
    assertThat(Path.of(template.directory())).doesNotExist();
  }

  @Test
  void aFlippedBitIsNoticedAndTheTemplateRemoved() throws IOException {
    damaged("memory", "its memory has been changed");
    damaged("state", "its state has been changed");
    damaged("template.json", "damaged record");
  }

  @Test
  void aTruncatedOrMissingFileIsNoticed() throws IOException {
    Template template = build().orElseThrow();
    Files.write(Path.of(template.directory(), "memory"), new byte[0]);
    assertThat(find()).isEmpty();
    template = build().orElseThrow();
    Files.delete(Path.of(template.directory(), "state"));
    assertThat(find()).isEmpty();
    assertThat(warnings).hasSize(2);
  }

  @Test
  void aCopyThatDoesNotAnswerIsReplacedByABoot() {
    for (FakeVmm.Guest guest : List.of(FakeVmm.Guest.PANICS, FakeVmm.Guest.SILENT)) {
      Template template = build().orElseThrow();
      vmm.copy = guest;
      vmm.journal.clear();
      warnings.clear();
      Sandbox sandbox = start(TemplateUse.EXISTING, 512);
      assertThat(vmm.journal).startsWith("copy 112 MiB").contains("launch", "CreateSandbox");
      assertThat(sandbox.endCause()).as("the copy's end is not the sandbox's").isEmpty();
      assertThat(warnings).anyMatch(warning -> warning.contains("is removed"));
      assertThat(Path.of(template.directory())).doesNotExist();
      sandbox.close();
    }
  }

  @Test
  void aCopyThatIsKilledIsReplacedByABootAndItsTemplateStays() {
    build();
    vmm.copy = FakeVmm.Guest.IS_KILLED;
    vmm.journal.clear();
    start(TemplateUse.EXISTING, 512);
    assertThat(vmm.journal).startsWith("copy 112 MiB").contains("launch", "CreateSandbox");
    assertThat(warnings).singleElement().asString().contains("was killed as a copy of template");
    assertThat(find()).isPresent();
  }

  @Test
  void aTemplateThatCannotBeMadeLeavesTheReason() {
    vmm.launchFailure = "no VM today";
    assertThatThrownBy(this::build).isInstanceOf(CasemateException.class);
    assertThat(store().failures().values()).containsExactly("no VM today");
    assertThat(store().hasFailedLately(kind().facts(vmm))).isTrue();
    assertThat(store().list(vmm)).isEmpty();
    vmm.launchFailure = "";
    build();
    assertThat(store().failures()).isEmpty();
  }

  @Test
  void aGuestWhoseClockRunsWrongBecomesNoTemplate() {
    vmm.clockPercent = 300;
    assertThatThrownBy(this::build)
        .hasMessageMatching("(?s).*runs (29|30). % as fast as the host's.*");
    assertThat(vmm.journal.stream().filter("launch"::equals)).as("attempts").hasSize(3);
    assertThat(find()).isEmpty();
  }

  @Test
  void removingATemplateNeedsItsKey() {
    Template template = build().orElseThrow();
    for (String key : List.of("", "..", "0123", "../templates/" + template.key())) {
      assertThatThrownBy(() -> store().remove(key))
          .hasMessageContaining("there is no template \"" + key + "\"");
    }
    store().remove(template.key());
    assertThat(store().list(vmm)).isEmpty();
  }
}
