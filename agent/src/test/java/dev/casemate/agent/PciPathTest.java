package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PciPathTest {
  @TempDir Path devices;

  @Test
  void findsADeviceOnTheRootBus() throws IOException {
    Path device = devices.resolve("pci0000:00/0000:00:1f.2");
    Files.createDirectories(device.resolve("virtio3/block/vda"));
    assertThat(PciPath.parse("1f.2").sysfs(devices.toString())).contains(device.toString());
    assertThat(PciPath.parse("1f").sysfs(devices.toString())).isEmpty();
    assertThat(BlockDevices.blockName(device.toString())).contains("vda");
  }

  @Test
  void followsABridgeToWhateverNumberItsBusHas() throws IOException {
    Path port = devices.resolve("pci0000:00/0000:00:02.0");
    Files.createDirectories(port.resolve("pci_bus/0000:07"));
    Path device = port.resolve("0000:07:00.0");
    assertThat(PciPath.parse("02/00").sysfs(devices.toString())).isEmpty();
    Files.createDirectories(device.resolve("virtio1"));
    assertThat(PciPath.parse("02/00").sysfs(devices.toString())).contains(device.toString());
    assertThat(PciPath.of(List.of(2, 0)).sysfs(devices.toString())).contains(device.toString());
    assertThat(BlockDevices.blockName(device.toString())).isEmpty();
  }

  @Test
  void waitsForTheBusBehindTheBridge() throws IOException {
    Files.createDirectories(devices.resolve("pci0000:00/0000:00:02.0"));
    assertThat(PciPath.parse("02/00").sysfs(devices.toString())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "/05", "20", "zz", "05.8", "-1", "..", "02/../03", "05.", "123456789"})
  void refusesWhatIsNoPath(String text) {
    assertThatThrownBy(() -> PciPath.parse(text)).isInstanceOf(CasemateException.class);
  }

  @Test
  void refusesEndlessPaths() {
    assertThatThrownBy(() -> PciPath.parse("00/".repeat(17) + "00"))
        .isInstanceOf(CasemateException.class);
  }
}
