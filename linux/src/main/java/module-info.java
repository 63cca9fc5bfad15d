/**
 * System calls and the kernel's other interfaces: files, mounts, namespaces, processes, sockets,
 * netlink.
 */
@org.jspecify.annotations.NullMarked
module dev.casemate.linux {
  requires static org.jspecify;
  requires static org.graalvm.nativeimage;
  requires static org.graalvm.word;

  exports dev.casemate.linux;
}
