package dev.casemate.sandbox;

import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.agent.Device;
import dev.casemate.protocol.agent.Storage;
import java.util.List;
import java.util.Optional;

/**
 * A container to be created in a sandbox.
 *
 * @param id unique in its sandbox
 * @param bundle its directory on the host, which is passed to hooks
 * @param spec the bundle's config.json
 * @param root where its root file system comes from
 * @param storages what else the guest mounts for it, before its own mounts
 * @param devices block devices of the specification that the guest has under other numbers
 * @param mounts the specification's mounts with sources that the guest has
 * @param stdio where its init's streams go
 * @param log takes a copy of its output
 * @param scope which namespaces it shares with others of its sandbox
 * @param weightless whether it does not count for the VM's size, as a pause container
 */
public record ContainerPlan(
    String id,
    String bundle,
    Spec spec,
    RootPlan root,
    List<Storage> storages,
    List<Device> devices,
    List<MountSpec> mounts,
    Stdio stdio,
    Optional<ContainerLog> log,
    NamespaceScope scope,
    boolean weightless) {
  public ContainerPlan {
    storages = List.copyOf(storages);
    devices = List.copyOf(devices);
    mounts = List.copyOf(mounts);
  }
}
