/** The commands for people. */
@org.jspecify.annotations.NullMarked
module dev.casemate.cli {
  requires static org.jspecify;
  requires dev.casemate.archive;
  requires dev.casemate.commandline;
  requires dev.casemate.containers;
  requires dev.casemate.guest;
  requires dev.casemate.hypervisor;
  requires dev.casemate.image;
  requires dev.casemate.network;
  requires dev.casemate.protocol;
  requires dev.casemate.vmms;
  requires dev.casemate.rpc;

  exports dev.casemate.cli to
      dev.casemate.casemate;
}
