/** containerd's shim, version 2 of its protocol. */
@org.jspecify.annotations.NullMarked
module dev.casemate.shim {
  requires static org.jspecify;
  requires static org.graalvm.nativeimage;
  requires transitive dev.casemate.task;
  requires dev.casemate.vmms;

  exports dev.casemate.shim to
      dev.casemate.casemate;
}
