package dev.casemate.network;

import java.util.List;

/**
 * What has changed in a sandbox's namespace since the last look.
 *
 * @param network as it is now, without removed interfaces
 * @param added new interfaces, which have been attached: the VM needs a network card for each
 * @param changed interfaces with other addresses, routes or another MTU
 * @param gone removed interfaces; once the VM has closed their TAPs, {@link Networks#drop} frees
 *     these
 * @param problems why interfaces could not be attached, one sentence each
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
