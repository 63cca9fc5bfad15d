package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.oci.Resources;
import java.util.List;
import org.junit.jupiter.api.Test;

class CgroupV1DevicesTest {
  private static List<String> lines(String rules) {
    return CgroupV1Devices.lines(
        Resources.fromJson(Json.parseObject("{\"devices\":[" + rules + "]}")).devices());
  }

  private static final String NONE = "{\"allow\":false,\"access\":\"rwm\"}";

  @Test
  void exceptionsToADenialAreAllowed() {
    assertThat(
            lines(
                NONE
                    + ",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rw\"}"
                    + ",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"m\"}"
                    + ",{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"}"))
        .containsExactly("deny a", "allow c 1:3 rwm", "allow b 8:* r");
  }

  @Test
  void aRuleForAllTypesIsOneForEach() {
    assertThat(lines(NONE + ",{\"allow\":true,\"type\":\"a\",\"major\":5,\"access\":\"r\"}"))
        .containsExactly("deny a", "allow b 5:* r", "allow c 5:* r");
  }

  @Test
  void theLetterAInTheAccessIsAll() {
    assertThat(
            lines(
                NONE
                    + ",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"a\"}"
                    + ",{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"rwa\"}"))
        .containsExactly("deny a", "allow c 1:3 rwm");
  }

  @Test
  void whatComesLaterCounts() {
    assertThat(
            lines(
                NONE
                    + ",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}"
                    + ",{\"allow\":false,\"type\":\"c\",\"major\":1,\"access\":\"w\"}"))
        .containsExactly("deny a", "allow c 1:3 rm");
    assertThat(lines("{\"allow\":true}," + NONE)).containsExactly("deny a");
    assertThat(
            lines(
                "{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"access\":\"rwm\"}"))
        .containsExactly("allow a", "deny b 8:* rwm");
  }

  @Test
  void anExceptionToAnExceptionIsRefusedAsTheKernelWouldIgnoreIt() {
    assertThatThrownBy(
            () ->
                lines(
                    NONE
                        + ",{\"allow\":true,\"type\":\"c\",\"access\":\"rwm\"}"
                        + ",{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"w\"}"))
        .hasMessageContaining("c 1:3 w")
        .hasMessageContaining("c *:* rwm");
  }
}
