package dev.casemate.sandbox;

import dev.casemate.protocol.agent.Storage;
import java.util.List;

/**
 * How a container's root file system comes about in the guest.
 *
 * @param storages what the guest mounts for it first
 * @param path where it is then, in the guest
 */
public record RootPlan(List<Storage> storages, String path) {
  public RootPlan {
    storages = List.copyOf(storages);
  }

  /** A directory that the host shares. */
  public static RootPlan shared(String guestPath) {
    return new RootPlan(List.of(), guestPath);
  }
}
