package dev.casemate.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CallQuotaTest {
  private static int fill(CallQuota quota, int inFlight) {
    int all = inFlight;
    while (quota.take(all)) {
      all++;
    }
    return all;
  }

  @Test
  void oneAloneGetsHalf() {
    assertThat(fill(new CallQuota(4, 100), 0)).isEqualTo(54);
  }

  @Test
  void thereIsAlwaysSomethingLeft() {
    CallQuota quota = new CallQuota(4, 100);
    int last = 100;
    for (int i = 0; i < 1000; i++) {
      int all = fill(quota, 0);
      assertThat(all).isBetween(4, last);
      last = all;
    }
    assertThat(last).isEqualTo(4);
  }

  @Test
  void whatIsGivenBackCanBeTakenAgain() {
    CallQuota quota = new CallQuota(4, 100);
    for (int i = 0; i < 10; i++) {
      int all = fill(quota, 0);
      assertThat(all).isEqualTo(54);
      while (all > 0) {
        quota.giveBack(all--);
      }
    }
  }
}
