/** System call filters: the OCI specification compiled to BPF. */
@org.jspecify.annotations.NullMarked
module dev.casemate.seccomp {
  requires static org.jspecify;
  requires transitive dev.casemate.oci;

  exports dev.casemate.seccomp;
}
