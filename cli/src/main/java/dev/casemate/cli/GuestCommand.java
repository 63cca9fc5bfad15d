package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.Table;
import dev.casemate.commandline.UsageException;
import dev.casemate.guest.Guest;
import dev.casemate.guest.GuestSpec;
import dev.casemate.guest.GuestStore;
import dev.casemate.guest.KernelSource;
import dev.casemate.guest.Progress;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code casemate guest}: builds, lists and removes what VMs boot. */
final class GuestCommand implements Command {
  @Override
  public String name() {
    return "guest";
  }

  @Override
  public String usage() {
    return "build | ls | rm NAME…";
  }

  @Override
  public String summary() {
    return "build, list and remove guests: a kernel and the agent's initramfs";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("name", '\0', "NAME", "name of the guest (default: default)"),
        Option.value("agent", '\0', "FILE", "the agent's executable (default: next to casemate)"),
        Option.value("kernel", '\0', "FILE", "build: use this kernel (vmlinux or bzImage)"),
        Option.value("modules", '\0', "DIR", "build: with this directory of modules"),
        Option.value("package", '\0', "NAME", "build: use the kernel of this Debian package"),
        Option.value(
            "kernel-suite",
            '\0',
            "SUITE",
            "build: use the kernel of a Debian suite, such as trixie"),
        Option.flag("from-source", '\0', "build: compile a lean kernel from linux-source"),
        Option.value("config", '\0', "FILE", "with --from-source: additional kernel options"),
        Option.value("with", '\0', "GROUP", "build: include an optional group of modules"));
  }

  @Override
  public int run(Arguments arguments) {
    List<String> words = arguments.operands("build, ls or rm");
    if (words.getFirst().equals("ls") || words.getFirst().equals("rm")) {
      for (Option option : options()) {
        if (arguments.isGiven(option.name())) {
          throw new UsageException(
              "--" + option.name() + " cannot be used with guest " + words.getFirst());
        }
      }
    }
    return switch (words.getFirst()) {
      case "build" -> build(arguments);
      case "ls" -> list();
      case "rm" -> remove(words.subList(1, words.size()));
      default ->
          throw new UsageException(
              "unknown command \"guest " + words.getFirst() + "\": expected guest build, ls or rm");
    };
  }

  private static int build(Arguments arguments) {
    String name = arguments.last("name", GuestStore.DEFAULT_NAME);
    GuestSpec spec =
        new GuestSpec(name, Path.of(agent(arguments)), source(arguments), arguments.all("with"));
    Guest guest = Guests.store().ensure(spec, new GuestProgress());
    Console.outLine(
        "guest "
            + guest.name()
            + ": kernel "
            + guest.kernelRelease()
            + ", initramfs "
            + Sizes.format(guest.initramfsBytes())
            + ", in "
            + guest.directory());
    return 0;
  }

  /** The agent's executable: named, or installed beside this one. */
  private static String agent(Arguments arguments) {
    Optional<String> named = arguments.last("agent");
    if (named.isPresent()) {
      return named.get();
    }
    try {
      String self = Links.readLink("/proc/self/exe");
      String directory = self.substring(0, self.lastIndexOf('/'));
      for (String candidate :
          List.of(directory + "/casemate-agent", "/usr/lib/casemate/casemate-agent")) {
        if (Fs.exists(candidate)) {
          return candidate;
        }
      }
    } catch (LinuxException e) {
      // Refused below.
    }
    throw CasemateException.of(
        Kind.NOT_FOUND,
        "the executable casemate-agent is not next to casemate; give its path with --agent FILE");
  }

  /** Options of which only one can be followed, or one needs another. */
  private static void checkSource(Arguments arguments) {
    List<String> sources = new ArrayList<>();
    for (String option : List.of("kernel", "package", "kernel-suite", "from-source")) {
      if (arguments.isGiven(option)) {
        sources.add(option);
      }
    }
    boolean both = sources.equals(List.of("package", "kernel-suite"));
    if (sources.size() > 1 && !both) {
      throw new UsageException(
          "--"
              + sources.get(0)
              + " cannot be used with --"
              + sources.get(1)
              + "; give one of them");
    }
    require(arguments, "modules", "kernel");
    require(arguments, "config", "from-source");
  }

  private static void require(Arguments arguments, String option, String other) {
    if (arguments.isGiven(option) && !arguments.isGiven(other)) {
      throw new UsageException("--" + option + " requires --" + other);
    }
  }

  private static KernelSource source(Arguments arguments) {
    checkSource(arguments);
    if (arguments.has("from-source")) {
      return new KernelSource.LeanBuild(
          Optional.empty(), arguments.last("config").map(Path::of), 0);
    }
    Optional<String> kernel = arguments.last("kernel");
    if (kernel.isPresent()) {
      return new KernelSource.KernelFile(
          Path.of(kernel.get()), arguments.last("modules").map(Path::of));
    }
    return new KernelSource.DebianPackage(
        arguments.last("package"), arguments.last("kernel-suite"));
  }

  private static int list() {
    GuestStore.Listing listing = Guests.store().list();
    Table table = new Table("NAME", "KERNEL", "SOURCE", "KERNEL SIZE", "INITRAMFS", "BUILT");
    for (Guest guest : listing.guests()) {
      table.row(
          guest.name(),
          guest.kernelRelease(),
          guest.source() + (guest.sourceVersion().isEmpty() ? "" : " " + guest.sourceVersion()),
          Sizes.format(guest.kernelBytes()),
          Sizes.format(guest.initramfsBytes()),
          guest.created());
    }
    Console.out(table.text());
    for (Map.Entry<String, String> damaged : listing.damaged().entrySet()) {
      Console.errLine("casemate: guest " + damaged.getKey() + " is damaged: " + damaged.getValue());
    }
    return listing.damaged().isEmpty() ? 0 : 1;
  }

  private static int remove(List<String> names) {
    if (names.isEmpty()) {
      throw new UsageException("guest rm requires the NAME of a guest");
    }
    for (String name : names) {
      Guests.store().remove(name);
      Console.outLine(name);
    }
    return 0;
  }

  /** A line for each step, with what it took. */
  private static final class GuestProgress implements Progress {
    private long shownNanos;

    @Override
    public void step(String what) {
      Console.errLine("[guest] " + what);
    }

    @Override
    public void count(long done, long total, String unit) {
      long now = System.nanoTime();
      if (now - shownNanos > 5_000_000_000L || done == total) {
        shownNanos = now;
        Console.errLine("[guest]   " + done + (total > 0 ? " of " + total : "") + " " + unit);
      }
    }
  }
}
