package dev.casemate.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Errno;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class NfTablesTest {
  private static final NfTables.Element ONE =
      new NfTables.Element(
          new byte[] {6, 0, 0, 0, 31, (byte) 144, 0, 0},
          new byte[] {10, 0, 0, 1, 0, 80, 0, 0},
          "sandbox-1");
  private static final NfTables.Element OTHER =
      new NfTables.Element(new byte[] {6, 0, 0, 0, 0, 1, 0, 0}, ONE.value(), "sandbox-2");

  @TempDir Path directory;
  private String namespace = "";

  @BeforeEach
  void createNamespace() {
    namespace = directory.resolve("ns").toString();
    NetworkNamespace.create(namespace);
  }

  @AfterEach
  void destroyNamespace() {
    NetworkNamespace.destroy(namespace);
  }

  private NfTables.Batch batch() {
    return new NfTables.Batch("test");
  }

  /** A table with what Casemate's has: a map of ports, and chains that look into it. */
  private NfTables.Batch portTable() {
    return batch()
        .addTable()
        .addChain("in", "nat", NfTables.HOOK_PREROUTING, NfTables.PRIORITY_DESTINATION_NAT)
        .addChain("forward", "filter", NfTables.HOOK_FORWARD, NfTables.PRIORITY_FILTER)
        .addChain("out", "nat", NfTables.HOOK_POSTROUTING, NfTables.PRIORITY_SOURCE_NAT)
        .addMap(
            "ports",
            new int[] {NfTables.TYPE_PROTOCOL, NfTables.TYPE_SERVICE},
            new int[] {NfTables.TYPE_IPV4_ADDRESS, NfTables.TYPE_SERVICE})
        .addRule(
            "in",
            r ->
                r.destinationType(NfRule.TYPE_LOCAL)
                    .loadProtocol(0)
                    .loadPort(1)
                    .lookup("ports", 0, 4)
                    .destinationNat(4, 5))
        .addRule(
            "forward",
            r ->
                r.input("br0", false)
                    .output("br0", true)
                    .state(NfRule.STATE_ESTABLISHED_RELATED)
                    .accept())
        .addRule("forward", r -> r.status(NfRule.STATUS_DESTINATION_NAT).drop())
        .addRule(
            "out",
            r ->
                r.source(IpNetwork.parse("10.0.0.0/16"), true)
                    .destination(IpNetwork.parse("10.0.0.0/16"), false)
                    .masquerade())
        .addElement("ports", ONE);
  }

  private interface TableTask {
    void run(NfTables tables);
  }

  private void withPortTable(TableTask task) {
    try (NfTables tables = NetworkNamespace.run(namespace, NfTables::open)) {
      tables.apply(portTable(), "test");
      task.run(tables);
    }
  }

  @Test
  void aNamespaceBeginsWithoutTables() {
    try (NfTables tables = NetworkNamespace.run(namespace, NfTables::open)) {
      assertThat(tables.tables()).isEmpty();
      assertThat(tables.hasTable("test")).isFalse();
      assertThat(tables.elements("test", "ports")).isEmpty();
    }
  }

  @Test
  void aTableIsReadAsItWasMade() {
    withPortTable(
        tables -> {
          assertThat(tables.tables()).containsExactly("test");
          assertThat(tables.hasTable("test")).isTrue();
          assertThat(tables.chains())
              .contains(
                  new NfTables.Chain(NfTables.IPV4, "test", "in", NfTables.HOOK_PREROUTING, false));
          assertThat(tables.elements("test", "ports"))
              .usingRecursiveFieldByFieldElementComparator()
              .containsExactly(ONE);
        });
  }

  @Test
  void ofABatchThatFailsNothingIsDone() {
    withPortTable(
        tables -> {
          assertThatThrownBy(
                  () ->
                      tables.apply(
                          batch().addElement("ports", OTHER).addElement("ports", ONE), "twice"))
              .isInstanceOfSatisfying(
                  LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
          assertThat(tables.elements("test", "ports"))
              .extracting(NfTables.Element::comment)
              .containsExactly("sandbox-1");
        });
  }

  @Test
  void elementsComeAndGo() {
    withPortTable(
        tables -> {
          tables.apply(batch().addElement("ports", OTHER), "add");
          tables.apply(batch().deleteElement("ports", ONE), "delete");
          assertThat(tables.elements("test", "ports"))
              .extracting(NfTables.Element::comment)
              .containsExactly("sandbox-2");
        });
  }

  @Test
  void aTableGoesOnce() {
    withPortTable(
        tables -> {
          tables.apply(batch().deleteTable(), "delete");
          assertThatThrownBy(() -> tables.apply(batch().deleteTable(), "delete"))
              .isInstanceOfSatisfying(
                  LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
          assertThat(tables.tables()).isEmpty();
        });
  }

  @Test
  void bigBatches() {
    try (NfTables tables = NetworkNamespace.run(namespace, NfTables::open)) {
      NfTables.Batch batch =
          batch()
              .addTable()
              .addMap(
                  "ports", new int[] {NfTables.TYPE_SERVICE}, new int[] {NfTables.TYPE_SERVICE});
      for (int i = 0; i < 1000; i++) {
        batch.addElement(
            "ports",
            new NfTables.Element(
                new byte[] {(byte) (i >> 8), (byte) i, 0, 0}, new byte[] {1, 1, 0, 0}, "c" + i));
      }
      tables.apply(batch, "many");
      assertThat(tables.elements("test", "ports")).hasSize(1000);
    }
  }

  @Test
  void connectionsAreForgotten() {
    try (Conntrack connections = NetworkNamespace.run(namespace, Conntrack::open)) {
      assertThat(connections.forget(17, java.util.List.of(53), IpAddress.parse("192.0.2.1")))
          .isZero();
    }
  }
}
