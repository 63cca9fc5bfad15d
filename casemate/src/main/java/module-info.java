/** The host's executable: picks the role. */
@org.jspecify.annotations.NullMarked
module dev.casemate.casemate {
  requires static org.jspecify;
  requires dev.casemate.cellcli;
  requires dev.casemate.cli;
  requires dev.casemate.containers;
  requires dev.casemate.linux;
  requires dev.casemate.shim;
}
