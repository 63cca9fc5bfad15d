package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.runtimeoptions.Options;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The options that an engine's configuration gives to this runtime: {@code
 * runtimeoptions.v1.Options} as containerd's CRI plugin ({@code
 * [plugins…runtimes.casemate.options]}) and dockerd ({@code "options"}) make them.
 *
 * @param configPath the configuration file; empty for the default one
 * @param configBody TOML in its stead; empty if there is none
 */
record RuntimeOptions(String configPath, String configBody) {
  static final RuntimeOptions NONE = new RuntimeOptions("", "");
  private static final String TYPE = "runtimeoptions.v1.Options";

  /** Whether a type's name, with or without a prefix as {@code type.googleapis.com/}, is ours. */
  static boolean isKnown(String typeUrl) {
    String type = typeUrl.substring(typeUrl.lastIndexOf('/') + 1);
    return type.equals(TYPE) || type.equals("cri.runtimeoptions.v1.Options");
  }

  boolean isEmpty() {
    return configPath.isEmpty() && configBody.isEmpty();
  }

  boolean isSameAs(RuntimeOptions other) {
    return configPath.equals(other.configPath) && configBody.equals(other.configBody);
  }

  /** Reads them; other runtimes' options, such as runc's defaults, are passed over. */
  static RuntimeOptions of(Optional<Any> any) {
    if (any.isEmpty() || !isKnown(any.get().typeUrl())) {
      return NONE;
    }
    try {
      Options options = Options.decode(any.get().value());
      return new RuntimeOptions(
          options.configPath(), new String(options.configBody(), StandardCharsets.UTF_8));
    } catch (MalformedMessageException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "the runtime's options are not valid " + TYPE + ": " + e.getMessage(),
          e);
    }
  }
}
