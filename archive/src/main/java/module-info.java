/** Tar archives: reading, writing, and unpacking below a root that an archive cannot leave. */
@org.jspecify.annotations.NullMarked
module dev.casemate.archive {
  requires static org.jspecify;
  requires dev.casemate.linux;
  requires dev.casemate.oci;

  exports dev.casemate.archive;
}
