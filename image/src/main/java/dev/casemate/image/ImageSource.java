package dev.casemate.image;

import dev.casemate.oci.Descriptor;

/** Where an image comes from: a registry, a directory, an archive. */
interface ImageSource extends AutoCloseable {

  /**
   * A manifest or index.
   *
   * @param mediaType as the source says; may be empty
   * @param digest of the content, verified
   */
  record Document(String mediaType, String digest, byte[] content) {}

  /** What the image is called, for messages. */
  String name();

  /** The manifest or index that the image's name leads to. */
  Document top();

  /** A manifest that an index leads to. */
  Document document(Descriptor descriptor);

  /** Writes a blob from the sink's position on. */
  void fetch(Descriptor blob, BlobSink sink);

  /** How many blobs are worth fetching at a time. */
  int parallel();

  @Override
  void close();
}
