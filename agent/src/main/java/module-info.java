/**
 * The guest's PID 1: sandbox set-up, storage, network, containers, their streams and statistics.
 */
@org.jspecify.annotations.NullMarked
module dev.casemate.agent {
  requires static org.jspecify;
  requires dev.casemate.specmapping;
  requires dev.casemate.archive;
  requires dev.casemate.cell;
  requires dev.casemate.netlink;
  requires dev.casemate.protocol;
  requires dev.casemate.rpc;
}
