/** The container engine: namespaces, cgroups, seccomp, capabilities, devices, mounts. */
package dev.casemate.cell;
