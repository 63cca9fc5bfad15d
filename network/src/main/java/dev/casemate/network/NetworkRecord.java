package dev.casemate.network;

import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.NetworkRoute;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a sandbox's network is, on disk: written before anything is made and again when all is.
 *
 * @param kind {@code none}, {@code bridge} or {@code namespace}
 * @param complete whether it was made to the end
 * @param model how interfaces are joined that come later
 */
record NetworkRecord(String kind, boolean complete, NetworkModel model, SandboxNetwork network) {
  private static final int LIMIT = 16 << 20;

  void write(String file) {
    Json.Obj json =
        new Json.Obj()
            .put("id", network.sandboxId())
            .put("kind", kind)
            .put("complete", complete)
            .put("model", model.toString())
            .put("netns", network.netnsPath());
    List<Json.Obj> endpoints = new ArrayList<>();
    for (Endpoint endpoint : network.endpoints()) {
      endpoints.add(json(endpoint));
    }
    List<Json.Obj> published = new ArrayList<>();
    for (PortMapping mapping : network.published()) {
      published.add(
          new Json.Obj()
              .put("hostAddress", mapping.hostAddress().map(IpAddress::toString).orElse(""))
              .put("hostPort", mapping.hostPort())
              .put("containerPort", mapping.containerPort())
              .put("protocol", mapping.protocol().toString()));
    }
    json.putObjects("endpoints", endpoints)
        .put(
            "dns",
            new Json.Obj()
                .putStrings("nameservers", network.dns().nameservers())
                .putStrings("search", network.dns().search())
                .putStrings("options", network.dns().options()))
        .putObjects("published", published);
    FileContent.replace(file, json.pretty().getBytes(StandardCharsets.UTF_8), 0600);
  }

  private static Json.Obj json(Endpoint endpoint) {
    List<String> addresses = new ArrayList<>();
    for (IpNetwork address : endpoint.addresses()) {
      addresses.add(address.toString());
    }
    List<Json.Obj> routes = new ArrayList<>();
    for (NetworkRoute route : endpoint.routes()) {
      routes.add(
          new Json.Obj()
              .put("destination", route.destination().toString())
              .put("gateway", route.gateway().map(IpAddress::toString).orElse(""))
              .put("link", route.linkIndex())
              .put("source", route.source().map(IpAddress::toString).orElse(""))
              .put("metric", route.metric())
              .put("mtu", route.mtu())
              .put("scope", route.scope())
              .put("protocol", route.protocol())
              .put("onLink", route.onLink()));
    }
    List<Json.Obj> neighbours = new ArrayList<>();
    for (NetworkNeighbour neighbour : endpoint.neighbours()) {
      neighbours.add(
          new Json.Obj()
              .put("link", neighbour.linkIndex())
              .put("address", neighbour.address().toString())
              .put("mac", neighbour.mac().map(MacAddress::toString).orElse("")));
    }
    return new Json.Obj()
        .put("interface", endpoint.interfaceName())
        .put("link", endpoint.linkIndex())
        .put("joint", endpoint.joint().toString())
        .put("tap", endpoint.tapName())
        .put("mac", endpoint.mac().toString())
        .put("mtu", endpoint.mtu())
        .put("noArp", endpoint.noArp())
        .putStrings("addresses", addresses)
        .putObjects("routes", routes)
        .putObjects("neighbours", neighbours);
  }

  /** Empty if there is no file, or it is not whole. */
  static Optional<NetworkRecord> read(String file) {
    String text;
    try {
      text = FileContent.readString(file, LIMIT);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    }
    Json.Obj json = Json.parseObject(text);
    List<Endpoint> endpoints = new ArrayList<>();
    for (Json.Obj endpoint : json.objects("endpoints")) {
      endpoints.add(endpoint(endpoint));
    }
    List<PortMapping> published = new ArrayList<>();
    for (Json.Obj mapping : json.objects("published")) {
      published.add(
          new PortMapping(
              address(mapping.string("hostAddress")),
              (int) mapping.integer("hostPort", 0),
              (int) mapping.integer("containerPort", 0),
              mapping.string("protocol").equals("udp") ? Protocol.UDP : Protocol.TCP));
    }
    Json.Obj dns = json.object("dns").orElse(new Json.Obj());
    return Optional.of(
        new NetworkRecord(
            json.string("kind"),
            json.bool("complete", false),
            NetworkModel.parse(json.string("model")),
            new SandboxNetwork(
                json.string("id"),
                json.string("netns"),
                endpoints,
                new Dns(dns.strings("nameservers"), dns.strings("search"), dns.strings("options")),
                published)));
  }

  private static Optional<IpAddress> address(String text) {
    return text.isEmpty() ? Optional.empty() : Optional.of(IpAddress.parse(text));
  }

  private static Endpoint endpoint(Json.Obj json) {
    List<IpNetwork> addresses = new ArrayList<>();
    for (String address : json.strings("addresses")) {
      addresses.add(IpNetwork.parse(address));
    }
    List<NetworkRoute> routes = new ArrayList<>();
    for (Json.Obj route : json.objects("routes")) {
      routes.add(
          new NetworkRoute(
              IpNetwork.parse(route.string("destination")),
              address(route.string("gateway")),
              (int) route.integer("link", 0),
              address(route.string("source")),
              (int) route.integer("metric", 0),
              (int) route.integer("mtu", 0),
              (int) route.integer("scope", 0),
              NetworkRoute.TABLE_MAIN,
              NetworkRoute.UNICAST,
              (int) route.integer("protocol", NetworkRoute.PROTOCOL_STATIC),
              route.bool("onLink", false)));
    }
    List<NetworkNeighbour> neighbours = new ArrayList<>();
    for (Json.Obj neighbour : json.objects("neighbours")) {
      neighbours.add(
          new NetworkNeighbour(
              (int) neighbour.integer("link", 0),
              IpAddress.parse(neighbour.string("address")),
              Optional.of(MacAddress.parse(neighbour.string("mac"))),
              NetworkNeighbour.PERMANENT));
    }
    return new Endpoint(
        json.string("interface"),
        (int) json.integer("link", 0),
        Joint.parse(json.string("joint")),
        json.string("tap"),
        MacAddress.parse(json.string("mac")),
        (int) json.integer("mtu", 0),
        json.bool("noArp", false),
        addresses,
        routes,
        neighbours);
  }
}
