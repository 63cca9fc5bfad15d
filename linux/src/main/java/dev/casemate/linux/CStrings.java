package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;

/** A NULL-terminated array of C strings, as {@code execve(2)} wants it. */
final class CStrings implements AutoCloseable {
  private final List<NativeBuffer> strings = new ArrayList<>();
  private final NativeBuffer array;

  CStrings(List<String> values) {
    array = NativeBuffer.allocate(8 * (values.size() + 1));
    for (String value : values) {
      NativeBuffer string = NativeBuffer.ofString(value);
      array.putLong(8 * strings.size(), string.address());
      strings.add(string);
    }
  }

  long address() {
    return array.address();
  }

  @Override
  public void close() {
    for (NativeBuffer string : strings) {
      string.close();
    }
    array.close();
  }
}
