package dev.casemate.e2e;

import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInfo;

/**
 * What the suites with hostile guests share: a sandbox beside them that is to notice nothing,
 * measures of what they cost the host, and a look at what they left. Their tests may overlap, and
 * so the class is judged, not each test.
 */
abstract class HostileGuestCases {
  /** What controls a terminal. */
  static final String ESCAPES = "\033]0;title\007\033[2Jevil\u009b31m";

  /** Two are enough for a boot on an idle machine. */
  static final int SECONDS = 60;

  private static Set<String> before = Set.of();

  @BeforeAll
  static void startHonest() {
    before = Traces.now();
    HostileGuest.startAll();
  }

  @AfterAll
  static void stopHonest(TestInfo suite) {
    HostileGuest.stopAll();
    LeakCheck.assertNothingSince(before, suite.getDisplayName());
  }

  /** A text as roles have it. */
  static String text(String text) {
    return HostileGuest.base64(text);
  }
}
