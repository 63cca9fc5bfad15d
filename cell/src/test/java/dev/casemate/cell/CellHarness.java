package dev.casemate.cell;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs containers by hand; a main for a native image, as a JVM cannot fork.
 *
 * <p>{@code run BUNDLE [options]}: creates, starts, waits and deletes. {@code -c PATH} cgroup v2,
 * {@code -t} terminals, {@code -e COMMAND} a further process (sh -c), {@code -x USER=COMMAND} one
 * as a user, {@code -p} pause and resume, {@code -s} statistics, {@code -l} list processes, {@code
 * -k} kill, {@code -u JSON} update, {@code -C} exec before the start, {@code -T} times, {@code -N}
 * no start: delete by force. {@code spec ROOT COMMAND…} prints a default config.json.
 */
public final class CellHarness {
  private CellHarness() {}

  public static void main(String[] args) {
    int status;
    try {
      List<String> rest = List.of(args).subList(1, args.length);
      status =
          switch (args[0]) {
            case "spec" -> spec(List.of(args));
            case "run" -> run(rest);
            default -> {
              kept(args[0], rest);
              yield 0;
            }
          };
    } catch (CasemateException e) {
      say("error " + e.kind() + ": " + e.getMessage());
      status = 1;
    }
    if (args[0].equals("run")) {
      left();
    }
    Processes.exit(status);
  }

  /**
   * {@code create|start|state|delete|ps|exec|kill|pause|resume ROOT ID …}: a container that is
   * kept.
   */
  private static void kept(String command, List<String> args) {
    StateDirectory directory = StateDirectory.of(args.get(0), args.get(1));
    if (command.equals("create")) {
      Spec spec = Spec.parse(FileContent.readString(args.get(2) + "/config.json", 1 << 20));
      Cgroup cgroup = Cgroups.of(spec.linux().cgroupsPath(), args.get(1), false);
      ContainerConfig config = new ContainerConfig(args.get(1), args.get(2), spec, cgroup, false);
      warnings(Container.create(config, stdio(false), LaunchOptions.DEFAULT, directory).init());
      return;
    }
    Container container = Container.load(directory);
    switch (command) {
      case "start" -> container.start();
      case "state" -> say(container.state().word() + " " + container.record());
      case "delete" -> container.delete(true);
      case "kill" -> container.signalAll(Integer.parseInt(args.get(2)));
      case "pause" -> container.pause();
      case "resume" -> container.resume();
      case "ps" -> container.processes().forEach(p -> say(p.toString()));
      case "stats" -> say(container.stats().toString());
      case "update" ->
          container
              .update(Resources.fromJson(dev.casemate.oci.Json.parseObject(args.get(2))))
              .forEach(CellHarness::say);
      case "exec" -> exec(container, container.config().spec(), args.get(2), "", false);
      default -> throw CasemateException.of(CasemateException.Kind.INVALID_ARGUMENT, command);
    }
  }

  private static void say(String text) {
    Fd.STDERR.writeAll((text + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Nobody may be left over, and no descriptor. */
  private static void left() {
    try {
      WaitStatus status = Processes.waitFor(-1, Processes.WNOHANG).orElse(null);
      if (status != null) {
        say("left over: pid " + status.pid() + " status " + status.exitStatus());
      }
    } catch (LinuxException e) {
      say("waiting: " + e.getMessage());
    }
    say("descriptors: " + Fs.list("/proc/self/fd").size());
  }

  private static int spec(List<String> args) {
    List<String> command = args.subList(2, args.size());
    Spec spec =
        DefaultSpec.container(
            args.get(1),
            "box",
            ProcessSpec.of(command, List.of("PATH=" + DefaultSpec.PATH, "TERM=xterm"), "/"));
    Fd.STDOUT.writeAll(spec.toJson().pretty().getBytes(StandardCharsets.UTF_8));
    return 0;
  }

  private static int run(List<String> args) {
    String bundle = args.get(0);
    Spec spec = Spec.parse(FileContent.readString(bundle + "/config.json", 1 << 20));
    Cgroup cgroup = Cgroup.none();
    boolean terminal = spec.process().orElseThrow().terminal();
    boolean times = args.contains("-T");
    int c = args.indexOf("-c");
    if (c > 0) {
      cgroup = Cgroup.v2(args.get(c + 1));
    }
    int m = args.indexOf("-m");
    if (m > 0) {
      cgroup = new CgroupV2(args.get(m + 1), args.get(m + 2));
    }
    long before = System.nanoTime();
    ContainerConfig config = new ContainerConfig("test", bundle, spec, cgroup, args.contains("-o"));
    Container container = Container.create(config, stdio(terminal));
    long created = System.nanoTime();
    warnings(container.init());
    if (args.contains("-C")) {
      exec(container, spec, "echo created: $(cat /proc/1/comm)", "", terminal);
    }
    if (args.contains("-N")) {
      container.delete(true);
      container.onExit(Processes.waitFor(container.init().pid(), 0).orElseThrow());
      say("state " + container.state());
      return 0;
    }
    container.start();
    long started = System.nanoTime();
    if (times) {
      say(
          "create "
              + (created - before) / 1000
              + " us, start "
              + (started - created) / 1000
              + " us");
    }
    for (int i = 1; i < args.size(); i++) {
      switch (args.get(i)) {
        case "-e" -> {
          long at = System.nanoTime();
          exec(container, spec, args.get(++i), "", terminal);
          if (times) {
            say("exec " + (System.nanoTime() - at) / 1000 + " us");
          }
        }
        case "-x" -> {
          String[] parts = args.get(++i).split("=", 2);
          exec(container, spec, parts[1], parts[0], terminal);
        }
        case "-p" -> {
          container.pause();
          say("state " + container.state());
          container.resume();
          say("state " + container.state());
        }
        case "-s" -> say(container.stats().toString());
        case "-l" -> container.processes().forEach(p -> say(p.toString()));
        case "-u" -> {
          Resources resources =
              Resources.fromJson(dev.casemate.oci.Json.parseObject(args.get(++i)));
          container.update(resources).forEach(CellHarness::say);
        }
        case "-w" ->
            // Until the first process has ended, without waiting for it.
            Processes.startTime(container.init().pid())
                .ifPresent(
                    start -> {
                      while (Processes.startTime(container.init().pid()).isPresent()) {
                        dev.casemate.linux.Poll.await(new int[] {-1}, new int[] {0}, 20);
                      }
                    });
        case "-k" -> container.signalAll(Signals.KILL);
        case "-q" -> container.signalAll(Signals.TERM);
        default -> {}
      }
    }
    copy(container.init());
    WaitStatus status = Processes.waitFor(container.init().pid(), 0).orElseThrow();
    container.onExit(status);
    say("exit " + status.exitStatus() + " state " + container.state());
    container.delete(false);
    return 0;
  }

  private static Stdio stdio(boolean terminal) {
    return terminal ? new Stdio.Terminal() : new Stdio.Pipes(Fd.STDIN, Fd.STDOUT, Fd.STDERR);
  }

  private static void warnings(CellProcess process) {
    for (String warning : process.warnings()) {
      say("warning: " + warning);
    }
  }

  private static void copy(CellProcess process) {
    if (process.terminal().isEmpty()) {
      return;
    }
    try (Fd master = process.terminal().get()) {
      byte[] chunk = new byte[4096];
      for (int n = master.read(chunk, 0, chunk.length);
          n > 0;
          n = master.read(chunk, 0, chunk.length)) {
        Fd.STDOUT.writeAll(chunk, 0, n);
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.EIO) {
        throw e;
      }
    }
  }

  private static void exec(
      Container container, Spec spec, String command, String user, boolean terminal) {
    ProcessSpec process = spec.process().orElseThrow();
    List<String> argv = new ArrayList<>(List.of("sh", "-c", command));
    if (command.startsWith("!")) {
      argv = List.of(command.substring(1).split(" "));
    }
    process = process.withArgs(argv);
    try {
      if (!user.isEmpty()) {
        String root =
            Rootfs.path(new ContainerConfig("", spec.root().path(), spec, Cgroup.none(), false));
        try (Fd fd = Fs.open(root, 0)) {
          process = process.withUser(Users.resolve(fd, user, List.of()).user());
        }
      }
      CellProcess exec = container.exec(process, stdio(terminal));
      warnings(exec);
      copy(exec);
      WaitStatus status = Processes.waitFor(exec.pid(), 0).orElseThrow();
      say("exec ended with " + status.exitStatus());
    } catch (CasemateException e) {
      say("exec error " + e.kind() + ": " + e.getMessage());
    }
  }
}
