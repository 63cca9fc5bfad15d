/** OCI images: pull, verify, store, unpack, and convert to EROFS. */
@org.jspecify.annotations.NullMarked
module dev.casemate.image {
  requires static org.jspecify;
  requires transitive dev.casemate.linux;
  requires transitive dev.casemate.oci;
  requires dev.casemate.archive;
  requires aircompressor;

  exports dev.casemate.image;
}
