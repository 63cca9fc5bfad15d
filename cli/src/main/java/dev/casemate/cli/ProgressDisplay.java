package dev.casemate.cli;

import dev.casemate.commandline.Console;
import dev.casemate.commandline.Sizes;
import dev.casemate.image.PullProgress;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Tty;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Shows on standard error how an image comes in: a bar on a terminal, a line for each step
 * elsewhere. Silent until there is something to do.
 */
final class ProgressDisplay implements PullProgress, AutoCloseable {
  private static final int BAR_WIDTH = 30;
  private static final long REDRAW_NANOS = 100_000_000L;
  private static final long PATIENCE_MILLIS = 3_000;
  private static final long WORTH_BYTES = 64L << 20;

  private final boolean terminal = Tty.isTerminal(Fd.STDERR);
  private final Map<String, long[]> transfers = new LinkedHashMap<>();
  private Optional<String> waitingFor = Optional.empty();
  private Optional<Thread> watch = Optional.empty();
  private long lastDraw;
  private boolean drawn;

  /** A registry that answers at once is not worth a line. */
  @Override
  public synchronized void asking(String registry) {
    waitingFor = Optional.of(registry);
    if (watch.isEmpty()) {
      Thread thread = new Thread(null, this::watch, "progress", 256 * 1024);
      thread.setDaemon(true);
      watch = Optional.of(thread);
      thread.start();
    }
  }

  private void watch() {
    try {
      Thread.sleep(PATIENCE_MILLIS);
    } catch (InterruptedException e) {
      return;
    }
    synchronized (this) {
      waitingFor.ifPresent(registry -> line("waiting for registry " + registry));
    }
  }

  @Override
  public synchronized void askingAgain(String registry, String reason) {
    line("registry " + registry + ": " + reason + ", retrying");
  }

  @Override
  public synchronized void image(String name, int layers, long bytes) {
    waitingFor = Optional.empty();
    line(
        name
            + ": "
            + layers
            + (layers == 1 ? " layer" : " layers")
            + (bytes > 0 ? ", " + Sizes.format(bytes) : ""));
  }

  @Override
  public synchronized void begin(String digest, long size) {
    transfers.put(digest, new long[] {0, size});
    if (!terminal) {
      line("fetching " + shortDigest(digest) + ", " + Sizes.format(Math.max(0, size)));
    }
  }

  @Override
  public synchronized void transferred(String digest, long done, long size) {
    transfers.put(digest, new long[] {done, size});
    if (terminal && System.nanoTime() - lastDraw > REDRAW_NANOS) {
      draw();
    }
  }

  @Override
  public synchronized void retry(String digest, String reason) {
    line("connection lost at " + shortDigest(digest) + " (" + reason + "), retrying");
  }

  @Override
  public synchronized void complete(String digest) {
    long[] transfer = transfers.get(digest);
    if (transfer != null) {
      transfer[0] = transfer[1];
      if (!terminal) {
        line("fetched  " + shortDigest(digest));
      } else {
        draw();
      }
    }
  }

  @Override
  public synchronized void unpack(int layer, int layers) {
    line("unpacking layer " + layer + " of " + layers);
  }

  /** A small layer is done before anybody would look. */
  @Override
  public synchronized void unpacked(int layer, int layers, long bytes) {
    if (terminal && bytes >= WORTH_BYTES && System.nanoTime() - lastDraw > REDRAW_NANOS) {
      lastDraw = System.nanoTime();
      drawBar(
          "\runpacking layer " + layer + " of " + layers + ": " + Sizes.format(bytes) + "\u001b[K");
      drawn = true;
    }
  }

  @Override
  public synchronized void build() {
    line("creating the root file system");
  }

  private static String shortDigest(String digest) {
    int colon = digest.indexOf(':');
    String hex = digest.substring(colon + 1);
    return hex.substring(0, Math.min(12, hex.length()));
  }

  private void draw() {
    lastDraw = System.nanoTime();
    long done = 0;
    long size = 0;
    for (long[] transfer : transfers.values()) {
      done += transfer[0];
      size += Math.max(transfer[0], transfer[1]);
    }
    int filled = size == 0 ? 0 : (int) (BAR_WIDTH * done / size);
    drawBar(
        "\r["
            + "#".repeat(filled)
            + "-".repeat(BAR_WIDTH - filled)
            + "] "
            + Sizes.format(done)
            + " of "
            + Sizes.format(size)
            + "\u001b[K");
    drawn = true;
  }

  private void line(String text) {
    clear();
    try {
      Console.errLine(text);
    } catch (LinuxException e) {
      // A closed terminal is no reason to stop.
    }
  }

  private void clear() {
    if (drawn) {
      drawBar("\r\u001b[K");
      drawn = false;
    }
  }

  private static void drawBar(String text) {
    try {
      Console.draw(Fd.STDERR, text);
    } catch (LinuxException e) {
      // A closed terminal is no reason to stop.
    }
  }

  @Override
  public void close() {
    Optional<Thread> started;
    synchronized (this) {
      waitingFor = Optional.empty();
      started = watch;
      clear();
    }
    // Gone for good, because the caller may fork.
    started.ifPresent(ProgressDisplay::end);
  }

  private static void end(Thread thread) {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
