package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.jail.UserRange;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.network.NetworkModel;
import dev.casemate.sandbox.AgentChannel;
import dev.casemate.sandbox.JailOptions;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.TemplateUse;
import dev.casemate.sandbox.VmOptions;
import dev.casemate.sandbox.VmSize;
import dev.casemate.vmms.Vmms;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How VMs are made for containerd: {@code /etc/casemate/config.toml}, see {@code
 * docs/containerd.md} for each key. A file that is not there means the defaults; one that an engine
 * names must be there.
 *
 * @param kernel absolute path
 * @param initramfs absolute path
 * @param guestPaths what annotations may name instead of these
 * @param memoryMib the VM's memory where nothing says how much its containers need
 * @param maxMemoryMib what annotations may ask for at most
 * @param maxVcpus what annotations may ask for at most
 * @param template whether VMs may start as copies of a template
 * @param agentChannel how the guest's agent is reached
 * @param sharing whether the VM can have directories and files of the host, by virtio-fs
 * @param cgroup where the shim and its VM live; empty: in a group beside the container's
 * @param jail whether VMM and file-sharing daemon run in a jail, and as which users
 * @param allowedAnnotations names of what annotations may change, or {@code *}
 */
record RuntimeConfig(
    String hypervisor,
    String accelerator,
    String kernel,
    String initramfs,
    GuestPaths guestPaths,
    int memoryMib,
    int maxMemoryMib,
    int vcpus,
    int maxVcpus,
    int bootTimeoutSeconds,
    TemplateUse template,
    AgentChannel agentChannel,
    boolean sharing,
    NetworkModel networkModel,
    String cgroup,
    JailOptions jail,
    boolean debug,
    List<String> allowedAnnotations) {
  static final String DEFAULT_PATH = "/etc/casemate/config.toml";
  private static final int LIMIT = 1 << 20;

  RuntimeConfig {
    allowedAnnotations = List.copyOf(allowedAnnotations);
  }

  RuntimeConfig withAccelerator(String other) {
    return with(other, kernel, initramfs, memoryMib, vcpus, sharing);
  }

  RuntimeConfig withBoot(String otherKernel, String otherInitramfs) {
    return with(accelerator, otherKernel, otherInitramfs, memoryMib, vcpus, sharing);
  }

  RuntimeConfig withMemoryMib(int other) {
    return with(accelerator, kernel, initramfs, other, vcpus, sharing);
  }

  RuntimeConfig withVcpus(int other) {
    return with(accelerator, kernel, initramfs, memoryMib, other, sharing);
  }

  RuntimeConfig withSharing(boolean other) {
    return with(accelerator, kernel, initramfs, memoryMib, vcpus, other);
  }

  /** A copy with other values of what annotations may set. */
  private RuntimeConfig with(
      String otherAccelerator,
      String otherKernel,
      String otherInitramfs,
      int otherMemoryMib,
      int otherVcpus,
      boolean otherSharing) {
    return new RuntimeConfig(
        hypervisor,
        otherAccelerator,
        otherKernel,
        otherInitramfs,
        guestPaths,
        otherMemoryMib,
        maxMemoryMib,
        otherVcpus,
        maxVcpus,
        bootTimeoutSeconds,
        template,
        agentChannel,
        otherSharing,
        networkModel,
        cgroup,
        jail,
        debug,
        allowedAnnotations);
  }

  /** The configuration that an engine's options stand for. */
  static RuntimeConfig load(RuntimeOptions options, SandboxPaths paths) {
    if (!options.configPath().isEmpty()) {
      try {
        return parse(
            options.configPath(), FileContent.readString(options.configPath(), LIMIT), paths);
      } catch (LinuxException e) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "configuration file \""
                + options.configPath()
                + "\", which the engine's configuration names as ConfigPath, cannot be read: "
                + e.getMessage(),
            e);
      }
    }
    if (!options.configBody().isEmpty()) {
      return parse("the engine's ConfigBody", options.configBody(), paths);
    }
    try {
      return parse(DEFAULT_PATH, FileContent.readString(DEFAULT_PATH, LIMIT), paths);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return parse(DEFAULT_PATH, "", paths);
      }
      throw e;
    }
  }

  static RuntimeConfig parse(String name, String text, SandboxPaths paths) {
    Reader reader = new Reader(name, Toml.parse(name, text));
    String guest = paths.guests() + "/" + reader.string("vm.guest", "default");
    RuntimeConfig config =
        new RuntimeConfig(
            reader.oneOf("vm.hypervisor", Vmms.names()),
            reader.oneOf("vm.accelerator", AcceleratorChoice.WORDS),
            reader.string("vm.kernel", guest + "/vmlinux"),
            reader.string("vm.initramfs", guest + "/initramfs.cpio"),
            new GuestPaths(
                reader.strings(GuestPaths.KERNEL_OPTION),
                reader.strings(GuestPaths.INITRAMFS_OPTION)),
            reader.integer("vm.memory_mib", 512, VmSize.LEAST_CONFIGURED_MIB, 1 << 22),
            reader.integer("vm.max_memory_mib", 1 << 22, VmSize.LEAST_CONFIGURED_MIB, 1 << 22),
            reader.integer("vm.vcpus", 1, 1, 240),
            reader.integer("vm.max_vcpus", 240, 1, 240),
            reader.integer("vm.boot_timeout_seconds", 60, 1, 3600),
            reader.template(),
            AgentChannel.of(reader.oneOf("vm.agent_channel", AgentChannel.WORDS)),
            reader.oneOf("vm.file_sharing", List.of("virtio-fs", "none")).equals("virtio-fs"),
            NetworkModel.parse(reader.string("network.model", "tcfilter")),
            reader.string("shim.cgroup", ""),
            jail(reader),
            reader.bool("shim.debug", false),
            reader.strings("annotations.allowed"));
    reader.end();
    return config;
  }

  private static JailOptions jail(Reader reader) {
    return new JailOptions(
        reader.bool("jail.enabled", true),
        UserRange.parse(
            reader.string(
                "jail.users", UserRange.DEFAULT.first() + ":" + UserRange.DEFAULT.count())),
        "",
        true);
  }

  /** A VM of a size. */
  VmOptions vmOptions(VmSize size) {
    for (String file : List.of(kernel, initramfs)) {
      if (!Fs.exists(file)) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "guest file \""
                + file
                + "\" does not exist; build the guest with: casemate guest build, or name another"
                + " in "
                + DEFAULT_PATH);
      }
    }
    return new VmOptions(
        hypervisor,
        accelerator,
        kernel,
        initramfs,
        size.memoryMib(),
        size.vcpus(),
        bootTimeoutSeconds * 1000,
        template,
        agentChannel);
  }

  /** Takes values and remembers which, so that misspelt keys can be reported. */
  private static final class Reader {
    private final String name;
    private final Map<String, Object> left;

    private Reader(String name, Map<String, Object> values) {
      this.name = name;
      this.left = new LinkedHashMap<>(values);
    }

    private CasemateException wrong(String key, Object value, String expected) {
      return CasemateException.of(
          Kind.INVALID_ARGUMENT,
          name + ": " + key + " = " + value + " is not valid: expected " + expected);
    }

    String string(String key, String otherwise) {
      Object value = left.remove(key);
      if (value == null) {
        return otherwise;
      }
      if (value instanceof String text) {
        return text;
      }
      throw wrong(key, value, "a string");
    }

    String oneOf(String key, List<String> words) {
      String value = string(key, words.getFirst());
      if (!words.contains(value)) {
        throw wrong(key, value, String.join(", ", words));
      }
      return value;
    }

    /** The environment's word holds where the file has none. */
    TemplateUse template() {
      String key = "vm.template";
      String value = string(key, TemplateUse.byDefault().word());
      if (!TemplateUse.WORDS.contains(value)) {
        throw wrong(key, value, String.join(", ", TemplateUse.WORDS));
      }
      return TemplateUse.of(value);
    }

    int integer(String key, int otherwise, int least, int most) {
      Object value = left.remove(key);
      if (value == null) {
        return otherwise;
      }
      if (value instanceof Long number && number >= least && number <= most) {
        return (int) (long) number;
      }
      throw wrong(key, value, "an integer from " + least + " to " + most);
    }

    boolean bool(String key, boolean otherwise) {
      Object value = left.remove(key);
      if (value == null) {
        return otherwise;
      }
      if (value instanceof Boolean bool) {
        return bool;
      }
      throw wrong(key, value, "true or false");
    }

    List<String> strings(String key) {
      Object value = left.remove(key);
      if (value == null) {
        return List.of();
      }
      if (value instanceof List<?> list) {
        List<String> strings = new java.util.ArrayList<>();
        for (Object entry : list) {
          strings.add(entry.toString());
        }
        return strings;
      }
      throw wrong(key, value, "an array of strings");
    }

    void end() {
      if (!left.isEmpty()) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            name
                + ": key \""
                + left.keySet().iterator().next()
                + "\" is unknown; docs/containerd.md lists the known keys");
      }
    }
  }
}
