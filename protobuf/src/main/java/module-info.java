/** The wire format of Protocol Buffers: what generated messages read and write with. */
@org.jspecify.annotations.NullMarked
module dev.casemate.protobuf {
  requires static org.jspecify;

  exports dev.casemate.protobuf;
}
