package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelImageTest {
  @TempDir Path scratch;

  @Test
  void takesAnElfFileWithoutTheZerosAtItsEnd() throws IOException {
    byte[] given = SampleKernel.elf(true);
    KernelImage image = read(given);

    assertThat(image.release()).isEqualTo(SampleKernel.RELEASE);
    assertThat(image.elf()).isEqualTo(SampleKernel.trimmed(given));
    assertThat(image.elf().length).isLessThan(given.length);
    Elf.Segment loaded = Elf.parse(image.elf(), "it").segments().getFirst();
    assertThat(loaded.bytes()).as("less than in the file").isBetween(1L, 1023L);
    assertThat(image.elf()[(int) (loaded.offset() + loaded.bytes()) - 1]).isNotZero();
    assertThat(Elf.withoutZeros(image.elf(), "again")).isEqualTo(image.elf());
  }

  @Test
  void unpacksGzip() throws IOException {
    assertThat(read(SampleKernel.gzipImage(SampleKernel.elf(true))).elf())
        .isEqualTo(SampleKernel.trimmed(SampleKernel.elf(true)));
  }

  @Test
  void unpacksXzAndZstd() throws IOException {
    byte[] elf = SampleKernel.elf(true);
    for (String tool : List.of("xz", "zstd")) {
      Tool.Result packed = Tool.run(scratch, elf, List.of(Tool.require(tool, tool), "-c"));
      byte[] image = SampleKernel.image(packed.output(), true, elf.length);
      assertThat(read(image).elf()).as(tool).isEqualTo(SampleKernel.trimmed(elf));
    }
  }

  @Test
  void refusesAKernelWithoutPvhEntry() {
    failure(SampleKernel.elf(false), Kind.INVALID_ARGUMENT)
        .hasMessageContaining("no PVH entry point")
        .hasMessageContaining("CONFIG_PVH=y");
  }

  @Test
  void refusesWhatIsNoKernel() {
    failure("#!/bin/sh\necho hello\n".getBytes(), Kind.INVALID_ARGUMENT)
        .hasMessageContaining("neither an ELF file nor a bzImage");
    failure(new byte[0], Kind.INVALID_ARGUMENT)
        .hasMessageContaining("neither an ELF file nor a bzImage");
    failure(SampleKernel.module("name=x"), Kind.INVALID_ARGUMENT)
        .hasMessageContaining("no loadable segments");
    assertThatThrownBy(() -> KernelImage.read(Path.of("/usr/bin/env")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("/usr/bin/env");
    assertThatThrownBy(() -> KernelImage.read(scratch.resolve("absent")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("absent does not exist");
    assertThatThrownBy(() -> KernelImage.read(scratch))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void refusesAKernelForAnotherMachine() {
    byte[] arm = SampleKernel.elf(true);
    arm[18] = (byte) 183;
    failure(arm, Kind.CORRUPT).hasMessageContaining("ELF machine 183");
  }

  @Test
  void refusesWhatIsCutOff() throws IOException {
    byte[] elf = SampleKernel.elf(true);
    failure(Arrays.copyOf(elf, 1000), Kind.CORRUPT).hasMessageContaining("truncated");
    byte[] image = SampleKernel.gzipImage(elf);
    failure(Arrays.copyOf(image, image.length - 10), Kind.INVALID_ARGUMENT)
        .hasMessageContaining("truncated");
    failure(Arrays.copyOf(image, 0x300), Kind.INVALID_ARGUMENT).hasMessageContaining("truncated");
  }

  @Test
  void refusesADamagedPayload() throws IOException {
    byte[] image = SampleKernel.gzipImage(SampleKernel.elf(true));
    image[1024 + 700 + 40] ^= 0x55;
    failure(image, Kind.INVALID_ARGUMENT).hasMessageContaining("payload");
    image[1024 + 700] = 1;
    failure(image, Kind.INVALID_ARGUMENT).hasMessageContaining("unknown compression format");
  }

  @Test
  void neverUnpacksMoreThanItSays() throws IOException {
    byte[] image = SampleKernel.gzipImage(SampleKernel.elf(true));
    image[image.length - 1] = 0x7F;
    failure(image, Kind.INVALID_ARGUMENT).hasMessageContaining("claims to decompress to");
  }

  private KernelImage read(byte[] content) throws IOException {
    Path file = scratch.resolve("kernel");
    Files.write(file, content);
    return KernelImage.read(file);
  }

  private AbstractThrowableAssert<?, ?> failure(byte[] content, Kind kind) {
    return assertThatThrownBy(() -> read(content))
        .asInstanceOf(InstanceOfAssertFactories.throwable(CasemateException.class))
        .matches(e -> e.kind() == kind, "has kind " + kind)
        .hasMessageContaining(scratch.resolve("kernel").toString());
  }
}
