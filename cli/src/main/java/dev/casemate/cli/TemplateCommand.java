package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.Rfc3339;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.Table;
import dev.casemate.commandline.UsageException;
import dev.casemate.containers.ContainerDefaults;
import dev.casemate.guest.Guest;
import dev.casemate.guest.GuestStore;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Scheduling;
import dev.casemate.sandbox.JailOptions;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.Template;
import dev.casemate.sandbox.TemplateBuilder;
import dev.casemate.sandbox.TemplateKind;
import dev.casemate.sandbox.TemplateStore;
import dev.casemate.vmms.Vmms;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** {@code casemate template}: builds, lists and removes the VMs that others start as copies of. */
final class TemplateCommand implements Command {
  private static final int MOST_CPUS = 255;
  private static final long BACKGROUND_DELAY_NANOS = 2_000_000_000L;
  private static final int SCHED_IDLE = 5;
  private static final int LOWEST_NICE = 19;
  private static final int IO_IDLE = 3;

  @Override
  public String name() {
    return "template";
  }

  @Override
  public String usage() {
    return "build | ls | inspect KEY… | rm KEY…";
  }

  @Override
  public String summary() {
    return "build, list and remove templates: booted VMs that others start as copies of";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("guest", '\0', "NAME", "build: boot this guest (default: default)"),
        Option.value("kernel", '\0', "FILE", "build: boot this kernel"),
        Option.value("initramfs", '\0', "FILE", "build: with this initramfs"),
        Option.value("hypervisor", '\0', "NAME", "build: the VMM (default: qemu)"),
        Option.value("accel", '\0', "auto|kvm|tcg", "build: accelerator (default: auto)"),
        Option.value("cpus", '\0', "N", "build: vCPUs of the copies (default: 1)"),
        Option.value(
            "max-cpus", '\0', "N", "build: what copies may grow to (default: as many as --cpus)"),
        Option.value(
            "boot-timeout", '\0', "SECONDS", "build: how long to wait for the guest (default: 60)"),
        Option.flag("background", '\0', "build: later, with the lowest priority"),
        Option.flag("quiet", 'q', "ls: print keys only"),
        Option.value("format", '\0', "table|json", "ls: output format"));
  }

  @Override
  public int run(Arguments arguments) {
    List<String> words = arguments.operands("build, ls, inspect or rm");
    checkOptions(arguments, words.getFirst());
    List<String> keys = words.subList(1, words.size());
    return switch (words.getFirst()) {
      case "build" -> build(arguments);
      case "ls" -> list(arguments);
      case "inspect" -> inspect(keys);
      case "rm" -> remove(keys);
      default ->
          throw new UsageException(
              "unknown command \"template "
                  + words.getFirst()
                  + "\": expected template build, ls, inspect or rm");
    };
  }

  private void checkOptions(Arguments arguments, String word) {
    for (Option option : options()) {
      boolean fits = option.help().startsWith(word + ":");
      if (arguments.isGiven(option.name()) && !fits) {
        throw new UsageException("--" + option.name() + " cannot be used with template " + word);
      }
    }
  }

  private static TemplateStore store() {
    return new TemplateStore(SandboxPaths.system());
  }

  private static int build(Arguments arguments) {
    if (arguments.has("background")) {
      LockSupport.parkNanos(BACKGROUND_DELAY_NANOS);
      Scheduling.set(new Scheduling.Attributes(SCHED_IDLE, 0, LOWEST_NICE, 0, 0, 0, 0));
      try {
        Scheduling.ioPriority(IO_IDLE, 0);
      } catch (LinuxException e) {
        // It is polite, not necessary.
      }
    }
    TemplateKind kind = kind(arguments);
    int seconds =
        arguments.number(
            "boot-timeout",
            ContainerDefaults.BOOT_TIMEOUT_SECONDS,
            ContainerDefaults.LEAST_BOOT_TIMEOUT_SECONDS,
            ContainerDefaults.MOST_BOOT_TIMEOUT_SECONDS);
    Optional<Template> built =
        new TemplateBuilder(
                SandboxPaths.system(),
                kind,
                JailOptions.fromEnvironment(),
                warning -> Console.errLine("casemate: warning: " + warning))
            .build((arguments.has("background") ? 10 : 1) * seconds * 1000);
    if (built.isEmpty()) {
      Console.errLine("casemate: another process is making this template");
      return 0;
    }
    Template template = built.get();
    Console.outLine(
        "template "
            + template.key()
            + ": kernel "
            + template.kernelRelease()
            + ", "
            + Sizes.format(template.diskBytes())
            + ", in "
            + template.directory());
    return 0;
  }

  private static TemplateKind kind(Arguments arguments) {
    int vcpus = arguments.number("cpus", 1, 1, MOST_CPUS);
    String accelerator = arguments.last("accel", "auto");
    if (!AcceleratorChoice.WORDS.contains(accelerator)) {
      throw UsageException.ofValue("accel", accelerator, "auto, kvm or tcg");
    }
    String hypervisor = arguments.last("hypervisor", Vmms.DEFAULT);
    if (!Vmms.has(hypervisor)) {
      throw UsageException.ofValue(
          "hypervisor", hypervisor, "one of " + String.join(", ", Vmms.names()));
    }
    String kernel = arguments.last("kernel", "");
    String initramfs = arguments.last("initramfs", "");
    if (kernel.isEmpty() || initramfs.isEmpty()) {
      Guest guest = guest(arguments.last("guest", GuestStore.DEFAULT_NAME));
      kernel = kernel.isEmpty() ? guest.kernel().toString() : kernel;
      initramfs = initramfs.isEmpty() ? guest.initramfs().toString() : initramfs;
    }
    return new TemplateKind(
        hypervisor,
        accelerator,
        kernel,
        initramfs,
        vcpus,
        arguments.number("max-cpus", vcpus, vcpus, MOST_CPUS));
  }

  private static Guest guest(String name) {
    return Guests.store()
        .find(name)
        .orElseThrow(
            () ->
                CasemateException.of(
                    Kind.NOT_FOUND,
                    "guest \""
                        + name
                        + "\" has not been built; build it with: casemate guest build"));
  }

  private static int list(Arguments arguments) {
    List<TemplateStore.Entry> entries = store().list(Vmms.named(Vmms.DEFAULT));
    if (Formats.json(arguments)) {
      List<Json> values = new ArrayList<>();
      entries.forEach(entry -> values.add(json(entry)));
      Console.out(new Json.Arr(values).pretty());
      return 0;
    }
    Table table = new Table("KEY", "KERNEL", "VCPUS", "CREATED", "DISK", "STATUS");
    long now = System.currentTimeMillis();
    for (TemplateStore.Entry entry : entries) {
      if (arguments.has("quiet")) {
        Console.outLine(entry.key());
        continue;
      }
      Optional<Template> template = entry.template();
      table.row(
          entry.key(),
          template.map(Template::kernelRelease).orElse(""),
          template.map(t -> t.kind().vcpus() + " to " + t.kind().maxVcpus()).orElse(""),
          template.map(t -> Ages.of(now - t.createdMillis()) + " ago").orElse(""),
          template.map(t -> Sizes.format(t.diskBytes())).orElse(""),
          entry.problem().isEmpty() ? "ready" : entry.problem());
    }
    if (!arguments.has("quiet")) {
      Console.out(table.text());
    }
    for (Map.Entry<String, String> failed : store().failures().entrySet()) {
      Console.errLine(
          "casemate: template " + failed.getKey() + " could not be made: " + failed.getValue());
    }
    return 0;
  }

  private static Json.Obj json(TemplateStore.Entry entry) {
    Json.Obj json = new Json.Obj().put("key", entry.key());
    json.put("status", entry.problem().isEmpty() ? "ready" : entry.problem());
    entry
        .template()
        .ifPresent(
            template ->
                json.put("kernel", template.kind().kernel())
                    .put("initramfs", template.kind().initramfs())
                    .put("hypervisor", template.kind().hypervisor())
                    .put("accelerator", template.kind().accelerator())
                    .put("vcpus", template.kind().vcpus())
                    .put("maxVcpus", template.kind().maxVcpus())
                    .put("memoryMib", template.memoryMib())
                    .put("maxMemoryMib", template.maxMemoryMib())
                    .put("kernelRelease", template.kernelRelease())
                    .put("created", Rfc3339.millis(template.createdMillis()))
                    .put("diskBytes", template.diskBytes())
                    .put("directory", template.directory())
                    .put("facts", template.facts()));
    return json;
  }

  private static int inspect(List<String> keys) {
    requireKeys("inspect", keys);
    List<Json> values = new ArrayList<>();
    for (String key : keys) {
      values.add(json(store().find(key, Vmms.named(Vmms.DEFAULT))));
    }
    Console.out(new Json.Arr(values).pretty());
    return 0;
  }

  private static int remove(List<String> keys) {
    requireKeys("rm", keys);
    for (String key : keys) {
      store().remove(key);
      Console.outLine(key);
    }
    return 0;
  }

  private static void requireKeys(String word, List<String> keys) {
    if (keys.isEmpty()) {
      throw new UsageException("template " + word + " requires the KEY of a template");
    }
  }
}
