package dev.casemate.image;

import dev.casemate.oci.ImageConfig;
import java.util.Optional;

/** An image that is ready to run: its config and its root file system on this machine. */
public final class Image {
  private final String name;
  private final ImageConfig config;
  private final Optional<ImageStore> store;
  private final Optional<PreparedImage> prepared;
  private final String plainDirectory;

  private Image(
      String name,
      ImageConfig config,
      Optional<ImageStore> store,
      Optional<PreparedImage> prepared,
      String plainDirectory) {
    this.name = name;
    this.config = config;
    this.store = store;
    this.prepared = prepared;
    this.plainDirectory = plainDirectory;
  }

  static Image stored(String name, ImageStore store, PreparedImage prepared) {
    return new Image(name, prepared.config(), Optional.of(store), Optional.of(prepared), "");
  }

  static Image plain(String name, String directory) {
    return new Image(name, ImageConfig.empty(), Optional.empty(), Optional.empty(), directory);
  }

  /**
   * The root file system as an EROFS image: a read-only file of {@code bytes} bytes.
   *
   * @param ext4Top if it is an ext4 image instead, the directory of it that is the root
   */
  public record Erofs(String path, long bytes, Optional<String> ext4Top) {}

  /** The complete name: {@code docker.io/library/busybox:latest}, {@code oci:/path:tag}. */
  public String name() {
    return name;
  }

  /** The manifest's digest; empty for a plain directory. */
  public Optional<String> digest() {
    return prepared.map(PreparedImage::manifest);
  }

  public ImageConfig config() {
    return config;
  }

  /** The root file system as a read-only image; empty for a plain directory. */
  public Optional<Erofs> erofs() {
    if (store.isEmpty() || prepared.isEmpty()) {
      return Optional.empty();
    }
    String path = store.get().erofsPath(prepared.get().chain());
    return Optional.of(new Erofs(path, prepared.get().erofsBytes(), Ext4Builder.top(path)));
  }

  /**
   * The root file system as a directory, for sharing. The first call for an image unpacks it; the
   * directory belongs to the store and must not be written to. For a plain directory, this is the
   * directory itself.
   */
  public String directory(PullProgress progress) {
    if (store.isEmpty() || prepared.isEmpty()) {
      return plainDirectory;
    }
    return store.get().directory(name, prepared.get(), progress);
  }
}
