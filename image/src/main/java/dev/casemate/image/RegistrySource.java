package dev.casemate.image;

import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageReference;

final class RegistrySource implements ImageSource {
  RegistrySource(ImageReference r, RegistryOptions o) {
    throw new UnsupportedOperationException(r.text() + o);
  }

  @Override
  public String name() {
    return "";
  }

  @Override
  public Document top() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Document document(Descriptor d) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void fetch(Descriptor b, BlobSink s) {}

  @Override
  public int parallel() {
    return 3;
  }

  @Override
  public void close() {}
}
