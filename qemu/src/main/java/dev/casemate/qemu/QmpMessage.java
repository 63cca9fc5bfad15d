package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;

/** What QEMU says on its control socket (QEMU: docs/interop/qmp-spec.txt). */
sealed interface QmpMessage {
  /** The first message. */
  record Greeting(String version) implements QmpMessage {}

  /** A command has succeeded. */
  record Return(long id, Json value) implements QmpMessage {}

  /** A command has failed. */
  record Failure(long id, String errorClass, String description) implements QmpMessage {}

  /** Something happened. */
  record Event(String name, Json.Obj data) implements QmpMessage {}

  /**
   * Reads one line.
   *
   * @throws CasemateException CORRUPT or INVALID_ARGUMENT for anything else than a message
   */
  static QmpMessage parse(String line) {
    Json.Obj message = Json.parseObject(line);
    if (message.has("event")) {
      return new Event(message.string("event"), message.object("data").orElseGet(Json.Obj::new));
    }
    if (message.fields().containsKey("return")) {
      return new Return(
          message.integer("id", -1), message.find("return").orElseGet(Json.Null::new));
    }
    Json.Obj error = message.object("error").orElse(null);
    if (error != null) {
      return new Failure(message.integer("id", -1), error.string("class"), error.string("desc"));
    }
    Json.Obj greeting = message.object("QMP").orElse(null);
    if (greeting != null) {
      Json.Obj version =
          greeting.object("version").flatMap(v -> v.object("qemu")).orElseGet(Json.Obj::new);
      return new Greeting(
          version.integer("major", 0)
              + "."
              + version.integer("minor", 0)
              + "."
              + version.integer("micro", 0));
    }
    throw CasemateException.of(
        CasemateException.Kind.CORRUPT, "QEMU sent a message of an unknown kind");
  }
}
