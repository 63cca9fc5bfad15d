package dev.casemate.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PortMappingTest {
  @ParameterizedTest
  @CsvSource({
    "8080:80,0.0.0.0:8080->80/tcp",
    "80,0.0.0.0:0->80/tcp",
    ":80,0.0.0.0:0->80/tcp",
    "53:53/udp,0.0.0.0:53->53/udp",
    "127.0.0.1:8080:80,127.0.0.1:8080->80/tcp",
    "127.0.0.1::80,127.0.0.1:0->80/tcp",
    "0.0.0.0:1:65535/tcp,0.0.0.0:1->65535/tcp",
  })
  void reads(String text, String shown) {
    assertThat(PortMapping.parse(text)).hasSize(1).first().hasToString(shown);
  }

  @Test
  void readsRanges() {
    assertThat(PortMapping.parse("8000-8002:80-82/udp"))
        .extracting(PortMapping::toString)
        .containsExactly("0.0.0.0:8000->80/udp", "0.0.0.0:8001->81/udp", "0.0.0.0:8002->82/udp");
    assertThat(PortMapping.parse("90-91")).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "80:",
        "0:80",
        "80:0",
        "65536",
        "80:65536",
        "x:80",
        "80/sctp",
        "80/",
        "1-3:1-2",
        "3-1",
        "-1",
        "1-",
        "localhost:80:80",
        "[::1]:80:80",
        "1.2.3:80:80",
        "99999999999:80",
        "::1:80:80"
      })
  void refuses(String text) {
    assertThatThrownBy(() -> PortMapping.parse(text)).hasMessageContaining("port mapping");
  }
}
