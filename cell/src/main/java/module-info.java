/** The container engine: namespaces, cgroups, seccomp, capabilities, devices, mounts. */
@org.jspecify.annotations.NullMarked
module dev.casemate.cell {
  requires static org.jspecify;
  requires dev.casemate.hooks;
  requires dev.casemate.netlink;
  requires transitive dev.casemate.cgroup;
  requires transitive dev.casemate.seccomp;
  requires dev.casemate.protobuf;

  exports dev.casemate.cell;
}
