package dev.casemate.e2e.engine;

import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * An engine's daemon in a network namespace of its own, which outlives it: what restarts finds its
 * bridges and addresses again.
 */
public abstract class Daemon implements AutoCloseable {
  private static final int TAIL_LINES = 60;

  private final String name;
  private final Path log;
  private final Process holder;
  private Optional<Process> process = Optional.empty();

  protected Daemon(String name) {
    this.name = name;
    this.log = Places.DISK.resolve(name + ".log");
    // Its namespace is the engine's; `ip netns exec` would hide the cgroups.
    ProcessBuilder builder =
        new ProcessBuilder(
                "unshare", "--net", "sh", "-c", "ip link set lo up; echo up; exec sleep infinity")
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("PLACES_MARK", Places.MARK);
    try {
      holder = builder.start();
      holder.inputReader().readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The daemon's command line. */
  protected abstract List<String> command();

  protected abstract Map<String, String> environment();

  /** Whether it answers. */
  protected abstract boolean answers();

  /** Where it keeps something for each container that runs. */
  abstract List<Path> containerDirectories();

  public final String name() {
    return name;
  }

  /** Starts the daemon and waits until it answers. */
  public final void start() {
    List<String> words = new ArrayList<>(List.of("nsenter", "--net=" + networkNamespace(), "--"));
    words.addAll(command());
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().put("PLACES_MARK", Places.MARK);
    builder.environment().put("CASEMATE_RUN", Places.CASEMATE_RUN.toString());
    builder.environment().put("CASEMATE_STATE", Places.CASEMATE_STATE.toString());
    builder.environment().put("CASEMATE_TEMPLATE", "existing");
    builder.environment().putAll(environment());
    for (String proxy : List.of("http_proxy", "https_proxy", "no_proxy", "all_proxy")) {
      builder.environment().remove(proxy);
      builder.environment().remove(proxy.toUpperCase(java.util.Locale.ROOT));
    }
    builder
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    try {
      process = Optional.of(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Wait.until(60, () -> name + " to answer; its log: " + logTail(), () -> answers() || !isAlive());
    if (!isAlive()) {
      throw new AssertionError(name + " ended at its start; its log: " + logTail());
    }
  }

  public final boolean isAlive() {
    return process.isPresent() && process.get().isAlive();
  }

  /** Of the daemon. */
  public final int pid() {
    return (int) process.orElseThrow().pid();
  }

  /** What belongs to the daemon and not to a container. */
  Set<Integer> ownPids() {
    Set<Integer> own = new TreeSet<>();
    own.add((int) holder.pid());
    process.ifPresent(daemon -> own.add((int) daemon.pid()));
    return own;
  }

  /** Ends the daemon as a service manager does: TERM, and KILL when it takes too long. */
  public final void stop() {
    if (process.isEmpty()) {
      return;
    }
    process.get().destroy();
    await(30);
  }

  /** As if it had crashed. */
  public void kill() {
    process.ifPresent(Process::destroyForcibly);
    await(10);
  }

  private void await(int seconds) {
    try {
      Process daemon = process.orElseThrow();
      if (!daemon.waitFor(seconds, TimeUnit.SECONDS)) {
        daemon.destroyForcibly().waitFor();
        throw new AssertionError(name + " did not end within " + seconds + " s: " + logTail());
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Runs a command in the engine's network namespace. */
  public final Call inNetwork(String... command) {
    List<String> words = new ArrayList<>(List.of("nsenter", "--net=" + networkNamespace(), "--"));
    words.addAll(List.of(command));
    return new Call(words);
  }

  /** Fetches a page from there; it gives up after 10 s. */
  public final Call fetch(String url) {
    return inNetwork("busybox", "timeout", "10", "busybox", "wget", "-qO-", url);
  }

  /** Processes of this run's containers whose command line begins with a program's name. */
  public final List<Integer> pidsOf(String program) {
    List<Integer> pids = new ArrayList<>();
    for (int pid : Remains.pids(Places.MARK)) {
      String line = Remains.read(pid, "cmdline").replace('\0', ' ');
      String first = line.substring(0, Math.max(0, line.indexOf(' ')));
      if (first.substring(first.lastIndexOf('/') + 1).startsWith(program)) {
        pids.add(pid);
      }
    }
    return pids;
  }

  /** Kills processes of this run's containers; there must be some. */
  public final void killAll(String program) {
    signalAll(program, Signals.KILL);
  }

  /** Makes them stand still. */
  public final void stopAll(String program) {
    signalAll(program, Signals.STOP);
  }

  private void signalAll(String program, int signal) {
    List<Integer> pids = pidsOf(program);
    if (pids.isEmpty()) {
      throw new AssertionError("no process of " + name + "'s containers is a " + program);
    }
    for (int pid : pids) {
      Processes.killIfExists(pid, signal);
    }
  }

  /** The engine's network namespace. */
  public final String networkNamespace() {
    return "/proc/" + holder.pid() + "/ns/net";
  }

  /** The end of the daemon's log and of its shims' logs. */
  public final String logTail() {
    StringBuilder text = new StringBuilder();
    text.append("\n--- end of ").append(log).append('\n').append(tail(log));
    for (Path shim : shimLogs()) {
      text.append("\n--- end of ").append(shim).append('\n').append(tail(shim));
    }
    return text.toString();
  }

  /** Logs that shims write beside what containerd takes from their FIFO. */
  protected List<Path> shimLogs() {
    return List.of();
  }

  private static String tail(Path file) {
    try {
      List<String> lines = Files.readAllLines(file, java.nio.charset.StandardCharsets.ISO_8859_1);
      List<String> last = lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size());
      StringBuilder text = new StringBuilder();
      for (String line : last) {
        text.append(line, 0, Math.min(line.length(), 600)).append('\n');
      }
      return text.toString();
    } catch (IOException e) {
      return "(not there: " + e.getMessage() + ")";
    }
  }

  /** Stops it and whatever of it still runs. */
  @Override
  public void close() {
    try {
      stop();
    } finally {
      for (int pid : Remains.pids(Places.MARK)) {
        Processes.killIfExists(pid, Signals.KILL);
      }
      holder.destroyForcibly();
    }
  }
}
