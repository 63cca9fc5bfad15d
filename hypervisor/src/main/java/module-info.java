/** The VMM interface and its drivers. */
@org.jspecify.annotations.NullMarked
module dev.casemate.hypervisor {
  requires static org.jspecify;
  requires transitive dev.casemate.jail;
  requires transitive dev.casemate.linux;
  requires transitive dev.casemate.oci;

  exports dev.casemate.hypervisor;
  exports dev.casemate.hypervisor.qemu;
}
