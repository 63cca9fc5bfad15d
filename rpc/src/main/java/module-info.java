/** ttrpc: client, server and the frame codec. */
@org.jspecify.annotations.NullMarked
module dev.casemate.rpc {
  requires static org.jspecify;
  requires dev.casemate.linux;

  exports dev.casemate.rpc;
}
