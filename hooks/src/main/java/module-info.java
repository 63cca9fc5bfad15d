/** Programs of a specification that run at points of a container's life. */
@org.jspecify.annotations.NullMarked
module dev.casemate.hooks {
  requires static org.jspecify;
  requires transitive dev.casemate.oci;

  exports dev.casemate.hooks;
}
