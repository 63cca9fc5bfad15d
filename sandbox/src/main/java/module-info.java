/** Sandboxes: a VM, its agent, its containers, and the process that owns them. */
@org.jspecify.annotations.NullMarked
module dev.casemate.sandbox {
  requires static org.jspecify;
  requires static org.graalvm.nativeimage;
  requires dev.casemate.cell;
  requires transitive dev.casemate.linux;
  requires transitive dev.casemate.oci;
  requires transitive dev.casemate.rpc;
  requires transitive dev.casemate.protocol;
  requires transitive dev.casemate.hypervisor;
  requires transitive dev.casemate.jail;
  requires transitive dev.casemate.network;

  exports dev.casemate.sandbox;
}
