package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.guest.Guest;
import dev.casemate.guest.GuestStore;
import dev.casemate.hypervisor.Finding;
import dev.casemate.hypervisor.HostChecks;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Spawn;
import dev.casemate.network.Leftover;
import dev.casemate.network.Networks;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.TemplateStore;
import dev.casemate.vmms.Vmms;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * {@code casemate doctor}: checks the machine, and names the command that fixes what is missing.
 */
final class DoctorCommand implements Command {
  private static final String SEARCH_PATH = "/usr/sbin:/sbin:/usr/bin:/bin";

  @Override
  public String name() {
    return "doctor";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "check this machine and show how to fix what is missing";
  }

  @Override
  public List<Option> options() {
    return List.of(Option.flag("json", '\0', "print the findings as JSON"));
  }

  @Override
  public int run(Arguments arguments) {
    SandboxPaths paths = SandboxPaths.system();
    List<Finding> findings =
        new ArrayList<>(
            new HostChecks("").all(Vmms.named(Vmms.DEFAULT), List.of(paths.state(), paths.run())));
    findings.add(looked("guest", DoctorCommand::guest));
    findings.add(
        tool("mkfs.erofs", "erofs-utils", "images cannot be converted into root file systems"));
    findings.add(tool("mkfs.ext4", "e2fsprogs", "containers get no scratch disk"));
    findings.add(looked("templates", () -> templates(paths)));
    findings.add(looked("leftovers", () -> leftovers(paths)));
    boolean failed = false;
    for (Finding finding : findings) {
      failed |= finding.level() == Finding.Level.FAILURE;
    }
    if (arguments.has("json")) {
      Console.out(json(findings).pretty());
    } else {
      print(findings, failed);
    }
    return failed ? 1 : 0;
  }

  /** A look that fails is a finding, too: the others are worth telling all the same. */
  private static Finding looked(String what, Supplier<Finding> look) {
    try {
      return look.get();
    } catch (LinuxException e) {
      return unknown(
          what,
          e.errno() == Errno.EACCES || e.errno() == Errno.EPERM,
          String.valueOf(e.getMessage()));
    } catch (CasemateException e) {
      return unknown(what, e.kind() == Kind.PERMISSION_DENIED, String.valueOf(e.getMessage()));
    }
  }

  private static Finding unknown(String what, boolean forbidden, String message) {
    return new Finding(
        what,
        forbidden ? Finding.Level.WARNING : Finding.Level.FAILURE,
        what,
        "cannot be checked: " + message,
        "its state is unknown",
        forbidden ? "run casemate doctor as root" : "fix the error in the message");
  }

  private static Finding guest() {
    Optional<Guest> guest = Guests.store().find(GuestStore.DEFAULT_NAME);
    if (guest.isEmpty()) {
      return new Finding(
          "guest",
          Finding.Level.FAILURE,
          "guest",
          "no guest has been built in " + SandboxPaths.system().guests(),
          "there is no kernel to boot",
          "casemate guest build");
    }
    if (!guest.get().hasModulesOnDemand()) {
      return new Finding(
          "guest",
          Finding.Level.WARNING,
          "guest",
          "kernel "
              + guest.get().kernelRelease()
              + " in "
              + guest.get().directory()
              + " has no modules.pack",
          "containers get no kernel modules on demand: no netfilter, bridge, veth or tun",
          "casemate guest build (a kernel without modules has built in what it has)");
    }
    return new Finding(
        "guest",
        Finding.Level.OK,
        "guest",
        "kernel " + guest.get().kernelRelease() + " in " + guest.get().directory(),
        "",
        "");
  }

  private static Finding tool(String name, String debianPackage, String meaning) {
    String path = Spawn.find(name, SEARCH_PATH);
    return path.isEmpty()
        ? new Finding(
            name,
            Finding.Level.FAILURE,
            name,
            "not found in " + SEARCH_PATH,
            meaning,
            "apt-get install -y " + debianPackage)
        : new Finding(name, Finding.Level.OK, name, path, "", "");
  }

  private static Finding templates(SandboxPaths paths) {
    TemplateStore store = new TemplateStore(paths);
    List<String> wrong = new ArrayList<>();
    int ready = 0;
    for (TemplateStore.Entry entry : store.list(Vmms.named(Vmms.DEFAULT))) {
      if (entry.problem().isEmpty()) {
        ready++;
      } else {
        wrong.add(entry.key() + " is " + entry.problem());
      }
    }
    store.failures().forEach((key, why) -> wrong.add(key + " could not be made: " + why));
    String count = ready == 0 ? "none" : Integer.toString(ready);
    return wrong.isEmpty()
        ? new Finding("templates", Finding.Level.OK, "templates", count, "", "")
        : new Finding(
            "templates",
            Finding.Level.WARNING,
            "templates",
            count + " ready; " + String.join("; ", wrong),
            "VMs of these kinds boot until a new template has been made, which the next start does",
            "casemate template rm KEY, or casemate template build to see what is wrong");
  }

  private static Finding leftovers(SandboxPaths paths) {
    ContainerStore store = new ContainerStore(paths);
    Set<String> known = new HashSet<>();
    // Listing puts right what died without a word.
    for (ContainerRecord record : store.list()) {
      known.add(record.config().id());
    }
    List<String> found = new ArrayList<>();
    if (Fs.exists(paths.sandboxes())) {
      for (String id : Fs.list(paths.sandboxes())) {
        if (!known.contains(id) && !store.isOwned(id)) {
          found.add(paths.sandbox(id));
        }
      }
    }
    for (Leftover leftover : new Networks(paths.run()).leftovers(known)) {
      found.add(leftover.kind() + " " + leftover.name());
    }
    return found.isEmpty()
        ? new Finding("leftovers", Finding.Level.OK, "leftovers", "none", "", "")
        : new Finding(
            "leftovers",
            Finding.Level.WARNING,
            "leftovers",
            String.join(", ", found),
            "a process was killed before it could clean up",
            "casemate ps -a (which cleans up after dead sandboxes), then remove what remains");
  }

  private static Json json(List<Finding> findings) {
    List<Json> values = new ArrayList<>();
    for (Finding finding : findings) {
      values.add(
          new Json.Obj()
              .put("id", finding.id())
              .put("level", levelName(finding.level()))
              .put("title", finding.title())
              .put("detail", finding.detail())
              .put("meaning", finding.meaning())
              .put("remedy", finding.remedy()));
    }
    return new Json.Arr(values);
  }

  private static String levelName(Finding.Level level) {
    return switch (level) {
      case OK -> "ok";
      case WARNING -> "warning";
      case FAILURE -> "failure";
    };
  }

  private static void print(List<Finding> findings, boolean failed) {
    StringBuilder text = new StringBuilder();
    for (Finding finding : findings) {
      text.append(
          switch (finding.level()) {
            case OK -> "ok      ";
            case WARNING -> "WARNING ";
            case FAILURE -> "FAILURE ";
          });
      text.append(PlainText.line(finding.title() + ": " + finding.detail())).append('\n');
      if (!finding.meaning().isEmpty()) {
        text.append("          means: ").append(PlainText.line(finding.meaning())).append('\n');
      }
      if (!finding.remedy().isEmpty()) {
        text.append("          fix:   ").append(PlainText.line(finding.remedy())).append('\n');
      }
    }
    text.append(
        failed
            ? "This machine cannot run Casemate yet: fix the failures above.\n"
            : "This machine can run Casemate.\n");
    Console.out(text.toString());
  }
}
