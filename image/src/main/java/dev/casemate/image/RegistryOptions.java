package dev.casemate.image;

import java.util.Optional;

/**
 * How registries are spoken to.
 *
 * @param insecure whether certificates are not verified and plain HTTP is allowed, for any host
 * @param caFile a PEM file of certification authorities that count besides the machine's own
 * @param credentials for the registry of the image; else those of {@code ~/.docker/config.json}
 * @param attempts how often a transfer is begun again without having got further; one that ended in
 *     a timeout counts twice
 * @param pauseMillis before the second attempt; doubled for each further one, up to 10 s
 * @param timeoutMillis for a connection to come about and for each read
 * @param maxBytes most bytes that an image may unpack to
 */
public record RegistryOptions(
    boolean insecure,
    Optional<String> caFile,
    Optional<Credentials> credentials,
    int attempts,
    int pauseMillis,
    int timeoutMillis,
    long maxBytes) {

  /** A user's name and password, or token, for a registry. */
  public record Credentials(String user, String password) {
    @Override
    public String toString() {
      return "credentials of " + user;
    }
  }

  /** Verified TLS, six attempts over some 15 s or three with a timeout of 30 s, 256 GiB. */
  public static RegistryOptions defaults() {
    return new RegistryOptions(
        false, Optional.empty(), Optional.empty(), 6, 500, 30_000, 256L << 30);
  }

  public RegistryOptions withInsecure(boolean on) {
    return new RegistryOptions(
        on, caFile, credentials, attempts, pauseMillis, timeoutMillis, maxBytes);
  }

  public RegistryOptions withCaFile(String path) {
    return new RegistryOptions(
        insecure, Optional.of(path), credentials, attempts, pauseMillis, timeoutMillis, maxBytes);
  }

  public RegistryOptions withCredentials(Credentials given) {
    return new RegistryOptions(
        insecure, caFile, Optional.of(given), attempts, pauseMillis, timeoutMillis, maxBytes);
  }

  public RegistryOptions withRetries(int newAttempts, int newPauseMillis, int newTimeoutMillis) {
    return new RegistryOptions(
        insecure, caFile, credentials, newAttempts, newPauseMillis, newTimeoutMillis, maxBytes);
  }

  public RegistryOptions withMaxBytes(long bytes) {
    return new RegistryOptions(
        insecure, caFile, credentials, attempts, pauseMillis, timeoutMillis, bytes);
  }
}
