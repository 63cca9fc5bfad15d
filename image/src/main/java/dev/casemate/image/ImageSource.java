package dev.casemate.image;

import dev.casemate.oci.Descriptor;

/** Where an image comes from: a registry, a directory, an archive. */
interface ImageSource extends AutoCloseable {

  /**
   * A manifest or index: its media type as the source says, which may be empty, the digest of its
   * content, and that content.
   */
  final class Document {
    private final String mediaType;
    private final String digest;
    private final byte[] content;

    Document(String mediaType, String digest, byte[] content) {
      this.mediaType = mediaType;
      this.digest = digest;
      this.content = content;
    }

    String mediaType() {
      return mediaType;
    }

    String digest() {
      return digest;
    }

    byte[] content() {
      return content;
    }
  }

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
