/** The toolkit of both command lines: options, help, tables, sizes, output. */
@org.jspecify.annotations.NullMarked
module dev.casemate.commandline {
  requires static org.jspecify;
  requires transitive dev.casemate.base;

  exports dev.casemate.commandline to
      dev.casemate.cellcli,
      dev.casemate.cli,
      dev.casemate.ocicli;
}
