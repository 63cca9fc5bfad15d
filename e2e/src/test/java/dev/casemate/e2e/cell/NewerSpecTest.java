package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the runtime-spec has since version 1.2.1 (config-linux.md). */
class NewerSpecTest extends SpecTest {
  private static String policy(String policy) {
    return out(
        b -> b.linux().put("memoryPolicy", json(policy)),
        "head -n 1 /proc/self/numa_maps | cut -d ' ' -f 2");
  }

  @Test
  void aMemoryPolicyIsSetForTheProcessAndForThoseOfAnExec() {
    assertThat(policy("{'mode':'MPOL_DEFAULT'}")).isEqualTo("default\n");
    assertThat(policy("{'mode':'MPOL_INTERLEAVE','nodes':'0'}")).isEqualTo("interleave:0\n");
    assertThat(policy("{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES']}"))
        .isEqualTo("bind=static:0\n");
    bundle("sleep", "1000")
        .with(b -> b.linux().put("memoryPolicy", json("{'mode':'MPOL_PREFERRED','nodes':'0'}")));
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    assertThat(ok("exec " + ID + " head -n 1 /proc/self/numa_maps").out()).contains("prefer:0");
  }

  @Test
  void aMemoryPolicyThatIsNoneMustGenerateAnError() {
    wrongPolicy("{'mode':'INTERLEAVE','nodes':'0'}", "invalid memory policy mode", "INTERLEAVE");
    wrongPolicy("{'nodes':'0'}", "invalid memory policy mode");
    wrongPolicy("{}", "invalid memory policy mode");
    wrongPolicy("{'mode':'MPOL_DEFAULT','nodes':'0-7'}", "mode requires 0 nodes but got 8");
    wrongPolicy("{'mode':'MPOL_BIND'}", "mode requires at least one node but got 0");
    wrongPolicy("{'mode':'MPOL_BIND','nodes':'0','flags':['F']}", "invalid memory policy flag");
    for (String nodes : List.of("0-9876543210", "1024", "a", "3-1")) {
      wrongPolicy(
          "{'mode':'MPOL_BIND','nodes':'" + nodes + "'}", "invalid memory policy node", nodes);
    }
    wrongPolicy(
        "{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES',"
            + "'MPOL_F_RELATIVE_NODES']}",
        "set_mempolicy",
        "invalid argument");
  }

  private static void wrongPolicy(String policy, String... fragments) {
    refused(b -> b.linux().put("memoryPolicy", json(policy)), fragments);
  }

  @Test
  void aNetworkDeviceMovesWithItsAddressesAndMayGetAnotherName() {
    box.ok(
        "ip link add moved type veth peer name stays && ip addr add 169.254.169.13/32 dev moved"
            + " && ip link set moved up mtu 1400");
    String out =
        out(
            b -> b.linux().put("netDevices", json("{'moved':{'name':'inside'}}")),
            "ip addr show dev inside");
    assertThat(out).contains("inet 169.254.169.13/32", "mtu 1400", "UP");
    // A pair of veth ends with either of its ends, once the namespace has ended.
    box.ok("while ip link show stays; do sleep 0.1; done; ! ip link show moved");
  }

  @Test
  void aNetworkDeviceMovesToANamespaceThatIsJoined() {
    box.ok("ip netns add joined && ip link add moved type veth peer name stays");
    try {
      String out =
          out(
              b -> {
                b.linux().put("netDevices", json("{'moved':{}}"));
                List<Json.Obj> namespaces = new ArrayList<>(b.linux().objects("namespaces"));
                namespaces.removeIf(namespace -> namespace.string("type").equals("network"));
                namespaces.add(json("{'type':'network','path':'/run/netns/joined'}"));
                b.linux().putObjects("namespaces", namespaces);
              },
              "ip link show dev moved");
      assertThat(out).contains("moved");
    } finally {
      box.ok("ip netns del joined; ip link del stays 2> /dev/null; true");
    }
  }

  @Test
  void networkDevicesThatCannotMoveMustGenerateAnError() {
    devices("{'none':{}}", "none", "no network device");
    devices("{'lo':{'name':'a/b'}}", "invalid network device name", "a/b");
    devices("{'a':{'name':'x'},'b':{'name':'x'}}", "same name");
    refused(
        b -> {
          b.linux().put("netDevices", json("{'lo':{}}"));
          List<Json.Obj> namespaces = new ArrayList<>(b.linux().objects("namespaces"));
          namespaces.removeIf(namespace -> namespace.string("type").equals("network"));
          b.linux().putObjects("namespaces", namespaces);
        },
        "unable to move network devices without a NET namespace");
  }

  private static void devices(String devices, String... fragments) {
    refused(b -> b.linux().put("netDevices", json(devices)), fragments);
  }

  @Test
  void monitoringByResctrlIsRefusedByName() {
    refused(b -> b.linux().put("intelRdt", json("{'enableMonitoring':true}")), "linux.intelRdt");
  }
}
