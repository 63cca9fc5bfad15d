package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Text;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * A program that takes a container's output, by containerd's contract for {@code binary://} URIs
 * (its pkg/shim logging): standard output comes as descriptor 3, standard error as 4; it closes 5
 * when it is ready.
 *
 * @param stdout the writing end
 * @param stderr the writing end
 */
record LoggerProcess(Fd stdout, Fd stderr) {
  private static final int READY_TIMEOUT_MILLIS = 10_000;

  /**
   * Starts it and waits until it is ready.
   *
   * @param location the URI behind its scheme: {@code /path?key=value&…}; the query becomes
   *     arguments
   */
  static LoggerProcess start(String location, String containerId, String namespace) {
    int question = location.indexOf('?');
    String path = UriText.path(question < 0 ? location : location.substring(0, question));
    List<String> arguments = new ArrayList<>(List.of(path));
    if (question >= 0) {
      for (String pair : Text.split(location.substring(question + 1), '&')) {
        int equals = pair.indexOf('=');
        arguments.add(UriText.query(equals < 0 ? pair : pair.substring(0, equals)));
        if (equals >= 0 && equals + 1 < pair.length()) {
          arguments.add(UriText.query(pair.substring(equals + 1)));
        }
      }
    }
    List<String> environment = new ArrayList<>(Processes.environment());
    environment.add("CONTAINER_ID=" + containerId);
    environment.add("CONTAINER_NAMESPACE=" + namespace);
    try (Pipe out = Pipe.open();
        Pipe error = Pipe.open();
        Pipe ready = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      int pid =
          Spawn.program(path, arguments)
              .environment(environment)
              .stdio(nothing, nothing, nothing)
              .descriptor(out.read(), 3)
              .descriptor(error.read(), 4)
              .descriptor(ready.write(), 5)
              .newSession()
              .start();
      Threads.start("logger", () -> Processes.waitFor(pid, 0));
      ready.write().close();
      if (Poll.await(ready.read(), Poll.IN, READY_TIMEOUT_MILLIS) == 0) {
        Processes.killIfExists(pid, dev.casemate.linux.Signals.KILL);
        throw CasemateException.of(
            Kind.TIMEOUT,
            "logging program "
                + path
                + " did not say that it is ready within "
                + READY_TIMEOUT_MILLIS / 1000
                + " s: it must close descriptor 5");
      }
      out.write().nonBlocking(true);
      error.write().nonBlocking(true);
      return new LoggerProcess(Fd.of(out.write().release()), Fd.of(error.write().release()));
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT, "cannot start logging program " + path + ": " + e.getMessage(), e);
    }
  }
}
