package dev.casemate.containers;

import dev.casemate.sandbox.SandboxPaths;
import java.util.ArrayList;
import java.util.List;

/**
 * The containers of this machine, each in a VM of its own: the entry point for programs, which
 * {@code casemate run} uses as well.
 *
 * <p>A preview: names and types may change until the library is published.
 */
public final class Casemate implements AutoCloseable {
  private final ContainerStore store;
  private final List<Container> open = new ArrayList<>();

  private Casemate(ContainerStore store) {
    this.store = store;
  }

  /** Uses the system's directories, or those in {@code CASEMATE_RUN} and {@code CASEMATE_STATE}. */
  public static Casemate open() {
    return open(SandboxPaths.system());
  }

  /** Uses the given directories. */
  public static Casemate open(SandboxPaths paths) {
    return new Casemate(new ContainerStore(paths));
  }

  /**
   * Returns a builder for a container.
   *
   * @param image {@code debian:12}, {@code oci:DIR}, {@code docker-archive:FILE}, {@code
   *     rootfs:DIR} …, as for {@code casemate run}
   */
  public ContainerBuilder container(String image) {
    return new ContainerBuilder(this, image);
  }

  /** The records of all containers. */
  public ContainerStore store() {
    return store;
  }

  synchronized Container opened(Container container) {
    open.add(container);
    return container;
  }

  synchronized void closed(Container container) {
    open.remove(container);
  }

  private synchronized List<Container> openOnes() {
    return List.copyOf(open);
  }

  /** Closes the containers that this object created and that are still open, the last one first. */
  @Override
  public void close() {
    for (Container container : openOnes().reversed()) {
      container.close();
    }
  }
}
