package dev.casemate.specmapping;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.oci.UserSpec;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SpecMappingTest {
  /** Numbers and texts that differ from each other: what changes places is noticed. */
  private int next = 1;

  /** A value of a type in which nothing is at its default, down to the last record. */
  private Object full(Type type) throws ReflectiveOperationException {
    if (type instanceof ParameterizedType generic) {
      Type[] of = generic.getActualTypeArguments();
      return switch (((Class<?>) generic.getRawType()).getSimpleName()) {
        case "Optional" -> Optional.of(full(of[0]));
        case "List" -> List.of(full(of[0]), full(of[0]));
        case "Map" -> {
          Map<String, Object> map = new HashMap<>();
          map.put((String) full(of[0]), full(of[1]));
          map.put((String) full(of[0]), full(of[1]));
          yield map;
        }
        default -> throw new AssertionError("no example of " + type + ": add one");
      };
    }
    Class<?> plain = (Class<?>) type;
    if (plain.isRecord()) {
      RecordComponent[] components = plain.getRecordComponents();
      Class<?>[] types = new Class<?>[components.length];
      Object[] values = new Object[components.length];
      for (int i = 0; i < components.length; i++) {
        types[i] = components[i].getType();
        values[i] = full(components[i].getGenericType());
      }
      return plain.getDeclaredConstructor(types).newInstance(values);
    }
    return switch (plain.getSimpleName()) {
      case "String" -> "text" + next++;
      case "int", "Integer" -> next++;
      case "long", "Long" -> (long) next++;
      case "boolean", "Boolean" -> true;
      default -> throw new AssertionError("no example of " + type + ": add one");
    };
  }

  private static Spec there(Spec spec) {
    return SpecMapping.fromMessage(
        dev.casemate.protocol.oci.Spec.decode(SpecMapping.toMessage(spec).encode()));
  }

  @Test
  void everyFieldArrives() throws ReflectiveOperationException {
    Spec spec = (Spec) full(Spec.class);

    assertThat(there(spec)).isEqualTo(spec);
  }

  @Test
  void everyFieldOfAnExecArrives() throws ReflectiveOperationException {
    ProcessSpec process = (ProcessSpec) full(ProcessSpec.class);

    assertThat(SpecMapping.fromMessage(SpecMapping.toMessage(process), SpecMapping.rest(process)))
        .isEqualTo(process);
  }

  @Test
  void everyLimitOfAnUpdateArrives() throws ReflectiveOperationException {
    Resources limits = (Resources) full(Resources.class);

    assertThat(SpecMapping.fromMessage(SpecMapping.toMessage(limits), SpecMapping.rest(limits)))
        .isEqualTo(limits);
  }

  @Test
  void anEmptyDocumentIsAnEmptyMessage() {
    assertThat(there(Spec.EMPTY)).isEqualTo(Spec.EMPTY);
    assertThat(SpecMapping.toMessage(Spec.EMPTY).annotations()).isEmpty();
  }

  @Test
  void zeroIsNotNothing() {
    Spec spec =
        Spec.parse(
            """
            {"process":{"cwd":"/","oomScoreAdj":0,"user":{"umask":0}},
             "linux":{"devices":[{"path":"/dev/x","type":"c","fileMode":0}],
              "resources":{"memory":{"limit":0,"swappiness":0,"disableOOMKiller":false},
               "cpu":{"shares":0},"pids":{"limit":0},"devices":[{"major":-1}]}}}""");

    assertThat(there(spec)).isEqualTo(spec);
  }

  @Test
  void whatTheMessageSaysIsNotSaidTwice() {
    Spec spec =
        Spec.parse(
            """
            {"process":{"args":["a"],"cwd":"/","user":{"uid":4,"umask":7}},"domainname":"d",
             "linux":{"resources":{"memory":{"limit":9}}}}""");

    assertThat(SpecMapping.toMessage(spec).annotations())
        .containsExactly(
            Map.entry(
                SpecMapping.REST, "{\"process\":{\"user\":{\"umask\":7}},\"domainname\":\"d\"}"));
    assertThat(SpecMapping.rest(ProcessSpec.of(List.of("a"), List.of(), "/"))).isEmpty();
    assertThat(SpecMapping.rest(Resources.NONE)).isEmpty();
  }

  /** The one exception to the round trip. */
  @Test
  void aUsersAnnotationIsNotTakenForARest() {
    Map<String, String> given =
        Map.of(SpecMapping.REST, "{\"process\":{\"user\":{\"uid\":0}}}", "a", "b");
    ProcessSpec process =
        ProcessSpec.of(List.of("a"), List.of(), "/").withUser(UserSpec.of(7, 7, List.of()));

    Spec arrived = there(Spec.EMPTY.withProcess(process).withAnnotations(given));

    assertThat(arrived.annotations()).containsExactly(Map.entry("a", "b"));
    assertThat(arrived.process().orElseThrow().user().uid()).isEqualTo(7);
  }

  @Test
  void aRestThatIsNoneIsRefused() {
    dev.casemate.protocol.oci.Spec message =
        dev.casemate.protocol.oci.Spec.builder()
            .root(dev.casemate.protocol.oci.Root.builder().path("/r").build())
            .annotations(Map.of(SpecMapping.REST, "[1]"))
            .build();

    assertThatThrownBy(() -> SpecMapping.fromMessage(message))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining(SpecMapping.REST);
  }

  @Test
  void aMessageOfKatasIsTakenAsItIs() {
    dev.casemate.protocol.oci.Spec message =
        dev.casemate.protocol.oci.Spec.builder()
            .root(dev.casemate.protocol.oci.Root.builder().path("/r").build())
            .build();

    assertThat(SpecMapping.fromMessage(message).linux()).isEqualTo(LinuxSpec.EMPTY);
  }
}
