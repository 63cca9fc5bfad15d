package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageIndex;
import dev.casemate.oci.ImageManifest;
import dev.casemate.oci.ImageReference;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** An image in a registry (OCI distribution specification 1.1, "Pull"). */
final class RegistrySource implements ImageSource {
  private static final String ACCEPT =
      ImageManifest.OCI
          + ", "
          + ImageIndex.OCI
          + ", "
          + ImageManifest.DOCKER
          + ", "
          + ImageIndex.DOCKER;

  /** However far it gets each time: a transfer is not begun more often than this. */
  private static final int MAX_ATTEMPTS = 200;

  private final ImageReference reference;
  private final RegistryOptions options;
  private final RegistryConnection connection;
  private final PullProgress progress;

  RegistrySource(
      ImageReference reference,
      RegistryOptions options,
      Map<String, String> environment,
      PullProgress progress) {
    this.reference = reference;
    this.options = options;
    this.progress = progress;
    this.connection = new RegistryConnection(reference, options, environment);
  }

  @Override
  public String name() {
    return reference.text();
  }

  @Override
  public Document top() {
    Document document = manifest(reference.manifestReference(), true);
    verify(reference.digest().orElse(document.digest()), document);
    return document;
  }

  @Override
  public Document document(Descriptor descriptor) {
    Document document = manifest(descriptor.digest(), false);
    verify(descriptor.digest(), document);
    return document;
  }

  private void verify(String expected, Document document) {
    if (!document.digest().equals(expected)) {
      throw StoreErrors.corrupt(
          "manifest of image "
              + name()
              + " has digest "
              + document.digest()
              + ", expected "
              + expected
              + "; the registry is damaged or malicious");
    }
  }

  private String path(String kind, String what) {
    return "/v2/" + reference.repository() + "/" + kind + "/" + what;
  }

  private Document manifest(String which, boolean first) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Accept", ACCEPT);
    progress.asking(connection.authority());
    int spent = 0;
    while (true) {
      Attempt failed;
      try (HttpResponse response = connection.get(path("manifests", which), headers)) {
        if (response.status() == 200) {
          byte[] content = response.body(BlobStore.MAX_DOCUMENT);
          String digest = Digests.of(content);
          String claimed = response.header("docker-content-digest").orElse(digest);
          if (claimed.startsWith("sha256:") && !claimed.equals(digest)) {
            throw StoreErrors.corrupt(
                "manifest of image "
                    + name()
                    + " has digest "
                    + digest
                    + ", but the registry reports "
                    + claimed
                    + "; it was damaged in transit, try again");
          }
          String type = response.header("content-type").orElse("");
          int semicolon = type.indexOf(';');
          return new Document(
              semicolon < 0 ? type : type.substring(0, semicolon).strip(), digest, content);
        }
        failed = refusal(response, "image " + name());
      } catch (HttpResponse.TooLarge e) {
        throw StoreErrors.corrupt(
            "manifest of image "
                + name()
                + " is longer than "
                + BlobStore.MAX_DOCUMENT
                + " bytes; it is not an image manifest");
      } catch (IOException e) {
        // A registry that is not there at all: say so at once instead of after all attempts.
        if (first && RegistryConnection.isUnreachable(e)) {
          throw connection.unavailable(e);
        }
        failed = new Attempt(connection.explain(e), 0);
      }
      spent += failed.cost();
      pause(failed, spent, why -> progress.askingAgain(connection.authority(), why), () -> false);
    }
  }

  /** Why an attempt failed and how long the server asks to wait. */
  private record Attempt(IOException why, long waitMillis) {
    /** What it takes of the attempts: a server that is silent uses them up twice as fast. */
    int cost() {
      return why.getCause() instanceof SocketTimeoutException ? 2 : 1;
    }
  }

  /** What an answer other than success means: worth another attempt, or an error for good. */
  private Attempt refusal(HttpResponse response, String what) {
    int status = response.status();
    if (status == 408 || status == 429 || status >= 500) {
      long seconds = 0;
      try {
        seconds = Long.parseLong(response.header("retry-after").orElse("0"));
      } catch (NumberFormatException e) {
        // A date: then our own pause must do.
        seconds = 0;
      }
      return new Attempt(
          new IOException("the registry returned status " + status),
          Math.clamp(seconds, 0L, 10L) * 1000L);
    }
    String host = connection.authority();
    throw switch (status) {
      case 401, 403 ->
          CasemateException.of(
              Kind.PERMISSION_DENIED,
              "registry "
                  + host
                  + " does not allow "
                  + connection.user().map(u -> "user \"" + u + "\"").orElse("anonymous users")
                  + " to pull "
                  + what
                  + " (status "
                  + status
                  + "); check the name, log in with \"docker login "
                  + reference.registry()
                  + "\" or provide credentials");
      case 404 ->
          CasemateException.of(
              Kind.NOT_FOUND, what + " was not found in registry " + host + "; check name and tag");
      default ->
          CasemateException.of(
              Kind.UNAVAILABLE, "registry " + host + " returned status " + status + " for " + what);
    };
  }

  private interface Cancelled {
    boolean now();
  }

  /** Waits before the next attempt and says so; after the last one, this is the error. */
  private void pause(Attempt failed, int attempt, Consumer<String> tell, Cancelled cancelled) {
    if (attempt >= options.attempts() || cancelled.now()) {
      throw connection.unavailable(failed.why());
    }
    tell.accept(RegistryConnection.reason(failed.why()));
    long millis =
        Math.max(
            failed.waitMillis(),
            Math.min(10_000L, (long) options.pauseMillis() << Math.min(attempt - 1, 10)));
    long end = System.nanoTime() + millis * 1_000_000;
    try {
      while (!cancelled.now() && System.nanoTime() < end) {
        Thread.sleep(Math.min(100, millis));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw connection.unavailable(failed.why());
    }
  }

  @Override
  public void fetch(Descriptor blob, BlobSink sink) {
    int fruitless = 0;
    for (int total = 0; total < MAX_ATTEMPTS; total++) {
      long before = sink.position();
      Optional<Attempt> attempt;
      try {
        attempt = transfer(blob, sink);
      } catch (IOException e) {
        attempt = Optional.of(new Attempt(connection.explain(e), 0));
      }
      if (attempt.isEmpty()) {
        return;
      }
      Attempt failed = attempt.get();
      fruitless = sink.position() > before ? 1 : fruitless + failed.cost();
      pause(failed, fruitless, why -> sink.progress().retry(blob.digest(), why), sink::isCancelled);
    }
    throw connection.unavailable(
        new IOException("the transfer was interrupted " + MAX_ATTEMPTS + " times"));
  }

  /** One connection's worth of a blob; empty when it is complete or no longer wanted. */
  private Optional<Attempt> transfer(Descriptor blob, BlobSink sink) throws IOException {
    Map<String, String> headers = new LinkedHashMap<>();
    long from = sink.position();
    if (from == blob.size()) {
      return Optional.empty();
    }
    if (from > 0) {
      headers.put("Range", "bytes=" + from + "-");
    }
    try (HttpResponse response = connection.get(path("blobs", blob.digest()), headers)) {
      int status = response.status();
      if (status == 416 && from > 0) {
        sink.restart();
        return Optional.of(new Attempt(new IOException("the registry cannot resume"), 0));
      }
      if (status != 200 && status != 206) {
        return Optional.of(refusal(response, "blob " + blob.digest() + " of image " + name()));
      }
      boolean resumed = status == 206;
      if (resumed
          && !response.header("content-range").orElse("").startsWith("bytes " + from + "-")) {
        throw new IOException("the registry sent a different range than " + from + "-");
      }
      if (!resumed && from > 0) {
        sink.restart();
      }
      long expected = blob.size() - sink.position();
      if (response.length() >= 0 && response.length() != expected) {
        throw StoreErrors.corrupt(
            "blob "
                + blob.digest()
                + " of image "
                + name()
                + " has "
                + (response.length() + sink.position())
                + " bytes at registry "
                + connection.authority()
                + ", expected "
                + blob.size()
                + "; the registry is damaged or malicious");
      }
      byte[] chunk = new byte[64 * 1024];
      while (!sink.isCancelled()) {
        int n = response.read(chunk, 0, chunk.length);
        if (n < 0) {
          break;
        }
        sink.write(chunk, 0, n);
      }
      return Optional.empty();
    }
  }

  @Override
  public int parallel() {
    return 3;
  }

  @Override
  public void close() {
    // Each request has its own connection.
  }
}
