/** The VMM driver for QEMU. */
@org.jspecify.annotations.NullMarked
module dev.casemate.qemu {
  requires static org.jspecify;
  requires transitive dev.casemate.hypervisor;

  exports dev.casemate.qemu to
      dev.casemate.vmms;
}
