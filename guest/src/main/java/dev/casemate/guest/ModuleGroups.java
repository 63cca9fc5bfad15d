package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.protocol.GuestContract;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The features that a guest can have and the kernel modules behind each.
 *
 * <p>An agent loads only the groups that its VM needs: each module costs about 10 ms without KVM.
 */
public final class ModuleGroups {
  private static final Map<String, List<String>> ALL = new LinkedHashMap<>();

  static {
    // In every guest.
    ALL.put(GuestContract.BASE_MODULES, List.of("virtio_pci", "virtio_console"));
    ALL.put("mmio", List.of("virtio_mmio", "virtio_console"));
    ALL.put(GuestContract.BLOCK_MODULES, List.of("virtio_blk"));
    ALL.put("erofs", List.of("erofs"));
    ALL.put(GuestContract.OVERLAY_MODULES, List.of("overlay"));
    ALL.put(GuestContract.SHARE_MODULES, List.of("virtiofs"));
    ALL.put(GuestContract.NET_MODULES, List.of("virtio_net"));
    ALL.put("rng", List.of("virtio_rng"));
    ALL.put(GuestContract.VSOCK_MODULES, List.of("vmw_vsock_virtio_transport"));
    ALL.put(GuestContract.MEMORY_MODULES, List.of("virtio_mem"));
    ALL.put("ext4", List.of("ext4"));
    // On request.
    ALL.put("9p", List.of("9p", "9pnet_virtio"));
    ALL.put("btrfs", List.of("btrfs"));
    // The host supplies it after the start; it takes no time then.
    ALL.put("balloon", List.of("virtio_balloon"));
    ALL.put("loop", List.of("loop"));
    ALL.put(
        "netfilter",
        List.of(
            "nf_tables",
            "nft_ct",
            "nft_nat",
            "nft_chain_nat",
            "nft_masq",
            "nft_redir",
            "nft_reject_inet",
            "nft_log",
            "nft_limit",
            "nft_compat",
            "ip_tables",
            "ip6_tables",
            "xt_addrtype",
            "xt_comment",
            "xt_conntrack",
            "xt_mark",
            "xt_MASQUERADE",
            "xt_multiport",
            "xt_nat",
            "xt_tcpudp"));
    ALL.put("pmem", List.of("nfit", "virtio_pmem", "nd_pmem"));
    ALL.put("scsi", List.of("virtio_scsi", "sd_mod"));
    ALL.put("squashfs", List.of("squashfs"));
    ALL.put("tun", List.of("tun", "veth", "bridge"));
    ALL.put("xfs", List.of("xfs"));
  }

  private static final Set<String> DEFAULT =
      Set.of(
          GuestContract.BASE_MODULES,
          "mmio",
          GuestContract.BLOCK_MODULES,
          "erofs",
          GuestContract.OVERLAY_MODULES,
          GuestContract.SHARE_MODULES,
          GuestContract.NET_MODULES,
          "rng",
          GuestContract.VSOCK_MODULES,
          GuestContract.MEMORY_MODULES,
          "ext4");

  private ModuleGroups() {}

  /** The groups that a guest has only when asked for. */
  public static List<String> optional() {
    List<String> names = new ArrayList<>();
    for (String name : ALL.keySet()) {
      if (!DEFAULT.contains(name)) {
        names.add(name);
      }
    }
    return names;
  }

  /** All groups. */
  public static List<String> all() {
    return List.copyOf(ALL.keySet());
  }

  /**
   * The default groups and {@code extra}, each with its modules in load order.
   *
   * <p>A default group that the kernel has not at all is left out; one that is built in has no
   * modules. {@code extra} and {@code base} must be there.
   */
  static Map<String, List<String>> resolve(ModuleTree tree, List<String> extra, Progress progress) {
    requireKnown(extra);
    Map<String, List<String>> groups = new LinkedHashMap<>();
    for (Map.Entry<String, List<String>> group : ALL.entrySet()) {
      String name = group.getKey();
      boolean required = extra.contains(name) || name.equals(GuestContract.BASE_MODULES);
      if (!required && !DEFAULT.contains(name)) {
        continue;
      }
      try {
        groups.put(name, tree.closure(group.getValue()));
      } catch (CasemateException e) {
        if (e.kind() != Kind.NOT_FOUND) {
          throw e;
        }
        if (required) {
          throw CasemateException.of(
              Kind.NOT_FOUND,
              "This kernel has no feature '"
                  + name
                  + "': "
                  + Failure.message(e)
                  + ". Omit it, or use another kernel package such as linux-image-amd64");
        }
        progress.step("Skipping feature '" + name + "': " + Failure.message(e));
      }
    }
    return groups;
  }

  /**
   * The groups of a kernel without modules.
   *
   * @param builtin what it has; when that is not known, it is taken to have the default groups and
   *     {@code extra}
   */
  static Map<String, List<String>> builtin(List<String> builtin, List<String> extra) {
    requireKnown(extra);
    Map<String, List<String>> groups = new LinkedHashMap<>();
    for (String name : ALL.keySet()) {
      boolean wanted = extra.contains(name);
      if (builtin.isEmpty() ? wanted || DEFAULT.contains(name) : builtin.contains(name)) {
        groups.put(name, List.of());
      } else if (wanted) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "The lean kernel has no feature '"
                + name
                + "'. It has: "
                + String.join(", ", builtin)
                + ". Add the kernel options for it in a file of additional options");
      }
    }
    return groups;
  }

  static void requireKnown(List<String> extra) {
    for (String name : extra) {
      if (!ALL.containsKey(name)) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "Unknown guest feature '" + name + "'. Features: " + String.join(", ", ALL.keySet()));
      }
    }
  }

  /** All modules of the groups, each once, dependencies first. */
  static List<String> union(Map<String, List<String>> groups) {
    Set<String> modules = new LinkedHashSet<>();
    for (List<String> group : groups.values()) {
      modules.addAll(group);
    }
    return new ArrayList<>(modules);
  }

  /**
   * The text of {@code /lib/modules/groups}: a line a group, "name: module module …", in load
   * order. The group {@value #GuestContract.EXTRA_MODULES} has what was added on request: the agent
   * loads it in each VM.
   */
  static String text(Map<String, List<String>> groups) {
    StringBuilder text = new StringBuilder();
    for (Map.Entry<String, List<String>> group : groups.entrySet()) {
      text.append(group.getKey()).append(':');
      for (String module : group.getValue()) {
        text.append(' ').append(module);
      }
      text.append('\n');
    }
    Map<String, List<String>> added = new LinkedHashMap<>(groups);
    added.keySet().removeAll(DEFAULT);
    if (!added.isEmpty()) {
      text.append(GuestContract.EXTRA_MODULES)
          .append(": ")
          .append(String.join(" ", union(added)))
          .append('\n');
    }
    return text.toString();
  }
}
