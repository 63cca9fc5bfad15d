package dev.casemate.shim;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.google.Any;
import java.util.List;
import java.util.Optional;

/** A guest's figures on their way to the engine; what the engine says at a start, and limits. */
@Fuzzes({Metrics.class, MetricsV1.class, MetricsV2.class, PodResources.class, StartDialogue.class})
public final class EngineFuzz {
  private static final List<String> TYPES =
      List.of(
          "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources",
          "runtime.v1.LinuxContainerResources",
          "other");

  private static final ShimFlags FLAGS =
      ShimFlags.parse(List.of("-namespace", "k8s.io", "-id", "pod", "start"));

  private EngineFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(
        () -> Metrics.of(StatsContainerResponse.decode(data), Optional.empty()),
        MalformedMessageException.class);
    Expect.parsed(
        () -> {
          StatsContainerResponse stats = StatsContainerResponse.decode(data);
          return Metrics.sum(List.of(stats, stats), Optional.empty());
        },
        MalformedMessageException.class);
    Expect.parsed(
        () -> MetricsV1.of(StatsContainerResponse.decode(data), Optional.empty()),
        MalformedMessageException.class);
    Expect.parsed(() -> StartDialogue.read(FLAGS, data, name -> ""));
    Input input = new Input(data);
    Any any = Any.builder().typeUrl(input.choose(TYPES)).value(input.rest()).build();
    Expect.parsed(() -> PodResources.of(any));
  }
}
