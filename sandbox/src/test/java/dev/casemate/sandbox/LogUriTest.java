package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LogUriTest {
  @Test
  void pathsAreDecodedAndKeepTheirPlus() {
    assertThat(LogUri.of("/a%20b/c+d%2B%c3%a9").path()).isEqualTo("/a b/c+d+é");
    assertThat(LogUri.of("/100%/%zz/%4").path()).isEqualTo("/100%/%zz/%4");
    assertThat(LogUri.of("/a%3Fb%23?c#d").path()).isEqualTo("/a?b#");
    assertThat(LogUri.of("/plain").arguments()).isEmpty();
  }

  @Test
  void whatStandsBeforeThePathIsTheHost() {
    assertThat(LogUri.of("host/bin/x").path()).isEqualTo("/bin/x");
    assertThat(LogUri.of("//bin/x").path()).isEqualTo("//bin/x");
    assertThat(LogUri.of("nothing").path()).isEmpty();
  }

  @Test
  void aQueryBecomesArguments() {
    assertThat(LogUri.of("/x?key=value&--path=/a+b%2Bc&flag&empty=#not=me").arguments())
        .containsExactly("key", "value", "--path", "/a b+c", "flag", "", "empty", "");
    assertThat(LogUri.of("/x?a=1=2&&a=3").arguments()).containsExactly("a", "1=2");
    assertThat(LogUri.of("/x?").arguments()).isEmpty();
  }
}
