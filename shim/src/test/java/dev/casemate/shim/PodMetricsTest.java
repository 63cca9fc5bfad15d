package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.protocol.agent.StatsContainerResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PodMetricsTest {
  private static Object twice(Object value) {
    return switch (value) {
      case Long number -> 2 * number;
      case Map<?, ?> map -> {
        Map<Object, Object> all = new TreeMap<>();
        map.forEach((name, inner) -> all.put(name, twice(inner)));
        yield all;
      }
      case List<?> list -> {
        List<Object> all = new ArrayList<>();
        list.forEach(inner -> all.add(twice(inner)));
        yield all;
      }
      default -> value;
    };
  }

  /** Each field of metrics that are made of the sum. */
  @Test
  void everyFieldIsTheSumButLimitsPressureAndTheNetwork() {
    StatsContainerResponse one = MetricsFieldsTest.stats(-1, -1);
    Map<String, Object> single = MetricsFieldsTest.flat(MetricsV2.of(one, Optional.empty()));
    Map<String, Object> expected = new TreeMap<>();
    single.forEach(
        (path, value) -> {
          boolean same =
              path.startsWith("network.")
                  || path.endsWith("Limit")
                  || path.endsWith(".major")
                  || path.endsWith(".minor");
          if (!path.contains(".psi.")) {
            expected.put(path, same ? value : twice(value));
          }
        });
    for (String resource : List.of("cpu", "memory", "io")) {
      expected.put(resource + ".psi", Optional.empty());
    }
    expected.put("pids.limit", -1L);
    expected.put("hugetlb.0.max", -1L);
    assertThat(
            MetricsFieldsTest.flat(
                MetricsV2.of(PodMetrics.sum(List.of(one, one)), Optional.empty())))
        .containsExactlyInAnyOrderEntriesOf(expected);
  }

  @Test
  void aPodWithoutContainersHasZeros() {
    Map<String, Object> none =
        MetricsFieldsTest.flat(MetricsV2.of(PodMetrics.sum(List.of()), Optional.empty()));
    assertThat(none).containsEntry("cpu.usageUsec", 0L).containsEntry("memory.usage", 0L);
    assertThat(none).containsEntry("network", List.of()).containsEntry("io.usage", List.of());
  }
}
