/** The jail: what confines the VMM and the file-sharing daemon on the host. */
@org.jspecify.annotations.NullMarked
module dev.casemate.jail {
  requires static org.jspecify;
  requires transitive dev.casemate.base;

  exports dev.casemate.jail;
}
