package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.bootstrap.BootstrapParams;
import dev.casemate.protocol.bootstrap.BootstrapResult;
import dev.casemate.protocol.bootstrap.Extension;
import dev.casemate.protocol.google.Any;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * What containerd tells a shim's start command, and in which words it expects the answer.
 *
 * @param answer the form of the answer
 * @param containerdAddress containerd's gRPC socket
 * @param ttrpcAddress where events go; may be empty
 * @param publishBinary publishes events where there is no such address
 * @param socketDirectory where the shim is to listen; empty for the usual place
 * @param options the runtime's options
 */
record StartDialogue(
    Answer answer,
    String containerdAddress,
    String ttrpcAddress,
    String publishBinary,
    String socketDirectory,
    boolean debug,
    Optional<Any> options) {
  /** The forms of the answer. */
  enum Answer {
    /** containerd 1.x before 1.7, and CRI-O: the address and nothing else. */
    ADDRESS,
    /** 1.7 to 2.2: JSON; the task service of version 2. */
    JSON_2,
    /** 2.0 to 2.2: the same, of version 3. */
    JSON_3,
    /** 2.3 and later: {@link BootstrapResult}. */
    PROTOBUF
  }

  private static final int DEBUG_LEVEL = -4;

  /**
   * Reads what was said in either dialogue. A runtime's options and the bootstrap parameters can be
   * taken for each other on the wire; the parameters repeat what the flags say.
   *
   * @param input all of standard input
   * @param environment looks up a variable, empty if it is not set
   * @throws CasemateException INVALID_ARGUMENT if the input is neither, or speaks of another
   *     container than the flags
   */
  static StartDialogue read(ShimFlags flags, byte[] input, UnaryOperator<String> environment) {
    Optional<BootstrapParams> parameters = bootstrap(flags, input);
    if (parameters.isPresent()) {
      return of(flags, parameters.get(), environment);
    }
    String address = first(flags.address(), environment.apply("GRPC_ADDRESS"));
    return new StartDialogue(
        // CRI-O asks by containerd's library, which says the version, but takes what comes for the
        // address.
        address.isEmpty() ? Answer.ADDRESS : answer(environment.apply("MAX_SHIM_VERSION")),
        address,
        environment.apply("TTRPC_ADDRESS"),
        flags.publishBinary(),
        "",
        flags.debug(),
        options(input));
  }

  private static Optional<BootstrapParams> bootstrap(ShimFlags flags, byte[] input) {
    BootstrapParams parameters;
    try {
      parameters = BootstrapParams.decode(input);
    } catch (MalformedMessageException e) {
      return Optional.empty();
    }
    if (parameters.instanceId().equals(flags.id())
        && parameters.namespace().equals(flags.namespace())) {
      return Optional.of(parameters);
    }
    // Options have nothing beside the two strings.
    if (!parameters.containerdVersion().isEmpty()
        || !parameters.containerdGrpcAddress().isEmpty()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "standard input names container \""
              + parameters.instanceId()
              + "\" in namespace \""
              + parameters.namespace()
              + "\", but the flags name \""
              + flags.id()
              + "\" in \""
              + flags.namespace()
              + "\"");
    }
    return Optional.empty();
  }

  private static StartDialogue of(
      ShimFlags flags, BootstrapParams parameters, UnaryOperator<String> environment) {
    Optional<Any> options = Optional.empty();
    for (Extension extension : parameters.extensions()) {
      Optional<Any> value = extension.value();
      if (value.isPresent() && RuntimeOptions.isKnown(value.get().typeUrl())) {
        options = value;
      }
    }
    return new StartDialogue(
        Answer.PROTOBUF,
        first(parameters.containerdGrpcAddress(), flags.address()),
        first(parameters.containerdTtrpcAddress(), environment.apply("TTRPC_ADDRESS")),
        first(parameters.containerdBinary(), flags.publishBinary()),
        parameters.socketDir(),
        flags.debug() || parameters.logLevel() <= DEBUG_LEVEL,
        options);
  }

  private static String first(String preferred, String otherwise) {
    return preferred.isEmpty() ? otherwise : preferred;
  }

  private static Answer answer(String maxVersion) {
    return switch (maxVersion) {
      case "" -> Answer.ADDRESS;
      case "1" -> Answer.ADDRESS;
      case "2" -> Answer.JSON_2;
      default -> Answer.JSON_3;
    };
  }

  private static Optional<Any> options(byte[] input) {
    if (input.length == 0) {
      return Optional.empty();
    }
    try {
      Any any = Any.decode(input);
      if (!any.typeUrl().isEmpty() && isText(any.typeUrl())) {
        return Optional.of(any);
      }
    } catch (MalformedMessageException e) {
      // Said below.
    }
    throw CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "the "
            + input.length
            + " bytes on standard input are neither a runtime's options (a protobuf Any) nor"
            + " containerd's bootstrap parameters");
  }

  private static boolean isText(String type) {
    for (int i = 0; i < type.length(); i++) {
      if (type.charAt(i) <= ' ' || type.charAt(i) > '~') {
        return false;
      }
    }
    return true;
  }

  /**
   * The answer's bytes.
   *
   * @param address {@code unix:///run/containerd/s/…}
   */
  byte[] answerBytes(String address) {
    return switch (answer) {
      case ADDRESS -> address.getBytes(StandardCharsets.UTF_8);
      case JSON_2 -> json(address, 2);
      case JSON_3 -> json(address, 3);
      case PROTOBUF ->
          BootstrapResult.builder().version(3).address(address).protocol("ttrpc").build().encode();
    };
  }

  private static byte[] json(String address, int version) {
    return new dev.casemate.base.Json.Obj()
        .put("version", version)
        .put("address", address)
        .put("protocol", "ttrpc")
        .text()
        .getBytes(StandardCharsets.UTF_8);
  }
}
