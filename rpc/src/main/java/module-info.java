/**
 * ttrpc: client, server and the frame codec; and the protobuf wire format that all messages use.
 */
@org.jspecify.annotations.NullMarked
module dev.casemate.rpc {
  requires static org.jspecify;
  requires transitive dev.casemate.protobuf;

  exports dev.casemate.rpc;
}
