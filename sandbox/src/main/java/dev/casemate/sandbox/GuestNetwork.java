package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Text;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.RouteWatch;
import dev.casemate.network.Endpoint;
import dev.casemate.network.NetworkChange;
import dev.casemate.network.Networks;
import dev.casemate.network.SandboxNetwork;
import dev.casemate.network.Takeover;
import dev.casemate.rpc.RpcException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A sandbox's network: makes a network card of the VM for each interface of the namespace, tells
 * the guest what it is to look like, and keeps both in step with the namespace, which others may
 * change at any time (Docker furnishes it only after the container was created; {@code docker
 * network connect}).
 */
final class GuestNetwork implements AutoCloseable {
  private static final int DETACH_MILLIS = 15_000;

  /** Whoever furnishes a namespace does it in steps: wait until he pauses, but not for ever. */
  private static final int SETTLE_MILLIS = 50;

  private static final int SETTLE_ROUNDS = 20;

  private final Networks networks;
  private final String id;
  private final Consumer<String> warnings;
  private final Map<Integer, String> cards = new HashMap<>();
  private final Set<String> told = new HashSet<>();
  private final Fd stop = EventFd.open();
  private volatile SandboxNetwork network;
  private Optional<VirtualMachine> vm = Optional.empty();
  private Optional<AgentClient> agent = Optional.empty();
  private Optional<Thread> follower = Optional.empty();
  private int cardCount;
  private boolean suspended;
  private boolean closed;

  GuestNetwork(Networks networks, SandboxNetwork network, Consumer<String> warnings) {
    this.networks = networks;
    this.id = network.sandboxId();
    this.network = network;
    this.warnings = warnings;
  }

  String namespace() {
    return network.netnsPath();
  }

  /** The first address, or empty. */
  String address() {
    for (Endpoint endpoint : network.endpoints()) {
      for (IpNetwork address : endpoint.addresses()) {
        return address.address().toString();
      }
    }
    return "";
  }

  List<String> resolverLines() {
    return Text.split(network.dns().resolvConf(), '\n');
  }

  /**
   * The cards that the VM is to have at its start.
   *
   * @param opened takes the descriptors that the caller closes once the VMM runs
   */
  synchronized List<Device> cards(List<Fd> opened) {
    List<Device> devices = new ArrayList<>();
    for (Endpoint endpoint : network.endpoints()) {
      Fd tap = Takeover.openTap(namespace(), endpoint);
      opened.add(tap);
      devices.add(card(endpoint, tap));
    }
    return devices;
  }

  private Device card(Endpoint endpoint, Fd tap) {
    String deviceId = "nic" + cardCount++;
    cards.put(endpoint.linkIndex(), deviceId);
    return new Device.Nic(deviceId, tap, endpoint.mac().toString(), endpoint.mtu());
  }

  /** Tells the guest of all its interfaces. */
  synchronized void configure(VirtualMachine machine, AgentClient client) {
    vm = Optional.of(machine);
    agent = Optional.of(client);
    if (network.endpoints().isEmpty()) {
      return;
    }
    for (Endpoint endpoint : network.endpoints()) {
      if (cards.containsKey(endpoint.linkIndex())) {
        GuestInterfaces.configure(client, endpoint, place(endpoint));
      } else {
        add(client, endpoint);
      }
    }
    GuestInterfaces.route(client, network.endpoints());
  }

  /** Whether the VM has network cards. */
  synchronized boolean hasCards() {
    return !cards.isEmpty();
  }

  /** Takes all cards out of the VM; nothing is followed until {@link #resume}. */
  synchronized void suspend() {
    VirtualMachine machine = vm.orElseThrow();
    suspended = true;
    try {
      for (int link : new ArrayList<>(cards.keySet())) {
        machine.detach(cards.getOrDefault(link, ""), DETACH_MILLIS);
        cards.remove(link);
      }
    } catch (CasemateException e) {
      resume();
      throw e;
    }
  }

  /** Gives the VM its cards back, and what has changed meanwhile. */
  synchronized void resume() {
    if (closed) {
      return;
    }
    suspended = false;
    configure(vm.orElseThrow(), agent.orElseThrow());
    refreshQuietly();
  }

  private Optional<GuestAddress> place(Endpoint endpoint) {
    String deviceId = cards.get(endpoint.linkIndex());
    return deviceId == null ? Optional.empty() : Optional.of(vm.orElseThrow().address(deviceId));
  }

  /**
   * Begins to follow the namespace.
   *
   * @param changed is called after each look at it
   */
  synchronized void follow(Runnable changed) {
    if (closed || follower.isPresent()) {
      return;
    }
    RouteWatch watch = NetworkNamespace.run(namespace(), RouteWatch::open);
    follower = Optional.of(Threads.start("network", () -> follow(watch, changed)));
  }

  private void follow(RouteWatch watch, Runnable changed) {
    try (watch) {
      // What has changed before the watch began.
      refreshQuietly();
      int[] events = {Poll.IN, Poll.IN};
      while (true) {
        int[] ready = Poll.await(new int[] {watch.fd().number(), stop.number()}, events, -1);
        if (ready[1] != 0) {
          return;
        }
        for (int i = 0; i < SETTLE_ROUNDS && watch.drain(); i++) {
          if (Poll.await(stop, Poll.IN, SETTLE_MILLIS) != 0) {
            return;
          }
        }
        refreshQuietly();
        changed.run();
      }
    } catch (LinuxException e) {
      warn("the network namespace can no longer be watched: " + e.getMessage());
    }
  }

  private void refreshQuietly() {
    try {
      refresh();
    } catch (CasemateException | LinuxException | RpcException e) {
      if (!isClosed()) {
        warn("cannot update the guest's network: " + e.getMessage());
      }
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private void warn(String message) {
    boolean isNew;
    synchronized (told) {
      isNew = told.size() < 100 && told.add(message);
    }
    if (isNew) {
      warnings.accept(message);
    }
  }

  /**
   * Looks at the namespace now and gives the guest what it has. Before a container is started this
   * catches what the engine has done since it was created.
   */
  synchronized void refresh() {
    if (closed || suspended || vm.isEmpty() || agent.isEmpty()) {
      return;
    }
    NetworkChange change = networks.refresh(id);
    for (String problem : change.problems()) {
      warn(problem);
    }
    if (change.isEmpty()) {
      return;
    }
    AgentClient client = agent.get();
    // Gone first: another interface may have the name by now.
    for (Endpoint endpoint : change.gone()) {
      remove(client, endpoint);
    }
    network = change.network();
    List<String> failures = new ArrayList<>();
    for (Endpoint endpoint : change.changed()) {
      GuestInterfaces.configure(client, endpoint, place(endpoint));
    }
    List<Endpoint> working = new ArrayList<>(network.endpoints());
    for (Endpoint endpoint : change.added()) {
      try {
        add(client, endpoint);
      } catch (CasemateException e) {
        failures.add("interface " + endpoint.interfaceName() + ": " + e.getMessage());
        working.remove(endpoint);
      }
    }
    GuestInterfaces.route(client, working);
    if (!failures.isEmpty()) {
      throw CasemateException.of(Kind.RESOURCE_EXHAUSTED, String.join("; ", failures));
    }
  }

  private void add(AgentClient client, Endpoint endpoint) {
    GuestAddress place;
    try (Fd tap = Takeover.openTap(namespace(), endpoint)) {
      place = vm.orElseThrow().attach(card(endpoint, tap));
    } catch (CasemateException e) {
      cards.remove(endpoint.linkIndex());
      throw e;
    }
    GuestInterfaces.configure(client, endpoint, Optional.of(place));
  }

  private void remove(AgentClient client, Endpoint endpoint) {
    VirtualMachine machine = vm.orElseThrow();
    String deviceId = cards.get(endpoint.linkIndex());
    if (deviceId != null) {
      try {
        machine.detach(deviceId, DETACH_MILLIS);
      } catch (CasemateException e) {
        if (e.kind() != Kind.FAILED_PRECONDITION) {
          throw e;
        }
        // It was there when the VM started.
        machine.disconnect(deviceId);
        GuestInterfaces.clear(client, endpoint, Optional.of(machine.address(deviceId)));
      }
    }
    cards.remove(endpoint.linkIndex());
    networks.drop(id, endpoint);
  }

  /** Stops following; the network itself is given back by {@link Networks#release}. */
  @Override
  public void close() {
    Optional<Thread> thread;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      thread = follower;
      EventFd.signal(stop);
    }
    if (thread.isPresent()) {
      try {
        thread.get().join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    stop.close();
  }
}
