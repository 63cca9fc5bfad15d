/** The containers of casemate run: records, launcher, sandbox process, client. */
@org.jspecify.annotations.NullMarked
module dev.casemate.containers {
  requires static org.jspecify;
  requires dev.casemate.vmms;
  requires static org.graalvm.nativeimage;
  requires transitive dev.casemate.guest;
  requires transitive dev.casemate.image;
  requires transitive dev.casemate.sandbox;
  requires transitive dev.casemate.task;

  exports dev.casemate.containers;
}
