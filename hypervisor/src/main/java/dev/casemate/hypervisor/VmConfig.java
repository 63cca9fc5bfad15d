package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import dev.casemate.jail.JailUser;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * What a virtual machine is made of. Everything is checked when the record is built: a wrong value
 * is an INVALID_ARGUMENT that names it.
 *
 * @param vmId names the VM in errors and process lists: {@code [A-Za-z0-9][A-Za-z0-9_.-]*}, up to
 *     128 characters
 * @param runDirectory holds the VM's sockets; is created with mode 0700; short, as a socket's path
 *     has at most 107 bytes
 * @param kernel an uncompressed x86-64 ELF with a PVH note, or a bzImage
 * @param initramfs may be empty: none
 * @param kernelParameters come after those that the driver itself sets, so that they win
 * @param memoryMib at boot
 * @param maxMemoryMib what it may grow to; {@code memoryMib} for never
 * @param vcpus at boot
 * @param maxVcpus what they may grow to
 * @param hotplugPorts how many devices may be attached later at one time, 0 to 14
 * @param sharedMemory memory that other processes can map: needed by a {@link Device.FileShare} now
 *     (then it is implied) or later
 * @param becomesTemplate whether the VM is to be saved by {@link VirtualMachine#saveTemplate}
 * @param networkNamespace path of a network namespace to start the VMM in; empty for the caller's
 * @param console whether the guest has a serial console that {@link VirtualMachine#console} keeps
 * @param jail whom the VMM runs as, shut into a jail; empty: as the caller, without a jail
 */
public record VmConfig(
    String vmId,
    String runDirectory,
    String kernel,
    String initramfs,
    List<String> kernelParameters,
    int memoryMib,
    int maxMemoryMib,
    int vcpus,
    int maxVcpus,
    AcceleratorChoice accelerator,
    List<Device> devices,
    int hotplugPorts,
    boolean sharedMemory,
    boolean becomesTemplate,
    String networkNamespace,
    boolean console,
    Optional<JailUser> jail) {

  /** The accelerator that the caller requests. */
  public enum AcceleratorChoice {
    /** KVM where it can run an ordinary kernel, else emulation; see {@link Accelerator}. */
    AUTO,
    KVM,
    TCG;

    /** The words for them, in configuration files and options. */
    public static final List<String> WORDS = List.of("auto", "kvm", "tcg");

    /** By its word. */
    public static AcceleratorChoice of(String word) {
      return valueOf(word.toUpperCase(Locale.ROOT));
    }
  }

  /** Greatest number of hot-plug ports. */
  public static final int MAX_HOTPLUG_PORTS = 14;

  /** Greatest number of devices at boot: the slots that the hot-plug ports leave. */
  public static final int MAX_DEVICES = 14;

  public VmConfig {
    kernelParameters = List.copyOf(kernelParameters);
    devices = List.copyOf(devices);
    require(
        DeviceNames.isVmId(vmId), "VM id", vmId, "letters, digits, '_', '.' and '-', up to 128");
    require(runDirectory.startsWith("/"), "run directory", runDirectory, "an absolute path");
    require(kernel.startsWith("/"), "guest kernel", kernel, "an absolute path");
    require(
        initramfs.isEmpty() || initramfs.startsWith("/"),
        "initramfs",
        initramfs,
        "an absolute path");
    require(memoryMib >= 8 && memoryMib <= 1 << 22, "memory (MiB)", "" + memoryMib, "8 to 4194304");
    require(
        maxMemoryMib >= memoryMib && maxMemoryMib <= 1 << 22,
        "maximum memory (MiB)",
        "" + maxMemoryMib,
        "at least the memory at boot, " + memoryMib);
    require(vcpus >= 1 && vcpus <= 255, "number of vCPUs", "" + vcpus, "1 to 255");
    require(
        maxVcpus >= vcpus && maxVcpus <= 255,
        "maximum number of vCPUs",
        "" + maxVcpus,
        "at least the number at boot, " + vcpus + ", up to 255");
    require(
        hotplugPorts >= 0 && hotplugPorts <= MAX_HOTPLUG_PORTS,
        "number of hot-plug ports",
        "" + hotplugPorts,
        "0 to " + MAX_HOTPLUG_PORTS);
    require(
        devices.size() <= MAX_DEVICES,
        "number of devices",
        "" + devices.size(),
        "up to " + MAX_DEVICES + " at boot");
    Set<String> ids = new HashSet<>();
    int channels = 0;
    for (Device device : devices) {
      DeviceNames.check(device);
      require(ids.add(device.id()), "device id", device.id(), "an id that no other device has");
      sharedMemory |= device instanceof Device.FileShare;
      channels += device instanceof Device.Channel ? 1 : 0;
    }
    require(channels <= 1, "number of agent channels", "" + channels, "at most one");
    for (String parameter : kernelParameters) {
      require(
          parameter.indexOf('\n') < 0 && parameter.indexOf('\0') < 0,
          "kernel parameter",
          parameter.replace('\n', ' ').replace('\0', ' '),
          "one without newline or NUL");
    }
  }

  private static void require(boolean holds, String what, String value, String expected) {
    if (!holds) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          what + " \"" + value + "\" is not valid: expected " + expected);
    }
  }

  /** The agent channel among the devices, if there is one. */
  public Optional<Device.Channel> agentChannel() {
    for (Device device : devices) {
      if (device instanceof Device.Channel channel) {
        return Optional.of(channel);
      }
    }
    return Optional.empty();
  }

  public static Builder builder(String vmId, String runDirectory) {
    return new Builder(vmId, runDirectory);
  }

  /** Collects the parts; defaults: 256 MiB, 1 vCPU, AUTO, no ports, with console. */
  public static final class Builder {
    private final String vmId;
    private final String runDirectory;
    private String kernel = "";
    private String initramfs = "";
    private final List<String> kernelParameters = new ArrayList<>();
    private int memoryMib = 256;
    private int maxMemoryMib;
    private int vcpus = 1;
    private int maxVcpus;
    private AcceleratorChoice accelerator = AcceleratorChoice.AUTO;
    private final List<Device> devices = new ArrayList<>();
    private int hotplugPorts;
    private boolean sharedMemory;
    private boolean becomesTemplate;
    private String networkNamespace = "";
    private boolean console = true;
    private Optional<JailUser> jail = Optional.empty();

    private Builder(String vmId, String runDirectory) {
      this.vmId = vmId;
      this.runDirectory = runDirectory;
    }

    public Builder kernel(String path) {
      kernel = path;
      return this;
    }

    public Builder initramfs(String path) {
      initramfs = path;
      return this;
    }

    public Builder kernelParameter(String parameter) {
      kernelParameters.add(parameter);
      return this;
    }

    public Builder kernelParameters(List<String> parameters) {
      kernelParameters.addAll(parameters);
      return this;
    }

    public Builder memoryMib(int mib) {
      memoryMib = mib;
      return this;
    }

    public Builder maxMemoryMib(int mib) {
      maxMemoryMib = mib;
      return this;
    }

    public Builder vcpus(int count) {
      vcpus = count;
      return this;
    }

    public Builder maxVcpus(int count) {
      maxVcpus = count;
      return this;
    }

    public Builder accelerator(AcceleratorChoice choice) {
      accelerator = choice;
      return this;
    }

    public Builder device(Device device) {
      devices.add(device);
      return this;
    }

    public Builder hotplugPorts(int count) {
      hotplugPorts = count;
      return this;
    }

    public Builder sharedMemory(boolean shared) {
      sharedMemory = shared;
      return this;
    }

    public Builder becomesTemplate(boolean wanted) {
      becomesTemplate = wanted;
      return this;
    }

    public Builder networkNamespace(String path) {
      networkNamespace = path;
      return this;
    }

    public Builder console(boolean wanted) {
      console = wanted;
      return this;
    }

    public Builder jail(Optional<JailUser> user) {
      jail = user;
      return this;
    }

    public VmConfig build() {
      return new VmConfig(
          vmId,
          runDirectory,
          kernel,
          initramfs,
          kernelParameters,
          memoryMib,
          Math.max(maxMemoryMib, memoryMib),
          vcpus,
          Math.max(maxVcpus, vcpus),
          accelerator,
          devices,
          hotplugPorts,
          sharedMemory,
          becomesTemplate,
          networkNamespace,
          console,
          jail);
    }
  }
}
