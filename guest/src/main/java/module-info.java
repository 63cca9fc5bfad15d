/** Builds the guest's kernel and initramfs. */
@org.jspecify.annotations.NullMarked
module dev.casemate.guest {
  requires static org.jspecify;
  requires dev.casemate.protocol;
  requires transitive dev.casemate.base;

  exports dev.casemate.guest to
      dev.casemate.cli,
      dev.casemate.containers;
}
