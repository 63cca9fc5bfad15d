package dev.casemate.agent;

import dev.casemate.linux.IpAddress;
import dev.casemate.protocol.casemate.RelayRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code casemate.v1.Guest/StartRelay}: a child of the agent that carries what is local to the
 * guest's network to the host, or the other way round. The host's network namespace has a loopback
 * interface of its own; what programs expect there is brought together by this.
 */
final class StartRelay {
  private static final int HIGHEST_PORT = 65_535;
  private static final int RESOLVERS_LIMIT = 3;

  private StartRelay() {}

  static void handle(Agent agent, RelayRequest request) {
    GuestContainer container = agent.containers().find(request.containerId());
    int port = request.port();
    if (port < 0 || port > HIGHEST_PORT || (port == 0) == request.resolvers().isEmpty()) {
      throw Failures.invalid(
          "a relay requires a port from 1 to 65535 or resolvers, not port "
              + port
              + " and "
              + request.resolvers().size()
              + " resolvers");
    }
    List<IpAddress> resolvers = resolvers(request);
    container.reserve(request.execId());
    ForkedStream.start(
        agent,
        container,
        request.execId(),
        Optional.empty(),
        _ -> port > 0 ? PortRelay.run(port) : new ResolverRelay(resolvers).run());
  }

  private static List<IpAddress> resolvers(RelayRequest request) {
    if (request.resolvers().size() > RESOLVERS_LIMIT) {
      throw Failures.invalid("a relay supports at most " + RESOLVERS_LIMIT + " resolvers");
    }
    List<IpAddress> addresses = new ArrayList<>();
    for (String text : request.resolvers()) {
      IpAddress address;
      try {
        address = IpAddress.parse(text);
      } catch (IllegalArgumentException e) {
        throw Failures.invalid("resolver \"" + Console.printable(text) + "\" is not an IP address");
      }
      if (!address.isLoopback()) {
        throw Failures.invalid("resolver " + address + " is not on the loopback interface");
      }
      addresses.add(address);
    }
    return addresses;
  }
}
