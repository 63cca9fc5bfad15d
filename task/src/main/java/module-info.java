/** containerd's task service, for every owner of a sandbox. */
@org.jspecify.annotations.NullMarked
module dev.casemate.task {
  requires static org.jspecify;
  requires transitive dev.casemate.sandbox;

  exports dev.casemate.task;
}
