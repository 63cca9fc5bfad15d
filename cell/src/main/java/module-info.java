/** The container engine: namespaces, cgroups, seccomp, capabilities, devices, mounts. */
@org.jspecify.annotations.NullMarked
module dev.casemate.cell {
  requires static org.jspecify;
  requires dev.casemate.rpc;
  requires transitive dev.casemate.linux;
  requires transitive dev.casemate.oci;

  exports dev.casemate.cell;
}
