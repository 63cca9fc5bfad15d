/** The OCI runtime command line: what runc and crun have, over Casemate's engines. */
@org.jspecify.annotations.NullMarked
module dev.casemate.ocicli {
  requires static org.jspecify;
  requires dev.casemate.commandline;
  requires transitive dev.casemate.oci;

  exports dev.casemate.ocicli to
      dev.casemate.cellcli;
}
