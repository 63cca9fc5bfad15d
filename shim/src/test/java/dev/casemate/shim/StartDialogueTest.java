package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.protocol.bootstrap.BootstrapParams;
import dev.casemate.protocol.bootstrap.BootstrapResult;
import dev.casemate.protocol.bootstrap.Extension;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.runtimeoptions.Options;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StartDialogueTest {
  private static final ShimFlags FLAGS =
      ShimFlags.parse(
          List.of("-namespace", "default", "-address", "/run/c.sock", "-id", "c1", "start"));

  private static final String ADDRESS = "unix:///run/containerd/s/abc";

  private static StartDialogue read(byte[] input, Map<String, String> environment) {
    return StartDialogue.read(FLAGS, input, name -> environment.getOrDefault(name, ""));
  }

  private static byte[] options(String configPath) {
    return Any.builder()
        .typeUrl("runtimeoptions.v1.Options")
        .value(Options.builder().configPath(configPath).build().encode())
        .build()
        .encode();
  }

  @Test
  void containerd16WantsTheBareAddress() {
    StartDialogue dialogue = read(new byte[0], Map.of("TTRPC_ADDRESS", "/run/c.sock.ttrpc"));

    assertThat(dialogue.ttrpcAddress()).isEqualTo("/run/c.sock.ttrpc");
    assertThat(dialogue.containerdAddress()).isEqualTo("/run/c.sock");
    assertThat(dialogue.options()).isEmpty();
    assertThat(new String(dialogue.answerBytes(ADDRESS), StandardCharsets.UTF_8))
        .isEqualTo(ADDRESS);
  }

  @Test
  void containerd17WantsJson() {
    StartDialogue dialogue = read(new byte[0], Map.of("MAX_SHIM_VERSION", "2"));

    assertThat(new String(dialogue.answerBytes(ADDRESS), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"version\":2,\"address\":\"unix:///run/containerd/s/abc\",\"protocol\":\"ttrpc\"}");
  }

  @Test
  void crioWantsTheBareAddressWhateverItsLibrarySays() {
    ShimFlags flags =
        ShimFlags.parse(List.of("-namespace", "default", "-address", "", "-id", "c1", "start"));
    StartDialogue dialogue =
        StartDialogue.read(flags, new byte[0], name -> name.equals("MAX_SHIM_VERSION") ? "3" : "");

    assertThat(new String(dialogue.answerBytes(ADDRESS), StandardCharsets.UTF_8))
        .isEqualTo(ADDRESS);
  }

  @Test
  void containerd2IsToldTheThirdVersion() {
    StartDialogue dialogue = read(options("/etc/a.toml"), Map.of("MAX_SHIM_VERSION", "3"));

    assertThat(new String(dialogue.answerBytes(ADDRESS), StandardCharsets.UTF_8))
        .startsWith("{\"version\":3,");
    assertThat(RuntimeOptions.of(dialogue.options()).configPath()).isEqualTo("/etc/a.toml");
  }

  @Test
  void containerd23SpeaksProtobuf() throws Exception {
    BootstrapParams parameters =
        BootstrapParams.builder()
            .instanceId("c1")
            .namespace("default")
            .logLevel(-4)
            .containerdTtrpcAddress("/run/t")
            .containerdGrpcAddress("/run/g")
            .containerdBinary("/usr/bin/containerd")
            .socketDir("/run/elsewhere")
            .extensions(
                List.of(
                    Extension.builder()
                        .value(Any.builder().typeUrl("containerd.io/unknown").build())
                        .build(),
                    Extension.builder().value(Any.decode(options("/etc/b.toml"))).build()))
            .build();

    StartDialogue dialogue = read(parameters.encode(), Map.of("TTRPC_ADDRESS", "/run/other"));

    assertThat(dialogue.answer()).isEqualTo(StartDialogue.Answer.PROTOBUF);
    assertThat(dialogue.ttrpcAddress()).isEqualTo("/run/t");
    assertThat(dialogue.containerdAddress()).isEqualTo("/run/g");
    assertThat(dialogue.debug()).isTrue();
    assertThat(dialogue.socketDirectory()).isEqualTo("/run/elsewhere");
    assertThat(RuntimeOptions.of(dialogue.options()).configPath()).isEqualTo("/etc/b.toml");
    BootstrapResult result = BootstrapResult.decode(dialogue.answerBytes(ADDRESS));
    assertThat(result.version()).isEqualTo(3);
    assertThat(result.address()).isEqualTo(ADDRESS);
    assertThat(result.protocol()).isEqualTo("ttrpc");
  }

  /** On the wire, options could be parameters: both begin with two strings. */
  @Test
  void optionsAreNotTakenForParameters() {
    StartDialogue dialogue = read(options("/etc/a.toml"), Map.of());

    assertThat(dialogue.answer()).isEqualTo(StartDialogue.Answer.ADDRESS);
    assertThat(dialogue.options()).isPresent();
  }

  @Test
  void anEmptyStandardInputHasNoOptions() {
    StartDialogue dialogue = read(new byte[0], Map.of());

    assertThat(dialogue.options()).isEmpty();
    assertThat(RuntimeOptions.of(dialogue.options())).isEqualTo(RuntimeOptions.NONE);
  }

  @Test
  void rubbishOnStandardInputIsRefused() {
    for (byte[] rubbish :
        List.of(
            new byte[] {(byte) 0xff, 1, 2, 3},
            "{\"version\":3}".getBytes(StandardCharsets.UTF_8),
            Any.builder().typeUrl("\u0001\n").build().encode())) {
      assertThatThrownBy(() -> read(rubbish, Map.of()))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("bytes on standard input are neither");
    }
  }

  @Test
  void parametersOfAnotherContainerAreRefused() {
    BootstrapParams parameters =
        BootstrapParams.builder()
            .instanceId("c2")
            .namespace("default")
            .containerdGrpcAddress("/run/g")
            .build();

    assertThatThrownBy(() -> read(parameters.encode(), Map.of()))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("\"c2\"")
        .hasMessageContaining("\"c1\"");
  }
}
