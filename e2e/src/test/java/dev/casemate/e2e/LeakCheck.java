package dev.casemate.e2e;

import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Wait;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test, or a class, that leaves something on the machine that was not there before:
 * processes, mounts, network namespaces, links, packet filters, cgroups, files. Takes it away then,
 * so that the next test is judged for itself.
 */
final class LeakCheck
    implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {
  private static final ExtensionContext.Namespace STORE =
      ExtensionContext.Namespace.create(LeakCheck.class);

  /** Processes that were killed need a moment until they are gone; on a busy machine a long one. */
  private static final long GRACE_NANOS = 30_000_000_000L;

  @Override
  public void beforeAll(ExtensionContext context) {
    remember(context, "class");
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    remember(context, "test");
  }

  @Override
  public void afterEach(ExtensionContext context) {
    check(context, "test");
  }

  @Override
  public void afterAll(ExtensionContext context) {
    check(context, "class");
  }

  private static void remember(ExtensionContext context, String key) {
    context.getStore(STORE).put(key, Traces.now());
  }

  private static void check(ExtensionContext context, String key) {
    @SuppressWarnings("unchecked")
    Set<String> before =
        (Set<String>) Objects.requireNonNull(context.getStore(STORE).get(key, Set.class));
    assertNothingSince(before, context.getDisplayName());
  }

  /** For classes whose tests overlap: fails if there is what was not there before. */
  static void assertNothingSince(Set<String> before, String what) {
    long deadline = System.nanoTime() + GRACE_NANOS;
    Set<String> left = left(before);
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Wait.millis(50);
      left = left(before);
    }
    if (!left.isEmpty()) {
      cleanUp(before);
      throw new AssertionError(what + " has left behind:\n  " + String.join("\n  ", left));
    }
  }

  private static Set<String> left(Set<String> before) {
    Set<String> left = new TreeSet<>(Traces.now());
    left.removeAll(before);
    return left;
  }

  private static void cleanUp(Set<String> before) {
    for (String id : Casemate.run("ps", "-a", "-q", "--no-trunc").out().lines().toList()) {
      if (!before.contains("file " + Casemate.STATE.resolve("containers").resolve(id))) {
        Casemate.run("rm", "-f", id);
      }
    }
    for (String trace : left(before)) {
      if (trace.startsWith("process ")) {
        int pid = Integer.parseInt(trace.substring(8, trace.indexOf(':')));
        Processes.killIfExists(pid, Signals.KILL);
      }
    }
  }
}
