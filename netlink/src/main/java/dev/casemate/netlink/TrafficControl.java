package dev.casemate.netlink;

import java.util.List;

/**
 * Queueing disciplines and filters (tc(8)): just what redirects one interface's traffic to another.
 */
public final class TrafficControl {
  private static final int NEW_QDISC = 36;
  private static final int DELETE_QDISC = 37;
  private static final int GET_QDISC = 38;
  private static final int NEW_FILTER = 44;
  private static final int GET_FILTER = 46;
  private static final int KIND = 1;
  private static final int OPTIONS = 2;
  private static final int INGRESS_PARENT = 0xfffffff1;
  private static final int INGRESS_HANDLE = 0xffff0000;
  private static final int PRIORITY = 1;
  private static final int ALL_PROTOCOLS_BIG = 0x0300;
  private static final int U32_SELECTOR = 5;
  private static final int U32_ACTIONS = 7;
  private static final int U32_TERMINAL = 1;
  private static final int ACTION_KIND = 1;
  private static final int ACTION_OPTIONS = 2;
  private static final int MIRRED_PARAMETERS = 2;
  private static final int ACTION_STOLEN = 4;
  private static final int EGRESS_REDIRECT = 1;

  private final Netlink netlink;

  /** Works in the namespace of {@code route}. */
  public TrafficControl(RouteNetlink route) {
    this.netlink = route.netlink();
  }

  private static NetlinkMessage message(
      int type, int flags, int index, int handle, int parent, int info) {
    return new NetlinkMessage(type, flags)
        .put32(0)
        .put32(index)
        .put32(handle)
        .put32(parent)
        .put32(info);
  }

  /** Gives an interface the ingress discipline, to which filters attach; EEXIST if it has one. */
  public void addIngress(int index) {
    netlink.request(
        message(
                NEW_QDISC,
                NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE,
                index,
                INGRESS_HANDLE,
                INGRESS_PARENT,
                0)
            .attribute(KIND, "ingress"),
        "add ingress qdisc to link " + index);
  }

  /** Takes the ingress discipline with all its filters away. */
  public void deleteIngress(int index) {
    netlink.request(
        message(DELETE_QDISC, 0, index, INGRESS_HANDLE, INGRESS_PARENT, 0),
        "delete ingress qdisc of link " + index);
  }

  /** Kinds of the disciplines of an interface: {@code ingress}, {@code noqueue}, … */
  public List<String> disciplines(int index) {
    List<String> kinds = new java.util.ArrayList<>();
    for (NetlinkReader reply : netlink.dump(message(GET_QDISC, 0, index, 0, 0, 0), "list qdiscs")) {
      if (reply.type() == NEW_QDISC && reply.i32(4) == index) {
        kinds.add(NetlinkReader.string(reply.attributes(20), KIND));
      }
    }
    return kinds;
  }

  /** Number of filters at an interface's ingress. */
  public int filterCount(int index) {
    int count = 0;
    for (NetlinkReader reply :
        netlink.dump(message(GET_FILTER, 0, index, 0, INGRESS_HANDLE, 0), "list filters")) {
      // u32 lists its hash tables too; a filter is what has a selector.
      if (reply.type() == NEW_FILTER
          && NetlinkReader.find(reply.attributes(20), OPTIONS)
              .flatMap(o -> NetlinkReader.find(o.attributes(0), U32_SELECTOR))
              .isPresent()) {
        count++;
      }
    }
    return count;
  }

  /**
   * Sends whatever arrives at {@code from}, which has the ingress discipline, out of {@code to}: a
   * u32 filter that matches everything, with the action {@code mirred egress redirect}.
   */
  public void redirectAll(int from, int to) {
    NetlinkMessage message =
        message(
                NEW_FILTER,
                NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE,
                from,
                0,
                INGRESS_HANDLE,
                PRIORITY << 16 | ALL_PROTOCOLS_BIG)
            .attribute(KIND, "u32");
    int options = message.beginNested(OPTIONS);
    int selector = message.begin(U32_SELECTOR);
    // struct tc_u32_sel with one key whose mask and value are 0.
    message.put8(U32_TERMINAL).put8(0).put8(1).put8(0);
    message.put16(0).put16(0).put16(0).put16(0).put32(0);
    message.put32(0).put32(0).put32(0).put32(0).end(selector);
    int actions = message.beginNested(U32_ACTIONS);
    int action = message.beginNested(1);
    message.attribute(ACTION_KIND, "mirred");
    int actionOptions = message.beginNested(ACTION_OPTIONS);
    int parameters = message.begin(MIRRED_PARAMETERS);
    // struct tc_mirred.
    message.put32(0).put32(0).put32(ACTION_STOLEN).put32(0).put32(0);
    message.put32(EGRESS_REDIRECT).put32(to).end(parameters);
    message.end(actionOptions).end(action).end(actions).end(options);
    netlink.request(message, "redirect link " + from + " to link " + to);
  }
}
