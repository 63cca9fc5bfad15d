package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.HostileInitramfs;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A container whose guest has the agent with malicious switches ({@code HostileMain} in the agent's
 * tests; {@code HostileRole} explains the roles). Closing it removes it, and checks that nothing is
 * left, what it has cost the host, and that another sandbox does not notice.
 */
final class HostileGuest implements AutoCloseable {
  private static final String HONEST = "honest";

  /** On a machine that boots three VMs without KVM at the same time. */
  private static final long PROMPT_MILLIS = 15_000;

  private static final HostCost COST = new HostCost();

  private final String name;
  private final String id;

  private HostileGuest(String name, String id) {
    this.name = name;
    this.id = id;
  }

  /** Starts the sandbox that is to notice nothing, and begins to measure. */
  static void startAll() {
    COST.start();
    Casemate.run("run", "-d", "--name", HONEST, Casemate.IMAGE, "sleep", "1000").expect(0);
  }

  static void stopAll() {
    Casemate.run("rm", "-f", HONEST).expect(0);
    COST.stop();
  }

  /** Measures of all sandbox processes so far. */
  static HostCost cost() {
    return COST;
  }

  private static String initramfs(String name, String roles) {
    Path file = Casemate.FILES.resolve("hostile").resolve(name + ".cpio");
    return HostileInitramfs.write(file, roles).toString();
  }

  /** Runs a container in a guest that is hostile from the first moment on, to its end. */
  static Result boot(String name, String roles, int bootSeconds, String... options) {
    List<String> words = new ArrayList<>(List.of("run", "--rm", "--name", name));
    String initramfs = initramfs(name, roles);
    words.addAll(List.of("--initramfs", initramfs, "--boot-timeout", "" + bootSeconds));
    words.addAll(List.of(options));
    words.addAll(List.of(Casemate.IMAGE, "echo", "it runs"));
    Result result = Casemate.run(words.toArray(new String[0]));
    try {
      Files.delete(Path.of(initramfs));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertPrintable(result);
    assertThat(Casemate.run("ps", "-a").out()).doesNotContain(name);
    assertHonestNoticesNothing();
    COST.assertBounded();
    return result;
  }

  /** A container that stays, in a guest that plays roles once it makes the container. */
  static HostileGuest start(String name, String roles, String... options) {
    List<String> words = new ArrayList<>(List.of("run", "-d", "--name", name));
    words.addAll(List.of("--initramfs", sharedInitramfs(), "-e", "HOSTILE=" + roles));
    words.addAll(List.of(options));
    words.addAll(List.of(Casemate.IMAGE, "sleep", "1000"));
    Result result = Casemate.run(words.toArray(new String[0])).expect(0);
    return new HostileGuest(name, result.out().strip());
  }

  /** Without roles of its own, for roles that come with the container. */
  static synchronized String sharedInitramfs() {
    Path file = Casemate.FILES.resolve("hostile").resolve("shared.cpio");
    return Files.exists(file) ? file.toString() : initramfs("shared", "");
  }

  String name() {
    return name;
  }

  String id() {
    return id;
  }

  /** The process on the host that owns the VM. */
  int sandbox() {
    return (int) EndToEnd.state(name).integer("pid", 0);
  }

  /** From now on the guest plays these roles and no others; what it says of it. */
  String play(String roles) {
    Result result = Casemate.run("exec", name, "hostile", roles);
    assertThat(result.exit()).as(result.toString()).isEqualTo(127);
    return result.err();
  }

  Result exec(String... words) {
    List<String> all = new ArrayList<>(List.of("exec", name));
    all.addAll(List.of(words));
    return Casemate.run(all.toArray(new String[0]));
  }

  /** What the record says of the container's end. */
  String error() {
    return EndToEnd.state(name).string("error");
  }

  void awaitEnd(int seconds) {
    Wait.until(
        seconds,
        "the end of container " + name,
        () -> EndToEnd.state(name).string("status").equals("exited"));
  }

  @Override
  public void close() {
    long begin = System.nanoTime();
    Casemate.run("rm", "-f", name).expect(0);
    long millis = (System.nanoTime() - begin) / 1_000_000;
    assertThat(millis).as("milliseconds to remove " + name).isLessThan(60_000);
    assertThat(Casemate.RUN.resolve("sandboxes").resolve(id)).doesNotExist();
    assertThat(Casemate.STATE.resolve("containers").resolve(id)).doesNotExist();
    Wait.until(
        30,
        "the end of all processes of " + name,
        () -> Traces.pids().stream().noneMatch(pid -> Traces.commandLine(pid).contains(id)));
    assertHonestNoticesNothing();
    COST.assertBounded();
  }

  static void assertHonestNoticesNothing() {
    Result result = Casemate.run("exec", HONEST, "echo", "served").expect(0);
    assertThat(result.out()).isEqualTo("served\n");
    assertThat(result.millis()).as(result.toString()).isLessThan(PROMPT_MILLIS);
  }

  /** A failure with one line of error that says all of {@code fragments}. */
  static void assertFails(Result result, String... fragments) {
    assertThat(result.exit()).as(result.toString()).isNotZero();
    assertPrintable(result);
    assertThat(EndToEnd.errors(result)).as(result.toString()).isNotEmpty();
    String line = EndToEnd.errors(result).getFirst();
    assertThat(line).as(result.toString()).startsWith("casemate: ");
    for (String fragment : fragments) {
      assertThat(line).as(result.toString()).contains(fragment);
    }
  }

  /** No control characters but newlines and tabs, no stack traces, no flood. */
  static void assertPrintable(Result result) {
    for (String text : List.of(result.out(), result.err())) {
      assertThat(text.chars().filter(c -> c != '\n' && c != '\t' && Character.isISOControl(c)))
          .as(result.toString())
          .isEmpty();
      assertThat(text).doesNotContain("\tat dev.casemate", "Exception in thread");
    }
    assertThat(result.stderr().length).as(result.toString()).isLessThan(16 << 10);
  }

  /** Bytes as roles have them. */
  static String base64(byte[] bytes) {
    return bytes.length == 0 ? "-" : Base64.getEncoder().encodeToString(bytes);
  }

  static String base64(String text) {
    return base64(text.getBytes(StandardCharsets.UTF_8));
  }
}
