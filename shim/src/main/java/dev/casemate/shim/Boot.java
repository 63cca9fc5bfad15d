package dev.casemate.shim;

import dev.casemate.network.NetworkConfig;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.cri.DNSConfig;
import dev.casemate.protocol.cri.LinuxContainerResources;
import dev.casemate.protocol.cri.PodSandboxConfig;
import dev.casemate.sandbox.JailOptions;
import dev.casemate.sandbox.SandboxConfig;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.VmOptions;
import dev.casemate.sandbox.VmSize;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a shim's VM is to be: from the node's configuration, and from the first container's
 * specification or the pod's.
 *
 * @param hostname the VM's name: that of the pod or container
 * @param sysctls kernel parameters of a pod without a pause container, which would have them
 * @param node the node's configuration, with what the annotations change
 */
record Boot(
    SandboxConfig config, String hostname, Map<String, String> sysctls, RuntimeConfig node) {
  private static final int HOTPLUG_PORTS = 8;
  private static final int HOSTNAME_LIMIT = 63;
  private static final String MEMORY = "io.kubernetes.cri.sandbox-memory";
  private static final String CPU_QUOTA = "io.kubernetes.cri.sandbox-cpu-quota";
  private static final String CPU_PERIOD = "io.kubernetes.cri.sandbox-cpu-period";

  /**
   * For a container, or for a pod by its pause container.
   *
   * @param options the engine's, where it has told them otherwise than with the shim's start
   */
  static Boot ofSpec(ShimRecord record, RuntimeOptions options, SandboxPaths paths, Spec spec) {
    RuntimeConfig node = RuntimeConfig.load(options, paths);
    Map<String, String> annotations = new LinkedHashMap<>(spec.annotations());
    if (!Grouping.of(record.group(), spec).pod()) {
      addLimits(annotations, spec);
    }
    NetworkConfig network = NetworkConfig.ofNamespace(namespace(spec), node.networkModel());
    String cgroupsPath = spec.linux().cgroupsPath();
    return make(
        record,
        node,
        annotations,
        network,
        spec.hostname(),
        Map.of(),
        JailOptions.groupBeside(cgroupsPath, record.sandboxId()));
  }

  /** A container with a VM to itself: its limits are the sandbox's. */
  private static void addLimits(Map<String, String> annotations, Spec spec) {
    Resources resources = spec.linux().resources();
    put(annotations, MEMORY, resources.memory().limit().orElse(0L));
    put(annotations, CPU_QUOTA, resources.cpu().quota().orElse(0L));
    put(annotations, CPU_PERIOD, resources.cpu().period().orElse(0L));
  }

  /** The path of the network namespace, empty for a new one; absent for the host's. */
  private static Optional<String> namespace(Spec spec) {
    return spec.linux().namespace("network").map(LinuxSpec.Namespace::path);
  }

  private static void put(Map<String, String> annotations, String name, long value) {
    if (value > 0) {
      annotations.putIfAbsent(name, Long.toString(value));
    }
  }

  /**
   * For a pod without a pause container, as the sandbox service makes it.
   *
   * @param netns path of its network namespace
   * @param annotations those that containerd passes on
   */
  static Boot ofPod(
      ShimRecord record,
      SandboxPaths paths,
      PodSandboxConfig pod,
      String netns,
      Map<String, String> annotations) {
    RuntimeConfig node = RuntimeConfig.load(record.options(), paths);
    Map<String, String> all = new LinkedHashMap<>(pod.annotations());
    all.putAll(annotations);
    LinuxContainerResources limits =
        pod.linux()
            .flatMap(linux -> linux.resources())
            .orElseGet(() -> LinuxContainerResources.builder().build());
    put(all, MEMORY, limits.memoryLimitInBytes());
    put(all, CPU_QUOTA, limits.cpuQuota());
    put(all, CPU_PERIOD, limits.cpuPeriod());
    NetworkConfig network = network(node, pod, netns);
    String parent = pod.linux().map(linux -> linux.cgroupParent()).orElse("");
    return make(
        record,
        node,
        all,
        network,
        pod.hostname(),
        sysctls(pod),
        JailOptions.groupIn(parent, record.sandboxId()));
  }

  /**
   * The pod's kernel parameters, with those that containerd gives to pause containers unless it is
   * configured otherwise: any user may listen at any port and send pings.
   */
  private static Map<String, String> sysctls(PodSandboxConfig pod) {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("net.ipv4.ip_unprivileged_port_start", "0");
    all.put("net.ipv4.ping_group_range", "0 2147483647");
    pod.linux().ifPresent(linux -> all.putAll(linux.sysctls()));
    return all;
  }

  private static NetworkConfig network(RuntimeConfig node, PodSandboxConfig pod, String netns) {
    NetworkConfig network =
        NetworkConfig.ofNamespace(
            netns.isEmpty() ? Optional.empty() : Optional.of(netns), node.networkModel());
    if (network instanceof NetworkConfig.Namespace namespace && pod.dnsConfig().isPresent()) {
      DNSConfig dns = pod.dnsConfig().get();
      return new NetworkConfig.Namespace(
          namespace.path(),
          new dev.casemate.network.DnsConfig(dns.servers(), dns.searches(), dns.options()),
          namespace.model());
    }
    return network;
  }

  private static Boot make(
      ShimRecord record,
      RuntimeConfig node,
      Map<String, String> annotations,
      NetworkConfig network,
      String hostname,
      Map<String, String> sysctls,
      String group) {
    RuntimeConfig config = Annotations.apply(node, annotations);
    VmSize configured = new VmSize(config.memoryMib(), config.vcpus());
    VmSize host = VmSize.ofHost();
    VmSize most =
        new VmSize(
            Math.min(host.memoryMib(), config.maxMemoryMib()),
            Math.min(host.vcpus(), config.maxVcpus()));
    VmOptions options = config.vmOptions(VmSize.atStart(configured, most, annotations));
    String own = hostname.isEmpty() ? record.group() : hostname;
    return new Boot(
        new SandboxConfig(
            record.sandboxId(),
            options,
            Optional.of(network),
            config.sharing(),
            HOTPLUG_PORTS,
            // A single container without limits is to fit into the VM as it was started.
            new VmSize(Math.max(1, config.memoryMib() - VmSize.OVERHEAD_MIB), config.vcpus()),
            most,
            // A group that the configuration names is the shim's as a whole; see OwnCgroup.
            config.jail().inGroup(config.cgroup().isEmpty() ? group : "")),
        own.substring(0, Math.min(own.length(), HOSTNAME_LIMIT)),
        sysctls,
        config);
  }
}
