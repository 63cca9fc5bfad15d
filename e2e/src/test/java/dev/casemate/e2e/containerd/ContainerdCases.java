package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.Call;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.EngineCases;
import dev.casemate.e2e.engine.RuntimeUnderTest;
import dev.casemate.e2e.engine.TestImage;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the suites with containerd share. */
abstract class ContainerdCases implements EngineCases {
  static final String IMAGE = TestImage.busybox().name();
  static final int SECONDS = Call.TIMEOUT_SECONDS;
  static final boolean VM = RuntimeUnderTest.chosen().hasVm();

  private static final AtomicInteger COUNT = new AtomicInteger();

  @Override
  public abstract Containerd engine();

  Call ctr(String... arguments) {
    return engine().ctr(arguments);
  }

  /** A name that no container has had. */
  static String fresh(String name) {
    return name + COUNT.incrementAndGet();
  }

  /** Starts a container that stays. */
  String detached(String name, List<String> options, String... command) {
    String id = fresh(name);
    List<String> words = new ArrayList<>(List.of("-d"));
    words.addAll(options);
    words.add(IMAGE);
    words.add(id);
    words.addAll(List.of(command));
    engine().run(words.toArray(new String[0])).ok();
    return id;
  }

  String detached(String name, String... command) {
    return detached(name, List.of(), command);
  }

  /** Runs a script in a container that runs. */
  Result script(String id, String script) {
    return engine().exec(id, "sh", "-c", script).run();
  }

  /** As {@code ctr task ls} shows it; empty when there is no such task. */
  String status(String id) {
    for (String line : ctr("task", "ls").ok().out().lines().toList()) {
      String[] words = line.strip().split(" +");
      if (words[0].equals(id)) {
        return words[2];
      }
    }
    return "";
  }

  void awaitStatus(String id, String status) {
    Wait.until(
        SECONDS,
        () -> id + " to be " + status + ", it is " + status(id),
        () -> status(id).equals(status));
  }

  /** Deletes a task that has stopped, and returns its exit status. */
  int delete(String id) {
    Result result = ctr("task", "delete", id).run();
    // ctr 2 only tells of it.
    Matcher told = Pattern.compile("non-zero exit code ([0-9]+)").matcher(result.err());
    return told.find() ? Integer.parseInt(told.group(1)) : result.exit();
  }

  /** Kills, waits, deletes. */
  void remove(String... ids) {
    for (String id : ids) {
      if (!status(id).equals("STOPPED") && !status(id).isEmpty()) {
        ctr("task", "kill", "-s", "SIGKILL", id).ok();
        awaitStatus(id, "STOPPED");
      }
      if (!status(id).isEmpty()) {
        delete(id);
      }
      ctr("container", "delete", id).ok();
    }
    for (String id : ids) {
      assertThat(status(id)).as("task of " + id).isEmpty();
    }
  }

  @Override
  public void removeContainers() {
    for (String id : ctr("container", "ls", "-q").run().out().lines().toList()) {
      ctr("task", "kill", "-s", "SIGKILL", "--all", id).timeout(30).run();
      ctr("task", "delete", "-f", id).timeout(30).run();
      ctr("container", "delete", id).timeout(30).run();
      ctr("snapshot", "rm", id).timeout(30).run();
    }
  }

  /** Processes of the machine whose command line has a text: VMMs and what belongs to them. */
  static List<Integer> pids(String text) {
    List<Integer> pids = new ArrayList<>();
    for (String line : Shell.result("pgrep -f -- '" + text + "'").out().lines().toList()) {
      pids.add(Integer.valueOf(line.strip()));
    }
    return pids;
  }
}
