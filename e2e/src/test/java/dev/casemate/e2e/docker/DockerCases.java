package dev.casemate.e2e.docker;

import dev.casemate.e2e.engine.Call;
import dev.casemate.e2e.engine.Docker;
import dev.casemate.e2e.engine.EngineCases;
import dev.casemate.e2e.engine.RuntimeUnderTest;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** What tests of dockerd share. */
abstract class DockerCases implements EngineCases {
  static final String IMAGE = "busybox";
  static final int SECONDS = Call.TIMEOUT_SECONDS;
  static final boolean VM = RuntimeUnderTest.chosen().hasVm();

  private static final AtomicInteger COUNT = new AtomicInteger();
  private static Docker docker;

  @BeforeAll
  static void start() {
    docker = new Docker(true);
    docker.start();
    docker.withImages();
  }

  @AfterAll
  static void stop() {
    docker.close();
  }

  @Override
  public Docker engine() {
    return docker;
  }

  static Call docker(String... arguments) {
    return docker.docker(arguments);
  }

  /** A name that no container has had. */
  static String fresh(String name) {
    return name + COUNT.incrementAndGet();
  }

  /** Starts a container that stays, and returns its name. */
  static String detached(String name, List<String> options, String... command) {
    String full = fresh(name);
    List<String> words = new ArrayList<>(List.of("run", "-d", "--name", full));
    words.addAll(options);
    words.add(IMAGE);
    words.addAll(List.of(command));
    docker(words.toArray(new String[0])).ok();
    return full;
  }

  static String detached(String name, String... command) {
    return detached(name, List.of(), command);
  }

  static Result script(String name, String script) {
    return docker("exec", name, "sh", "-c", script).run();
  }

  static String inspect(String name, String format) {
    return docker("inspect", "-f", format, name).text();
  }

  static void await(String name, String format, String expected) {
    Wait.until(
        SECONDS,
        () -> format + " of " + name + " to be " + expected + ", it is " + inspect(name, format),
        () -> inspect(name, format).equals(expected));
  }

  static void remove(String... names) {
    List<String> words = new ArrayList<>(List.of("rm", "-f"));
    words.addAll(List.of(names));
    docker(words.toArray(new String[0])).ok();
  }

  @Override
  public void removeContainers() {
    for (String id : docker("ps", "-aq").run().out().lines().toList()) {
      docker("rm", "-f", "-v", id).timeout(60).run();
    }
    docker("network", "prune", "-f").run();
  }
}
