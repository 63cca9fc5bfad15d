/** The OCI runtime command line: what runc and crun have, over Casemate's engines. */
@org.jspecify.annotations.NullMarked
module dev.casemate.runtime {
  requires static org.jspecify;
  requires transitive dev.casemate.linux;
  requires transitive dev.casemate.oci;
  requires transitive dev.casemate.cell;

  exports dev.casemate.runtime;
}
