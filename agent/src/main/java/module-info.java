/**
 * The guest's PID 1: sandbox set-up, storage, network, containers, their streams and statistics.
 */
@org.jspecify.annotations.NullMarked
module dev.casemate.agent {
  requires static org.jspecify;
  requires dev.casemate.linux;
  requires dev.casemate.oci;
  requires dev.casemate.archive;
  requires dev.casemate.rpc;
  requires dev.casemate.protocol;
  requires dev.casemate.cell;

  exports dev.casemate.agent;
}
