package dev.casemate.e2e.engine;

import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Wait;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * Beside every test of an engine: adds the end of the engine's log to a failure, and fails a test
 * that leaves on the machine what was not there before.
 */
public final class EngineWatch
    implements BeforeEachCallback, AfterEachCallback, TestExecutionExceptionHandler {
  private static final ExtensionContext.Namespace STORE =
      ExtensionContext.Namespace.create(EngineWatch.class);

  /** Engines clean up behind the answer that they gave. */
  private static final long GRACE_NANOS = 15_000_000_000L;

  @Override
  public void beforeEach(ExtensionContext context) {
    context.getStore(STORE).put("before", Remains.of(engine(context)));
  }

  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable failure)
      throws Throwable {
    context.getStore(STORE).put("failed", true);
    failure.addSuppressed(new EngineLog(engine(context).logTail()));
    throw failure;
  }

  @Override
  public void afterEach(ExtensionContext context) {
    Daemon engine = engine(context);
    @SuppressWarnings("unchecked")
    Set<String> before =
        (Set<String>)
            Objects.requireNonNull(context.getStore(STORE).get("before", Set.class), "before");
    if (context.getStore(STORE).get("failed") != null) {
      // What it did not come to remove says nothing; the next test shall be judged for itself.
      removeContainers(context);
    }
    long deadline = System.nanoTime() + GRACE_NANOS;
    Set<String> left = left(engine, before);
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Wait.millis(100);
      left = left(engine, before);
    }
    if (!left.isEmpty()) {
      String tail = engine.logTail();
      for (String trace : left) {
        if (trace.startsWith("process ")) {
          int pid = Integer.parseInt(trace.substring(8, trace.indexOf(':')));
          Processes.killIfExists(pid, Signals.KILL);
        }
      }
      throw new AssertionError(
          context.getDisplayName() + " has left behind:\n  " + String.join("\n  ", left) + tail);
    }
  }

  private static Set<String> left(Daemon engine, Set<String> before) {
    Set<String> left = new TreeSet<>(Remains.of(engine));
    left.removeAll(before);
    return left;
  }

  private static void removeContainers(ExtensionContext context) {
    try {
      ((EngineCases) context.getRequiredTestInstance()).removeContainers();
    } catch (RuntimeException | AssertionError e) {
      // The failure that led here is the one to tell of.
    }
  }

  private static Daemon engine(ExtensionContext context) {
    return ((EngineCases) context.getRequiredTestInstance()).engine();
  }

  /** Shows below the failure. */
  private static final class EngineLog extends Exception {
    private static final long serialVersionUID = 1;

    EngineLog(String tail) {
      super(tail, null, false, false);
    }
  }
}
