package dev.casemate.network;

import java.util.List;

/**
 * What has changed in a sandbox's namespace since the last look.
 *
 * @param network as it is now, without those that are gone
 * @param added interfaces that are new and have been joined: the VM needs a network card for each
 * @param changed interfaces with other addresses, routes or another MTU
 * @param gone interfaces that are no more; once the VM has let go of their TAPs, {@link
 *     Networks#drop} frees these
 * @param problems why interfaces could not be joined, a sentence each
 */
public record NetworkChange(
    SandboxNetwork network,
    List<Endpoint> added,
    List<Endpoint> changed,
    List<Endpoint> gone,
    List<String> problems) {
  public boolean isEmpty() {
    return added.isEmpty() && changed.isEmpty() && gone.isEmpty();
  }
}
