package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import org.junit.jupiter.api.Test;

class TemplateUseTest {
  @Test
  void theEnvironmentSaysWhatHoldsByDefault() {
    assertThat(TemplateUse.byDefault("")).isEqualTo(TemplateUse.AUTO);
    assertThat(TemplateUse.byDefault("auto")).isEqualTo(TemplateUse.AUTO);
    assertThat(TemplateUse.byDefault("existing")).isEqualTo(TemplateUse.EXISTING);
    assertThat(TemplateUse.byDefault("never")).isEqualTo(TemplateUse.NEVER);
  }

  @Test
  void aWrongWordInTheEnvironmentIsRefusedByName() {
    assertThatThrownBy(() -> TemplateUse.byDefault("no"))
        .isInstanceOf(CasemateException.class)
        .hasMessage("invalid value \"no\" of CASEMATE_TEMPLATE: set it to auto, existing, never");
  }
}
