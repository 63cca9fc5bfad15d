/** OCI images: pull, verify, store, unpack, and convert to EROFS. */
@org.jspecify.annotations.NullMarked
module dev.casemate.image {
  requires static org.jspecify;
  requires transitive dev.casemate.linux;
  requires transitive dev.casemate.oci;
  requires aircompressor;
  requires dev.casemate.archive;

  exports dev.casemate.image to
      dev.casemate.cli,
      dev.casemate.containers;
}
