package dev.casemate.cell;

import dev.casemate.cgroup.Cgroup;
import dev.casemate.oci.Spec;

/**
 * What a container is made from.
 *
 * @param bundle directory that relative paths of the spec start at
 * @param cgroup where the container's processes are put; {@link Cgroup#none()} for nowhere. The
 *     engine creates, fills and removes it
 * @param ownKernel whether the kernel serves this container or sandbox alone (a VM): then sysctls
 *     may be any, not only those of a namespace
 */
public record ContainerConfig(
    String id, String bundle, Spec spec, Cgroup cgroup, boolean ownKernel) {}
