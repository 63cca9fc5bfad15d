package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.rpc.RpcException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * Brings together the two loopback interfaces of a sandbox, that of the network namespace which an
 * engine has furnished and that of the guest, where the engine counts on there being one. Who needs
 * none of it pays nothing.
 *
 * <p>A relay is a process of one container, and ends when that is deleted. So the pause container
 * is asked first, which lasts as long as its pod; where there is none, the next container that runs
 * takes over.
 */
final class LoopbackRelays implements AutoCloseable {
  private static final long PAUSE_NANOS = 100_000_000;
  private static final int TRIES = 8;

  private final Sandbox sandbox;

  /** Held while the guest is asked for a resolver, which {@link #close} does not wait for. */
  private final Object resolving = new Object();

  private Optional<RelayedResolver> resolver = Optional.empty();
  private Optional<PortForwarding> forwarding = Optional.empty();
  private volatile boolean closed;

  LoopbackRelays(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /** What a container needs from its first instruction on: its name servers. */
  void before(GuestContainer container) {
    Optional<String> namespace = sandbox.vm().foreignNamespace();
    if (namespace.isEmpty()) {
      return;
    }
    synchronized (resolving) {
      if (closed || resolver.filter(RelayedResolver::works).isPresent()) {
        return;
      }
      try {
        resolve(container, namespace.get());
      } catch (CasemateException | LinuxException | RpcException e) {
        sandbox.warn("the name servers of container " + container.id() + ": " + e.getMessage());
      }
    }
  }

  /** Whether the container wants name servers that are now answered for. */
  private boolean resolve(GuestContainer container, String namespace) {
    List<IpAddress> wanted = RelayedResolver.of(container.plan().spec());
    if (wanted.isEmpty()) {
      return false;
    }
    long begin = System.nanoTime();
    resolver =
        Optional.of(
            RelayedResolver.start(
                sandbox.vm().agent(),
                container.guestId(),
                wanted,
                namespace,
                ended -> replace(ended, namespace, System.nanoTime() - begin)));
    return true;
  }

  /**
   * Lets another container answer for the name servers. The old relay still listens for a moment,
   * so it may take several tries; one that ends again at once is not tried again as fast.
   */
  private void replace(RelayedResolver ended, String namespace, long livedNanos) {
    if (ended.mistrusted()) {
      return;
    }
    long pause = livedNanos < TRIES * PAUSE_NANOS ? TRIES * PAUSE_NANOS : PAUSE_NANOS;
    for (int i = 0; i < TRIES; i++) {
      LockSupport.parkNanos(pause << i);
      synchronized (resolving) {
        if (closed
            || !sandbox.isReady()
            || resolver.filter(RelayedResolver::works).isPresent()
            || replaced(namespace)) {
          return;
        }
      }
    }
  }

  private boolean replaced(String namespace) {
    for (GuestContainer container : running()) {
      try {
        if (resolve(container, namespace)) {
          return true;
        }
      } catch (LinuxException | RpcException e) {
        // It is being deleted just now, or the namespace is: the next try tells.
      }
    }
    return false;
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
                  namespace.get(), sandbox.vm().agent(), this::runningIds, sandbox::warn));
    } catch (CasemateException | LinuxException e) {
      // The loopback interface is down, so no program can connect to it either.
      if (!(e instanceof LinuxException failure) || failure.errno() != Errno.EADDRNOTAVAIL) {
        sandbox.warn("port-forward to the pod: " + e.getMessage());
      }
    }
  }

  private List<String> runningIds() {
    List<String> ids = new ArrayList<>();
    for (GuestContainer container : running()) {
      ids.add(container.guestId());
    }
    return ids;
  }

  /** The pause container first. */
  private List<GuestContainer> running() {
    List<GuestContainer> found = new ArrayList<>();
    for (GuestContainer container : sandbox.containers()) {
      if (container.init().running()) {
        found.add(container.plan().weightless() ? 0 : found.size(), container);
      }
    }
    return found;
  }

  @Override
  public synchronized void close() {
    closed = true;
    forwarding.ifPresent(PortForwarding::close);
    forwarding = Optional.empty();
  }
}
