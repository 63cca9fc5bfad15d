package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RegistryAuthTest {
  @Test
  void readsAChallenge() {
    assertThat(
            RegistryAuth.parameters(
                "Realm=\"https://t/x?a=b,c\", service=s , scope=\"re\\\"po\",scope=second"))
        .containsEntry("realm", "https://t/x?a=b,c")
        .containsEntry("service", "s")
        .containsEntry("scope", "re\"po")
        .hasSize(3);
    assertThat(RegistryAuth.parameters("nothing")).isEmpty();
    assertThat(RegistryAuth.parameters("realm=\"open")).containsEntry("realm", "open");
  }

  @ParameterizedTest
  @CsvSource({
    "https://r/,https://t/,false,true",
    "http://r/,https://t/,false,true",
    "https://r/,http://127.0.0.1/,true,false",
    "http://r/,http://t/,false,false",
    "http://r/,http://t/,true,true",
    "http://127.0.0.1/,http://127.0.0.2/,false,true",
    "http://r/,http://127.evil/,false,false",
  })
  void acceptsRealms(String registry, String realm, boolean insecure, boolean accepted)
      throws IOException {
    assertThat(RegistryAuth.isAcceptable(Url.parse(registry), Url.parse(realm), insecure))
        .isEqualTo(accepted);
  }
}
