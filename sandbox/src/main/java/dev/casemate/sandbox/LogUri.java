package dev.casemate.sandbox;

import dev.casemate.linux.Text;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Where containerd wants a process's output, if that is no FIFO: {@code file://} or {@code
 * binary://} URIs, taken apart as Go's net/url does it for containerd's own shim.
 *
 * @param path decoded; begins with a slash, or is empty
 * @param arguments what stands in the query: each key once, with its first value behind it
 */
record LogUri(String path, List<String> arguments) {
  /**
   * Takes a URI apart.
   *
   * @param location what follows {@code scheme://}
   */
  static LogUri of(String location) {
    int fragment = location.indexOf('#');
    String rest = fragment < 0 ? location : location.substring(0, fragment);
    int question = rest.indexOf('?');
    String path = question < 0 ? rest : rest.substring(0, question);
    int slash = path.indexOf('/');
    List<String> arguments =
        question < 0 ? List.of() : arguments(Text.split(rest.substring(question + 1), '&'));
    return new LogUri(slash < 0 ? "" : decode(path.substring(slash), false), arguments);
  }

  private static List<String> arguments(List<String> pairs) {
    List<String> keys = new ArrayList<>();
    List<String> arguments = new ArrayList<>();
    for (String pair : pairs) {
      int equals = pair.indexOf('=');
      String key = decode(equals < 0 ? pair : pair.substring(0, equals), true);
      if (!pair.isEmpty() && !keys.contains(key)) {
        keys.add(key);
        arguments.add(key);
        arguments.add(equals < 0 ? "" : decode(pair.substring(equals + 1), true));
      }
    }
    return arguments;
  }

  /** Undoes percent signs; only in a query is a plus a space. */
  private static String decode(String text, boolean query) {
    byte[] in = text.getBytes(StandardCharsets.UTF_8);
    byte[] out = new byte[in.length];
    int length = 0;
    for (int i = 0; i < in.length; i++) {
      int high = i + 2 < in.length ? Character.digit(in[i + 1], 16) : -1;
      int low = i + 2 < in.length ? Character.digit(in[i + 2], 16) : -1;
      if (in[i] == '%' && high >= 0 && low >= 0) {
        out[length++] = (byte) (high * 16 + low);
        i += 2;
      } else {
        out[length++] = query && in[i] == '+' ? (byte) ' ' : in[i];
      }
    }
    return new String(out, 0, length, StandardCharsets.UTF_8);
  }
}
