package dev.casemate.oci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class IdMappingTest {
  @Test
  void anIdStandsForTheOneThatItIsMappedTo() {
    List<IdMapping> maps = List.of(new IdMapping(0, 100000, 10), new IdMapping(1000, 5, 1));
    assertThat(IdMapping.outside(0, maps)).contains(100000);
    assertThat(IdMapping.outside(9, maps)).contains(100009);
    assertThat(IdMapping.outside(10, maps)).isEmpty();
    assertThat(IdMapping.outside(999, maps)).isEmpty();
    assertThat(IdMapping.outside(1000, maps)).contains(5);
    assertThat(IdMapping.outside(1001, maps)).isEmpty();
    assertThat(IdMapping.outside(0, List.of())).isEmpty();
  }

  @Test
  void mapsAreUnsigned() {
    List<IdMapping> all = List.of(new IdMapping(0, 0, -1));
    assertThat(IdMapping.outside(Integer.MIN_VALUE, all)).contains(Integer.MIN_VALUE);
    assertThat(IdMapping.outside(-2, all)).contains(-2);
    assertThat(IdMapping.outside(-1, all)).isEmpty();
    assertThat(IdMapping.lines(all)).isEqualTo("0 0 4294967295\n");
  }
}
