/** Control groups, version 1 and 2: membership, limits, devices, statistics. */
@org.jspecify.annotations.NullMarked
module dev.casemate.cgroup {
  requires static org.jspecify;
  requires transitive dev.casemate.oci;

  exports dev.casemate.cgroup;
}
