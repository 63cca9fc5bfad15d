/** Turns descriptor sets that protoc wrote into Java records; runs at build time only. */
@org.jspecify.annotations.NullMarked
module dev.casemate.protocolgenerator {
  requires static org.jspecify;
  requires com.google.protobuf;

  exports dev.casemate.protocolgenerator;
}
