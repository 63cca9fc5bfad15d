package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What the guest remembers of its sandbox. */
final class Sandbox {
  private @Nullable HostEnd host;
  private long readyMicros;
  private String id = "";
  private boolean created;
  private boolean ending;
  private Optional<String> pidNamespaceOwner = Optional.empty();
  private final UserNamespace users = new UserNamespace();

  void start(HostEnd end, long micros) {
    host = end;
    readyMicros = micros;
  }

  /** When the loop began, by the guest's monotonic clock. */
  long readyMicros() {
    return readyMicros;
  }

  /** Whether all answers are with the host. */
  boolean isFlushed() {
    return host == null || host.isFlushed();
  }

  String id() {
    return id;
  }

  void created(String sandboxId) {
    if (created) {
      throw CasemateException.of(Kind.ALREADY_EXISTS, "the guest already has sandbox " + id);
    }
    created = true;
    id = sandboxId;
  }

  boolean isEnding() {
    return ending;
  }

  void end() {
    ending = true;
  }

  UserNamespace users() {
    return users;
  }

  /** The container whose PID namespace those that ask for it share. */
  Optional<String> pidNamespaceOwner() {
    return pidNamespaceOwner;
  }

  void pidNamespaceOwner(String containerId) {
    pidNamespaceOwner = Optional.of(containerId);
  }
}
