package dev.casemate.ocicli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.commandline.UsageException;
import org.junit.jupiter.api.Test;

class UpdateSizesTest {
  @Test
  void minusOneIsNoLimitAndAnythingElseNegativeIsAnError() {
    assertThat(UpdateCommand.bytes("memory", "-1")).isEqualTo(-1);
    assertThat(UpdateCommand.bytes("memory", "64m")).isEqualTo(64L << 20);
    assertThatThrownBy(() -> UpdateCommand.bytes("memory", "-5"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("invalid value \"-5\" for --memory");
  }
}
