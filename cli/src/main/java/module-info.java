/** The commands for people. */
@org.jspecify.annotations.NullMarked
module dev.casemate.cli {
  requires static org.jspecify;
  requires dev.casemate.linux;
  requires dev.casemate.oci;
  requires dev.casemate.archive;
  requires dev.casemate.rpc;
  requires dev.casemate.protocol;
  requires dev.casemate.hypervisor;
  requires dev.casemate.image;
  requires dev.casemate.guest;
  requires dev.casemate.network;
  requires dev.casemate.sandbox;

  exports dev.casemate.cli;
}
