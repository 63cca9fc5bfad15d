package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import dev.casemate.oci.ProcessSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

final class ExecCommand implements Command {
  private static final int PROCESS_LIMIT = 4 << 20;

  @Override
  public String name() {
    return "exec";
  }

  @Override
  public String usage() {
    return "ID COMMAND [ARGUMENT]… | --process FILE ID";
  }

  @Override
  public String summary() {
    return "run an additional process in a container";
  }

  @Override
  public boolean interspersed() {
    return false;
  }

  /** An exit status below that may be the process's own. */
  @Override
  public int failure() {
    return 255;
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("process", 'p', "FILE", "the process as JSON, as in config.json"),
        Option.flag("detach", 'd', "do not wait for the process to exit"),
        Option.flag("tty", 't', "allocate a terminal"),
        Option.value("env", 'e', "NAME=VALUE", "add an environment variable; may be repeated"),
        Option.value("cwd", "DIR", "working directory in the container"),
        Option.value("user", 'u', "UID[:GID]", "user of the process"),
        Option.value("additional-gids", 'g', "GID", "add a group; may be repeated"),
        Option.value("cap", 'c', "CAP_NAME", "add a capability; may be repeated"),
        Option.flag("no-new-privs", "set no_new_privs"),
        Option.value("apparmor", "PROFILE", "its AppArmor profile"),
        Option.value("process-label", "LABEL", "its SELinux label"),
        Option.value(
            "cgroup",
            "[CONTROLLER[,…]:]PATH",
            "control group below the container's; may be repeated with controllers"),
        Option.flag("ignore-paused", "also in a paused container"),
        Making.CONSOLE_SOCKET,
        Making.PIDFD_SOCKET,
        Making.PID_FILE,
        Making.PRESERVE_FDS);
  }

  @Override
  public int run(Arguments arguments, Session session) {
    boolean fromFile = arguments.isGiven("process");
    List<String> operands =
        arguments.operands(name(), fromFile ? 1 : 2, fromFile ? 1 : Integer.MAX_VALUE);
    String id = Ids.check(operands.getFirst());
    Engine engine = session.engine();
    ProcessSpec process =
        fromFile
            ? read(arguments.last("process", ""))
            : ExecProcess.of(
                arguments, operands.subList(1, operands.size()), engine.spec(id).process());
    boolean detach = arguments.has("detach");
    Optional<String> console = arguments.last("console-socket").filter(s -> !s.isEmpty());
    Making.checkTerminal(Optional.of(process), detach, console);
    Engine.Execution execution =
        new Engine.Execution(
            detach ? process : Making.withOurSize(process),
            Making.preserveFds(arguments, 0),
            subgroups(arguments.all("cgroup")),
            arguments.has("ignore-paused"),
            !detach && Making.wantsPlainLines());
    try (Foreground foreground = detach ? null : Foreground.prepare();
        Engine.Running running = engine.exec(id, execution)) {
      boolean done = false;
      try {
        Making.warn(session, running.warnings());
        Making.sendConsole(console, running);
        Making.sendPidfd(arguments, running);
        Making.writePid(arguments.last("pid-file"), running.pid());
        int status = foreground == null ? 0 : foreground.follow(running);
        done = true;
        return status;
      } finally {
        if (!done) {
          running.signal(dev.casemate.linux.Signals.KILL);
          running.await();
        }
      }
    }
  }

  private static ProcessSpec read(String path) {
    try {
      return ProcessSpec.fromJson(
          Json.parseObject(FileContent.readString(path, PROCESS_LIMIT)).inAnyCase());
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "reading the process: " + e.getMessage() + "; correct --process", e);
    } catch (CasemateException e) {
      throw CasemateException.of(e.kind(), path + ": " + e.getMessage(), e);
    }
  }

  /**
   * Where a process is put below the container's control groups: {@code PATH} for all controllers,
   * or {@code CONTROLLER[,CONTROLLER]…:PATH}, which may be repeated.
   */
  static Map<String, String> subgroups(List<String> given) {
    Map<String, String> paths = new LinkedHashMap<>();
    for (String one : given) {
      int colon = one.indexOf(':');
      if (colon == 0 || (colon < 0 && given.size() > 1)) {
        throw wrongCgroup(one, "missing CONTROLLER: before the path, which several --cgroup need");
      }
      String path = one.substring(colon + 1);
      for (String part : Text.split("/" + path, '/')) {
        if (part.equals("..")) {
          throw wrongCgroup(
              one,
              "bad sub cgroup path: " + path + " is not a sub cgroup path; name a group below it");
        }
      }
      if (colon < 0) {
        paths.put("", path);
        continue;
      }
      for (String controller : Text.split(one.substring(0, colon), ',')) {
        if (paths.putIfAbsent(controller, path) != null) {
          throw wrongCgroup(one, "controller " + controller + " is named twice; remove one");
        }
      }
    }
    return paths;
  }

  private static CasemateException wrongCgroup(String given, String why) {
    return CasemateException.of(
        Kind.INVALID_ARGUMENT, "invalid --cgroup argument: " + given + ": " + why);
  }
}
