/**
 * Protocol buffer messages of the agent, of containerd's task, sandbox and event services, and of
 * Casemate's own. The records are made at build time from the texts in src/main/proto, which name
 * their Java packages; unsigned 32 and 64 bit numbers are Java's {@code int} and {@code long} with
 * the same bits.
 */
@org.jspecify.annotations.NullMarked
module dev.casemate.protocol {
  requires static org.jspecify;
  requires transitive dev.casemate.rpc;

  exports dev.casemate.protocol;
  exports dev.casemate.protocol.agent;
  exports dev.casemate.protocol.bootstrap;
  exports dev.casemate.protocol.casemate;
  exports dev.casemate.protocol.cgroups1;
  exports dev.casemate.protocol.cgroups2;
  exports dev.casemate.protocol.containerd;
  exports dev.casemate.protocol.cri;
  exports dev.casemate.protocol.events;
  exports dev.casemate.protocol.google;
  exports dev.casemate.protocol.oci;
  exports dev.casemate.protocol.runtimeoptions;
  exports dev.casemate.protocol.sandbox;
  exports dev.casemate.protocol.task;
  exports dev.casemate.protocol.taskv3;
  exports dev.casemate.protocol.types;
}
