package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.CasemateException;
import dev.casemate.rpc.RpcException;
import java.util.Optional;

/**
 * Brings together the two loopback interfaces of a sandbox, that of the network namespace which an
 * engine has furnished and that of the guest, where the engine counts on there being one. Who needs
 * none of it pays nothing.
 */
final class LoopbackRelays implements AutoCloseable {
  private final Sandbox sandbox;
  private Optional<RelayedResolver> resolver = Optional.empty();
  private Optional<PortForwarding> forwarding = Optional.empty();
  private boolean closed;

  LoopbackRelays(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * What a container needs from its first instruction on: its name servers. They answer as long as
   * the container is there that wanted them first; the next one that starts takes over.
   */
  synchronized void before(GuestContainer container) {
    Optional<String> namespace = sandbox.vm().foreignNamespace();
    if (closed || namespace.isEmpty() || resolver.filter(RelayedResolver::works).isPresent()) {
      return;
    }
    try {
      resolver = RelayedResolver.start(sandbox.vm().agent(), container, namespace.get());
    } catch (CasemateException | LinuxException | RpcException e) {
      sandbox.warn("the name servers of container " + container.id() + ": " + e.getMessage());
    }
  }

  /** What a pod needs once it runs: port-forward. */
  synchronized void after(GuestContainer container) {
    Optional<String> namespace = sandbox.vm().foreignNamespace();
    if (closed
        || forwarding.isPresent()
        || namespace.isEmpty()
        || !container.plan().scope().pod()) {
      return;
    }
    try {
      forwarding =
          Optional.of(
              PortForwarding.start(
                  namespace.get(), sandbox.vm().agent(), this::running, sandbox::warn));
    } catch (CasemateException | LinuxException e) {
      // The loopback interface is down: so nobody can connect to it either.
      if (!(e instanceof LinuxException failure) || failure.errno() != Errno.EADDRNOTAVAIL) {
        sandbox.warn("port-forward to the pod: " + e.getMessage());
      }
    }
  }

  private Optional<String> running() {
    for (GuestContainer container : sandbox.containers()) {
      if (container.init().running()) {
        return Optional.of(container.id());
      }
    }
    return Optional.empty();
  }

  @Override
  public synchronized void close() {
    closed = true;
    forwarding.ifPresent(PortForwarding::close);
    forwarding = Optional.empty();
  }
}
