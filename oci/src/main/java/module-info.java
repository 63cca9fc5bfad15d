/** JSON and the OCI runtime and image specifications as records. */
@org.jspecify.annotations.NullMarked
module dev.casemate.oci {
  requires static org.jspecify;
  requires transitive dev.casemate.base;

  exports dev.casemate.oci;
}
