package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.containers.ContainerConfig;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.RootFs;
import dev.casemate.containers.SandboxClient;
import dev.casemate.containers.SandboxLauncher;
import dev.casemate.guest.Guest;
import dev.casemate.guest.GuestStore;
import dev.casemate.image.Image;
import dev.casemate.image.PullProgress;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Tty;
import dev.casemate.network.PortMapping;
import dev.casemate.oci.ImageConfig;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.Stdio;
import dev.casemate.sandbox.VmOptions;
import dev.casemate.vmms.Vmms;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code casemate run}: a container from an image, in a VM of its own. */
final class RunCommand implements Command {
  /**
   * Less than this no kernel of ours comes up with; see docs/performance.md for how it was found.
   */
  private static final int MINIMUM_MEMORY_MIB = 112;

  private static final int DEFAULT_MEMORY_MIB = 1024;
  private static final int MAXIMUM_MEMORY_MIB = 1 << 20;
  private static final int DEFAULT_SCRATCH_MIB = 10 * 1024;
  private static final int MINIMUM_SCRATCH_MIB = 16;
  private static final int MAXIMUM_HOSTNAME_BYTES = 64;
  private static final int GONE_TIMEOUT_MILLIS = 20_000;

  @Override
  public String name() {
    return "run";
  }

  @Override
  public String usage() {
    return "IMAGE [COMMAND [ARGUMENT…]]";
  }

  @Override
  public String summary() {
    return "run a command in a new container, in a VM of its own";
  }

  @Override
  public List<Option> options() {
    return RunOptions.ALL;
  }

  @Override
  public boolean interspersed() {
    return false;
  }

  @Override
  public int run(Arguments arguments) {
    final long startMicros = Machine.monotonicMicros();
    List<String> words = arguments.operands("IMAGE");
    SandboxPaths paths = SandboxPaths.system();
    ContainerStore store = new ContainerStore(paths);
    checkTerminal(arguments);
    String rootfs = arguments.last("rootfs", "erofs");
    if (!rootfs.equals("erofs") && !rootfs.equals("virtiofs")) {
      throw Arguments.usage("option --rootfs is \"" + rootfs + "\", expected erofs or virtiofs");
    }
    VmOptions vm = vmOptions(arguments);
    Image image = Images.resolve(paths, arguments, words.getFirst());
    ImageConfig defaults = image.config();
    ContainerSpec builder =
        new ContainerSpec(
            arguments,
            new ContainerSpec.ImageDefaults(
                defaults.entrypoint(),
                defaults.cmd(),
                defaults.env(),
                defaults.workingDir(),
                defaults.user(),
                defaults.volumes()));
    String id = Machine.randomHex(32);
    String hostname = hostname(arguments, id);
    List<String> command = builder.command(words.subList(1, words.size()));
    Json.Obj spec = builder.build(hostname, command);
    ContainerConfig config = config(arguments, id, words.getFirst(), image, command, vm);
    if (vm.accelerator().equals("auto")) {
      EmulationNotice.sayOnce(paths);
    }
    Streams.blockSignals();
    SandboxLauncher launcher = SandboxLauncher.create(store);
    try (SandboxClient client = launcher.launch(config, spec, startMicros)) {
      return arguments.has("detach")
          ? detach(store, client, config)
          : attach(store, client, config, arguments);
    }
  }

  private static String hostname(Arguments arguments, String id) {
    String hostname = arguments.last("hostname", id.substring(0, 12));
    boolean printable = !hostname.isEmpty();
    for (int i = 0; i < hostname.length(); i++) {
      char c = hostname.charAt(i);
      printable &= c > ' ' && c != '/' && c != 0x7f;
    }
    int bytes = hostname.getBytes(StandardCharsets.UTF_8).length;
    if (!printable || bytes > MAXIMUM_HOSTNAME_BYTES) {
      throw Arguments.usage(
          "option --hostname is \""
              + PlainText.line(hostname, 100)
              + "\", expected 1 to "
              + MAXIMUM_HOSTNAME_BYTES
              + " bytes without blanks and slashes");
    }
    return hostname;
  }

  private static void checkTerminal(Arguments arguments) {
    if (arguments.has("tty")
        && arguments.has("interactive")
        && !arguments.has("detach")
        && !Tty.isTerminal(Fd.STDIN)) {
      throw Arguments.usage(
          "option -t wants a terminal, but standard input is none; leave -t away");
    }
  }

  private static int detach(ContainerStore store, SandboxClient client, ContainerConfig config) {
    try {
      client.create(Stdio.none(config.terminal()));
      client.start("");
    } catch (CasemateException e) {
      discard(store, client, config);
      throw e;
    }
    Console.outLine(config.id());
    return 0;
  }

  private static int attach(
      ContainerStore store, SandboxClient client, ContainerConfig config, Arguments arguments) {
    int status;
    StartReport report = new StartReport(store, config.id());
    try (Streams streams =
        new Streams(
            store.paths().sandbox(config.id()), arguments.has("interactive"), config.terminal())) {
      streams.enterRawMode();
      Foreground foreground =
          new Foreground(
              client,
              streams,
              "",
              () -> {
                client.create(streams.stdio());
                client.start("");
                report.started();
              });
      status = foreground.run();
      report.firstByte(streams.firstByteMicros());
    } catch (RuntimeException e) {
      // One that did run keeps its record: its end is the store's business, as without us.
      if (!report.wasStarted()) {
        discard(store, client, config);
      }
      throw e;
    }
    if (!report.wasStarted()) {
      discard(store, client, config);
      return status;
    }
    finish(client);
    if (arguments.has("timings")) {
      report.print();
    }
    return status;
  }

  private static void finish(SandboxClient client) {
    try {
      client.delete("");
    } catch (CasemateException gone) {
      // The sandbox ends by itself with its container; it was quicker.
    }
    if (!client.awaitGone(GONE_TIMEOUT_MILLIS)) {
      Console.errLine(
          "casemate: the sandbox did not end within "
              + GONE_TIMEOUT_MILLIS / 1000
              + " s; look for it with: casemate doctor");
    }
  }

  /** Leaves nothing of a container that was never started. */
  private static void discard(ContainerStore store, SandboxClient client, ContainerConfig config) {
    try {
      client.kill("", Signals.KILL, true);
    } catch (CasemateException gone) {
      // Then it is ending already.
    }
    client.awaitGone(GONE_TIMEOUT_MILLIS);
    store.load(config.id()).ifPresent(store::remove);
  }

  private static VmOptions vmOptions(Arguments arguments) {
    int memoryMib = DEFAULT_MEMORY_MIB;
    Optional<String> memory = arguments.last("memory");
    if (memory.isPresent()) {
      long bytes =
          Sizes.parse(memory.get())
              .orElseThrow(
                  () ->
                      Arguments.usage(
                          "option --memory is \""
                              + memory.get()
                              + "\", expected an amount such as 256m or 2g"));
      long mib = bytes >> 20;
      if (mib < MINIMUM_MEMORY_MIB || mib > MAXIMUM_MEMORY_MIB) {
        throw Arguments.usage(
            "option --memory is "
                + memory.get()
                + " ("
                + mib
                + " MiB): a VM needs at least "
                + MINIMUM_MEMORY_MIB
                + " MiB for its kernel to boot, and has at most "
                + (MAXIMUM_MEMORY_MIB >> 10)
                + " GiB");
      }
      memoryMib = (int) mib;
    }
    int vcpus = ContainerSpec.cpus(arguments).map(cpus -> (int) Math.ceil(cpus)).orElse(1);
    String accelerator = arguments.last("accel", "auto");
    if (!List.of("auto", "kvm", "tcg").contains(accelerator)) {
      throw Arguments.usage("option --accel is \"" + accelerator + "\", expected auto, kvm or tcg");
    }
    String hypervisor = arguments.last("hypervisor", Vmms.DEFAULT);
    if (!Vmms.has(hypervisor)) {
      throw Arguments.usage(
          "option --hypervisor is \""
              + hypervisor
              + "\"; this build has: "
              + String.join(", ", Vmms.names()));
    }
    String kernel = arguments.last("kernel", "");
    String initramfs = arguments.last("initramfs", "");
    if (kernel.isEmpty() || initramfs.isEmpty()) {
      Guest guest = Guests.find(arguments.last("guest", GuestStore.DEFAULT_NAME));
      kernel = kernel.isEmpty() ? guest.kernel().toString() : kernel;
      initramfs = initramfs.isEmpty() ? guest.initramfs().toString() : initramfs;
    }
    requireFile("kernel", kernel);
    requireFile("initramfs", initramfs);
    return new VmOptions(
        hypervisor,
        accelerator,
        kernel,
        initramfs,
        memoryMib,
        vcpus,
        arguments.number("boot-timeout", 60, 1, 3600) * 1000);
  }

  private static void requireFile(String what, String path) {
    if (!Fs.exists(path)) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          what
              + " "
              + path
              + " does not exist; build the guest with: casemate guest build, or correct --"
              + what);
    }
  }

  private static ContainerConfig config(
      Arguments arguments,
      String id,
      String imageName,
      Image image,
      List<String> command,
      VmOptions vm) {
    String network =
        arguments.last("network", arguments.all("publish").isEmpty() ? "none" : "bridge");
    if (!network.equals("none") && !network.equals("bridge")) {
      String hint = network.equals("host") ? ": a VM cannot share the host's network" : "";
      throw Arguments.usage(
          "option --network is \"" + network + "\", expected none or bridge" + hint);
    }
    if (network.equals("none") && !arguments.all("publish").isEmpty()) {
      throw Arguments.usage("option --publish needs --network bridge");
    }
    // Said before anything is started.
    arguments.all("publish").forEach(PortMapping::parse);
    String stopSignal =
        arguments.last(
            "stop-signal",
            image.config().stopSignal().isEmpty() ? "TERM" : image.config().stopSignal());
    if (Signals.number(stopSignal) <= 0) {
      throw Arguments.usage(
          arguments.last("stop-signal").isPresent()
              ? "option --stop-signal is \"" + stopSignal + "\", which is no signal"
              : "STOPSIGNAL of image "
                  + imageName
                  + " is \""
                  + PlainText.line(stopSignal, 100)
                  + "\", which is no signal; give one with --stop-signal");
    }
    return new ContainerConfig(
        id,
        arguments.last("name").orElseGet(Names::random),
        imageName,
        image.digest().orElse(""),
        command,
        System.currentTimeMillis(),
        arguments.has("tty"),
        arguments.has("rm"),
        rootfs(arguments, image),
        vm,
        network,
        arguments.all("publish"),
        arguments.all("dns"),
        stopSignal,
        arguments.number("stop-timeout", 10, 0, 86_400),
        scratchMib(arguments),
        labels(arguments));
  }

  private static RootFs rootfs(Arguments arguments, Image image) {
    Optional<Image.Erofs> erofs = image.erofs();
    return erofs.isPresent() && !arguments.last("rootfs", "erofs").equals("virtiofs")
        ? new RootFs.Erofs(erofs.get().path())
        : new RootFs.Directory(image.directory(PullProgress.NONE));
  }

  private static int scratchMib(Arguments arguments) {
    Optional<String> text = arguments.last("scratch");
    if (text.isEmpty()) {
      return DEFAULT_SCRATCH_MIB;
    }
    long mib = Sizes.parse(text.get()).orElse(-1L) >> 20;
    if (text.get().equals("0")) {
      return 0;
    }
    if (mib < MINIMUM_SCRATCH_MIB || mib > 16 << 20) {
      throw Arguments.usage(
          "option --scratch is \""
              + text.get()
              + "\", expected 0 or an amount from "
              + MINIMUM_SCRATCH_MIB
              + "m to 16t");
    }
    return (int) mib;
  }

  private static Map<String, String> labels(Arguments arguments) {
    Map<String, String> labels = new LinkedHashMap<>();
    for (String label : arguments.all("label")) {
      int equals = label.indexOf('=');
      labels.put(
          equals < 0 ? label : label.substring(0, equals),
          equals < 0 ? "" : label.substring(equals + 1));
    }
    return labels;
  }
}
