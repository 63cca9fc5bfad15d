package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.oci.IdMapping;
import java.util.List;
import org.junit.jupiter.api.Test;

class IdMapsTest {
  @Test
  void anIdStandsForTheOneThatItIsMappedTo() {
    List<IdMapping> maps = List.of(new IdMapping(0, 100000, 10), new IdMapping(1000, 5, 1));
    assertThat(IdMaps.outside(0, maps)).contains(100000);
    assertThat(IdMaps.outside(9, maps)).contains(100009);
    assertThat(IdMaps.outside(10, maps)).isEmpty();
    assertThat(IdMaps.outside(999, maps)).isEmpty();
    assertThat(IdMaps.outside(1000, maps)).contains(5);
    assertThat(IdMaps.outside(1001, maps)).isEmpty();
    assertThat(IdMaps.outside(0, List.of())).isEmpty();
  }

  @Test
  void mapsAreUnsigned() {
    List<IdMapping> all = List.of(new IdMapping(0, 0, -1));
    assertThat(IdMaps.outside(Integer.MIN_VALUE, all)).contains(Integer.MIN_VALUE);
    assertThat(IdMaps.outside(-2, all)).contains(-2);
    assertThat(IdMaps.outside(-1, all)).isEmpty();
  }
}
