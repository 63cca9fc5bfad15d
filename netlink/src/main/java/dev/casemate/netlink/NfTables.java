package dev.casemate.netlink;

import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Packet filter tables of the IPv4 family by netlink ({@code linux/netfilter/nf_tables.h}), in the
 * network namespace of the thread that called {@link #open}. For one thread at a time.
 */
public final class NfTables implements AutoCloseable {
  public static final int INET = 1;
  public static final int IPV4 = 2;
  public static final int HOOK_PREROUTING = 0;
  public static final int HOOK_FORWARD = 2;
  public static final int HOOK_OUTPUT = 3;
  public static final int HOOK_POSTROUTING = 4;
  public static final int PRIORITY_RAW = -300;
  public static final int PRIORITY_DESTINATION_NAT = -100;
  public static final int PRIORITY_FILTER = 0;
  public static final int PRIORITY_SOURCE_NAT = 100;

  /** Types as the program {@code nft} numbers them, so that it can show a map. */
  public static final int TYPE_IPV4_ADDRESS = 7;

  public static final int TYPE_PROTOCOL = 12;
  public static final int TYPE_SERVICE = 13;

  private static final int SUBSYSTEM = 10;
  private static final int NEW_TABLE = 0;
  private static final int GET_TABLE = 1;
  private static final int DELETE_TABLE = 2;
  private static final int NEW_CHAIN = 3;
  private static final int GET_CHAIN = 4;
  private static final int NEW_RULE = 6;
  private static final int NEW_SET = 9;
  private static final int NEW_ELEMENT = 12;
  private static final int GET_ELEMENT = 13;
  private static final int DELETE_ELEMENT = 14;
  private static final int BATCH_BEGIN = 0x10;
  private static final int BATCH_END = 0x11;
  private static final int SET_IS_MAP = 8;
  private static final int TYPE_BITS = 6;
  private static final int FIXED = 4;
  private static final int COMMENT_LIMIT = 250;

  private final Netlink netlink;

  private NfTables(Netlink netlink) {
    this.netlink = netlink;
  }

  /** Opens a socket in the calling thread's network namespace. */
  public static NfTables open() {
    return new NfTables(Netlink.open(Netlink.NETFILTER));
  }

  private static NetlinkMessage message(int type, int flags, int family) {
    return new NetlinkMessage(SUBSYSTEM << 8 | type, flags).put8(family).put8(0).put16(0);
  }

  private static NetlinkMessage bracket(int type) {
    return new NetlinkMessage(type, 0).put8(0).put8(0).put8(0).put8(SUBSYSTEM);
  }

  /** Changes that take effect together or not at all. */
  public static final class Batch {
    private final List<NetlinkMessage> messages = new ArrayList<>();
    private final String table;
    private int sets;

    /** Changes of one table. */
    public Batch(String table) {
      this.table = table;
    }

    /** Creates the table; one that exists is fine. */
    public Batch addTable() {
      messages.add(
          message(NEW_TABLE, NetlinkMessage.CREATE, IPV4).attribute(1, table).attributeBig32(2, 0));
      return this;
    }

    /** Deletes the table with all that is in it; ENOENT if there is none. */
    public Batch deleteTable() {
      messages.add(message(DELETE_TABLE, 0, IPV4).attribute(1, table));
      return this;
    }

    /**
     * Creates a chain at a hook that accepts what no rule decides.
     *
     * @param type {@code filter} or {@code nat}
     */
    public Batch addChain(String name, String type, int hook, int priority) {
      return addChain(name, type, hook, priority, false);
    }

    /** As the other, with a choice of what happens to what no rule decides. */
    public Batch addChain(String name, String type, int hook, int priority, boolean drops) {
      NetlinkMessage message =
          message(NEW_CHAIN, NetlinkMessage.CREATE, IPV4).attribute(1, table).attribute(3, name);
      int nest = message.beginNested(4);
      message.attributeBig32(1, hook).attributeBig32(2, priority).end(nest);
      messages.add(message.attributeBig32(5, drops ? 0 : 1).attribute(7, type));
      return this;
    }

    /** Appends a rule to a chain. */
    public Batch addRule(String chain, UnaryOperator<NfRule> expressions) {
      NfRule rule =
          new NfRule(
              message(NEW_RULE, NetlinkMessage.CREATE | NetlinkMessage.APPEND, IPV4)
                  .attribute(1, table)
                  .attribute(2, chain));
      messages.add(expressions.apply(rule).finish());
      return this;
    }

    /** Creates a map whose keys and values are concatenations of the given types, 32 bits each. */
    public Batch addMap(String name, int[] keyTypes, int[] valueTypes) {
      messages.add(
          message(NEW_SET, NetlinkMessage.CREATE, IPV4)
              .attribute(1, table)
              .attribute(2, name)
              .attributeBig32(3, SET_IS_MAP)
              .attributeBig32(4, concatenation(keyTypes))
              .attributeBig32(5, 4 * keyTypes.length)
              .attributeBig32(6, concatenation(valueTypes))
              .attributeBig32(7, 4 * valueTypes.length)
              .attributeBig32(10, ++sets));
      return this;
    }

    private static int concatenation(int[] types) {
      int all = 0;
      for (int type : types) {
        all = all << TYPE_BITS | type;
      }
      return all;
    }

    /** Adds an element to a map; EEXIST if the key is taken. */
    public Batch addElement(String map, Element element) {
      messages.add(
          element(NEW_ELEMENT, NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE, map, element));
      return this;
    }

    /** Deletes the element with this key; ENOENT if there is none. */
    public Batch deleteElement(String map, Element element) {
      messages.add(element(DELETE_ELEMENT, 0, map, new Element(element.key(), new byte[0], "")));
      return this;
    }

    private NetlinkMessage element(int type, int flags, String map, Element element) {
      NetlinkMessage message = message(type, flags, IPV4).attribute(1, table).attribute(2, map);
      int elements = message.beginNested(3);
      int one = message.beginNested(1);
      int key = message.beginNested(1);
      message.attribute(1, element.key()).end(key);
      if (element.value().length > 0) {
        int value = message.beginNested(2);
        message.attribute(1, element.value()).end(value);
      }
      if (!element.comment().isEmpty()) {
        message.attribute(6, comment(element.comment()));
      }
      return message.end(one).end(elements);
    }

    /** libnftnl's user data: type 0 is a comment, a string with its NUL. */
    private static byte[] comment(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      if (bytes.length > COMMENT_LIMIT) {
        throw new IllegalArgumentException("comment of " + bytes.length + " bytes is too long");
      }
      byte[] data = new byte[bytes.length + 3];
      data[1] = (byte) (bytes.length + 1);
      System.arraycopy(bytes, 0, data, 2, bytes.length);
      return data;
    }
  }

  /**
   * An element of a map.
   *
   * @param comment empty if there is none
   */
  @SuppressWarnings("ArrayRecordComponent") // Bytes for the kernel; nobody compares elements.
  public record Element(byte[] key, byte[] value, String comment) {}

  /**
   * A chain at a hook.
   *
   * @param hook number of the hook, −1 for a chain that is only jumped to
   * @param drops whether its policy is to drop
   */
  public record Chain(int family, String table, String name, int hook, boolean drops) {}

  public void apply(Batch batch, String what) {
    if (!batch.messages.isEmpty()) {
      netlink.transact(bracket(BATCH_BEGIN), batch.messages, bracket(BATCH_END), what);
    }
  }

  /** Names of all IPv4 tables. */
  public List<String> tables() {
    List<String> names = new ArrayList<>();
    for (NetlinkReader reply : netlink.dump(message(GET_TABLE, 0, IPV4), "list tables")) {
      if (reply.type() == (SUBSYSTEM << 8 | NEW_TABLE)) {
        names.add(NetlinkReader.string(reply.attributes(FIXED), 1));
      }
    }
    return names;
  }

  public boolean hasTable(String name) {
    try {
      netlink.request(message(GET_TABLE, 0, IPV4).attribute(1, name), "find table " + name);
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  /** The chains of all families and tables. */
  public List<Chain> chains() {
    List<Chain> chains = new ArrayList<>();
    for (NetlinkReader reply : netlink.dump(message(GET_CHAIN, 0, 0), "list chains")) {
      if (reply.type() != (SUBSYSTEM << 8 | NEW_CHAIN)) {
        continue;
      }
      List<NetlinkReader> attributes = reply.attributes(FIXED);
      Optional<NetlinkReader> hook = NetlinkReader.find(attributes, 4);
      Optional<NetlinkReader> number =
          hook.isEmpty() ? hook : NetlinkReader.find(hook.get().attributes(0), 1);
      Optional<NetlinkReader> policy = NetlinkReader.find(attributes, 5);
      chains.add(
          new Chain(
              reply.u8(0),
              NetlinkReader.string(attributes, 1),
              NetlinkReader.string(attributes, 3),
              number.isPresent() ? number.get().big32(0) : -1,
              policy.isPresent() && policy.get().big32(0) == 0));
    }
    return chains;
  }

  /** The elements of a map; none if the table or the map is not there. */
  public List<Element> elements(String table, String map) {
    List<Element> elements = new ArrayList<>();
    NetlinkMessage request = message(GET_ELEMENT, 0, IPV4).attribute(1, table).attribute(2, map);
    List<NetlinkReader> replies;
    try {
      replies = netlink.dump(request, "list map " + map);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return elements;
      }
      throw e;
    }
    for (NetlinkReader reply : replies) {
      if (reply.type() != (SUBSYSTEM << 8 | NEW_ELEMENT)) {
        continue;
      }
      Optional<NetlinkReader> list = NetlinkReader.find(reply.attributes(FIXED), 3);
      if (list.isPresent()) {
        for (NetlinkReader one : list.get().attributes(0)) {
          List<NetlinkReader> attributes = one.attributes(0);
          elements.add(
              new Element(value(attributes, 1), value(attributes, 2), comment(attributes)));
        }
      }
    }
    return elements;
  }

  private static byte[] value(List<NetlinkReader> attributes, int type) {
    Optional<NetlinkReader> data = NetlinkReader.find(attributes, type);
    if (data.isEmpty()) {
      return new byte[0];
    }
    Optional<NetlinkReader> value = NetlinkReader.find(data.get().attributes(0), 1);
    return value.isPresent() ? value.get().bytes() : new byte[0];
  }

  private static String comment(List<NetlinkReader> attributes) {
    Optional<NetlinkReader> data = NetlinkReader.find(attributes, 6);
    if (data.isEmpty() || data.get().size() < 3 || data.get().u8(0) != 0) {
      return "";
    }
    byte[] bytes = data.get().bytes();
    int length = Math.min(bytes[1] & 0xff, bytes.length - 2) - 1;
    return length <= 0 ? "" : new String(bytes, 2, length, StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    netlink.close();
  }
}
