/** Both ways between a specification and the message in which the agent gets it. */
@org.jspecify.annotations.NullMarked
module dev.casemate.specmapping {
  requires static org.jspecify;
  requires transitive dev.casemate.oci;
  requires transitive dev.casemate.protocol;

  exports dev.casemate.specmapping;
}
