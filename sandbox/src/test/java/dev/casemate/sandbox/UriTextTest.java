package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UriTextTest {
  @Test
  void percentSignsAreUndoneAndAPlusIsASpaceInQueriesOnly() {
    assertThat(UriText.path("/var/log/a%20b+c%2Fd")).isEqualTo("/var/log/a b+c/d");
    assertThat(UriText.query("a%20b+c%2Bd")).isEqualTo("a b c+d");
    assertThat(UriText.path("/%C3%A4")).isEqualTo("/\u00e4");
  }

  @Test
  void whatIsNoEscapeStaysAsItIs() {
    assertThat(UriText.path("100%")).isEqualTo("100%");
    assertThat(UriText.path("%2")).isEqualTo("%2");
    assertThat(UriText.path("%zz%41")).isEqualTo("%zzA");
    assertThat(UriText.path("")).isEmpty();
  }
}
