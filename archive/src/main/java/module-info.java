/** Tar archives: reading, writing, and unpacking below a root that an archive cannot leave. */
@org.jspecify.annotations.NullMarked
module dev.casemate.archive {
  requires static org.jspecify;
  requires transitive dev.casemate.base;

  exports dev.casemate.archive;
}
