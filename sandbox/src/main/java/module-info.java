/** Sandboxes: a VM, its agent, its containers, and the process that owns them. */
@org.jspecify.annotations.NullMarked
module dev.casemate.sandbox {
  requires static org.jspecify;
  requires dev.casemate.hooks;
  requires dev.casemate.specmapping;
  requires transitive dev.casemate.hypervisor;
  requires transitive dev.casemate.jail;
  requires transitive dev.casemate.netlink;
  requires transitive dev.casemate.network;
  requires transitive dev.casemate.oci;
  requires transitive dev.casemate.protocol;
  requires transitive dev.casemate.rpc;
  requires dev.casemate.vmms;
  requires dev.casemate.seccomp;

  exports dev.casemate.sandbox;
}
