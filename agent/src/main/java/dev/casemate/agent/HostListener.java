package dev.casemate.agent;

import dev.casemate.linux.Epoll;
import dev.casemate.linux.Fd;
import dev.casemate.linux.VsockSocket;
import java.util.Optional;

/**
 * Serves the host by connections that it makes, one at a time: the next one waits until the one
 * before has ended. Connections of the guest's own processes are closed, and those that come from
 * the host without rights there.
 */
final class HostListener implements HostEnd {
  /** Where connections come from. */
  interface Source {
    /** One that has come in; empty if none waits. */
    Optional<VsockSocket.Accepted> next();
  }

  private final Loop loop;
  private final Console console;
  private final Fd listener;
  private final Source source;
  private final boolean reservedOnly;
  private final HostConnection.Service service;
  private Optional<HostConnection> current = Optional.empty();
  private boolean warned;

  HostListener(
      Loop loop,
      Console console,
      Fd listener,
      Source source,
      boolean reservedOnly,
      HostConnection.Service service) {
    this.loop = loop;
    this.console = console;
    this.listener = listener;
    this.source = source;
    this.reservedOnly = reservedOnly;
    this.service = service;
  }

  @Override
  public void start() {
    loop.watch(listener, Epoll.IN, _ -> accept());
  }

  @Override
  public boolean isFlushed() {
    return current.isEmpty() || current.get().isFlushed();
  }

  private void accept() {
    for (Optional<VsockSocket.Accepted> next = source.next();
        next.isPresent();
        next = source.next()) {
      VsockSocket.Accepted accepted = next.get();
      if (isHost(accepted.peer())) {
        loop.forget(listener);
        HostConnection connection =
            new HostConnection(loop, console, accepted.socket(), service, this::ended);
        current = Optional.of(connection);
        connection.start();
        return;
      }
      refuse(accepted);
    }
  }

  private boolean isHost(VsockSocket.Peer peer) {
    return peer.cid() == VsockSocket.HOST
        && (!reservedOnly || peer.port() <= VsockSocket.LAST_RESERVED_PORT);
  }

  private void refuse(VsockSocket.Accepted accepted) {
    accepted.socket().close();
    if (!warned) {
      // Once: who is refused decides how often.
      warned = true;
      console.warn("refused a connection from " + accepted.peer());
    }
  }

  private void ended() {
    current = Optional.empty();
    start();
  }
}
