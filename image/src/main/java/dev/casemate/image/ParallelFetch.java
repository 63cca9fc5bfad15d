package dev.casemate.image;

import dev.casemate.linux.FileSystem;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageManifest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Fetches the blobs of an image, several at a time; the first failure ends all of them. */
final class ParallelFetch {
  private final ImageSource source;
  private final BlobStore blobs;
  private final String root;
  private final PullProgress progress;
  private final Deque<Descriptor> queue = new ArrayDeque<>();
  private @Nullable RuntimeException failure;

  ParallelFetch(ImageSource source, BlobStore blobs, String root, PullProgress progress) {
    this.source = source;
    this.blobs = blobs;
    this.root = root;
    this.progress = progress;
  }

  void run(ImageManifest manifest) {
    // An image may use the same layer twice.
    Map<String, Descriptor> wanted = new LinkedHashMap<>();
    wanted.put(manifest.config().digest(), manifest.config());
    for (Descriptor layer : manifest.layers()) {
      wanted.put(layer.digest(), layer);
    }
    long missing = 0;
    for (Descriptor blob : wanted.values()) {
      missing += blobs.has(blob) ? 0 : blob.size();
    }
    if (missing > FileSystem.of(root).freeBytes()) {
      throw StoreErrors.noSpace(
          root, "fetching " + StoreErrors.mib(missing) + " MiB of image " + source.name());
    }
    queue.addAll(wanted.values());
    int count = Math.min(source.parallel(), queue.size());
    if (count <= 1) {
      work();
    } else {
      List<Thread> workers = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        workers.add(Thread.ofPlatform().name("fetch-" + i).start(this::work));
      }
      for (Thread worker : workers) {
        join(worker);
      }
    }
    RuntimeException failed = failure();
    if (failed != null) {
      throw failed;
    }
  }

  private void join(Thread worker) {
    while (worker.isAlive()) {
      try {
        worker.join();
      } catch (InterruptedException e) {
        fail(StoreErrors.corrupt("pull of image " + source.name() + " was interrupted; try again"));
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void work() {
    while (true) {
      Descriptor blob = next();
      if (blob == null) {
        return;
      }
      try {
        blobs.fetch(source, blob, progress, () -> failure() != null);
      } catch (RuntimeException e) {
        fail(e);
      }
    }
  }

  private synchronized @Nullable Descriptor next() {
    return failure == null ? queue.poll() : null;
  }

  private synchronized void fail(RuntimeException e) {
    if (failure == null) {
      failure = e;
    }
  }

  private synchronized @Nullable RuntimeException failure() {
    return failure;
  }
}
