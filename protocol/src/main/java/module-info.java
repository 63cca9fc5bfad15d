/** Protocol buffer messages of the agent, of containerd's task service and of the sandbox process. */
@org.jspecify.annotations.NullMarked
module dev.casemate.protocol {
  requires static org.jspecify;
  requires transitive dev.casemate.rpc;

  exports dev.casemate.protocol;
}
