/** The VMM drivers of this build: the only place that names them. */
@org.jspecify.annotations.NullMarked
module dev.casemate.vmms {
  requires static org.jspecify;
  requires transitive dev.casemate.hypervisor;
  requires dev.casemate.qemu;

  exports dev.casemate.vmms;
}
