/** The VMM interface and its drivers. */
@org.jspecify.annotations.NullMarked
module dev.casemate.hypervisor {
  requires static org.jspecify;
  requires transitive dev.casemate.base;
  requires transitive dev.casemate.jail;

  exports dev.casemate.hypervisor;
}
