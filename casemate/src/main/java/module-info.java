/** The host's executable: picks the role. */
@org.jspecify.annotations.NullMarked
module dev.casemate.casemate {
  requires static org.jspecify;
  requires dev.casemate.cli;
  requires dev.casemate.runtime;
  requires dev.casemate.sandbox;
  requires dev.casemate.shim;
  requires dev.casemate.linux;
}
