package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Text;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.UserSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The process that {@code exec} is asked for by options: the container's own, but for these. */
final class ExecProcess {
  private ExecProcess() {}

  static ProcessSpec of(Arguments arguments, List<String> command, Optional<ProcessSpec> first) {
    ProcessSpec base = first.orElse(ProcessSpec.of(command, List.of(), "/"));
    List<String> environment = new ArrayList<>(base.env());
    environment.addAll(arguments.all("env"));
    return new ProcessSpec(
        arguments.has("tty"),
        Optional.empty(),
        user(arguments, base.user()),
        command,
        environment,
        arguments.last("cwd", base.cwd()),
        capabilities(arguments.all("cap"), base.capabilities()),
        base.rlimits(),
        arguments.isGiven("no-new-privs") ? arguments.has("no-new-privs") : base.noNewPrivileges(),
        arguments.last("apparmor", base.apparmorProfile()),
        base.oomScoreAdj(),
        arguments.last("process-label", base.selinuxLabel()),
        base.scheduler(),
        base.ioPriority(),
        base.execCpuAffinity());
  }

  private static UserSpec user(Arguments arguments, UserSpec base) {
    String text = arguments.last("user", "");
    int uid = base.uid();
    int gid = base.gid();
    if (!text.isEmpty()) {
      List<String> parts = Text.split(text, ':');
      if (parts.isEmpty() || parts.size() > 2 || text.startsWith(":")) {
        throw wrong("user", text, "UID or UID:GID");
      }
      uid = id("user", parts.get(0));
      gid = parts.size() > 1 ? id("user", parts.get(1)) : gid;
    }
    List<Integer> groups = new ArrayList<>(base.additionalGids());
    for (String group : arguments.all("additional-gids")) {
      groups.add(id("additional-gids", group));
    }
    return new UserSpec(uid, gid, base.umask(), groups, base.username());
  }

  private static int id(String option, String text) {
    try {
      return Integer.parseUnsignedInt(text);
    } catch (NumberFormatException e) {
      throw wrong(option, text, "a number from 0 to 4294967295");
    }
  }

  private static CasemateException wrong(String option, String text, String expected) {
    return CasemateException.of(
        Kind.INVALID_ARGUMENT, UsageException.wrongValue(option, text, expected));
  }

  private static Optional<ProcessSpec.Capabilities> capabilities(
      List<String> added, Optional<ProcessSpec.Capabilities> base) {
    if (added.isEmpty()) {
      return base;
    }
    // As runc: what is added is ambient as well where the container has inheritable ones.
    ProcessSpec.Capabilities sets =
        base.orElse(
            new ProcessSpec.Capabilities(List.of(), List.of(), List.of(), List.of(), List.of()));
    return Optional.of(
        new ProcessSpec.Capabilities(
            join(sets.bounding(), added),
            join(sets.effective(), added),
            sets.inheritable(),
            join(sets.permitted(), added),
            sets.inheritable().isEmpty() ? sets.ambient() : join(sets.ambient(), added)));
  }

  private static List<String> join(List<String> names, List<String> added) {
    List<String> all = new ArrayList<>(names);
    for (String name : added) {
      if (!all.contains(name)) {
        all.add(name);
      }
    }
    return all;
  }
}
