/** The executable casemate-cell: the OCI command line over the cell. */
@org.jspecify.annotations.NullMarked
module dev.casemate.cellcli {
  requires static org.jspecify;
  requires transitive dev.casemate.cell;
  requires transitive dev.casemate.ocicli;

  exports dev.casemate.cellcli to
      dev.casemate.casemate;
}
