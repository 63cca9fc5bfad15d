package dev.casemate.agent;

import dev.casemate.linux.Text;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * What to do in place of a request's handler: {@code METHOD[~TEXT] ACTION [ARGUMENT…][, ACTION…]},
 * one a line. TEXT must stand in the request. Method {@code now} means: as soon as the line is
 * read. Bytes are in base64, {@code -} for none. {@link Hostile} has the actions.
 */
final class HostileRole {
  static final String NOW = "now";

  /** One word with its arguments. */
  record Action(String word, List<String> arguments) {
    String text(int index) {
      return arguments.get(index);
    }

    long number(int index) {
      return Long.parseLong(arguments.get(index));
    }

    byte[] bytes(int index) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (String part : Text.split(arguments.get(index), ':')) {
        int star = part.indexOf('*');
        String once = star < 0 ? part : part.substring(0, star);
        byte[] decoded = once.equals("-") ? new byte[0] : Base64.getDecoder().decode(once);
        for (int i = star < 0 ? 1 : Integer.parseInt(part.substring(star + 1)); i > 0; i--) {
          bytes.writeBytes(decoded);
        }
      }
      return bytes.toByteArray();
    }
  }

  private final String method;
  private final byte[] text;
  private final List<Action> actions = new ArrayList<>();

  /** How many bytes of an action {@code stream} have been sent. */
  long streamed;

  private HostileRole(String line) {
    String trigger = line.substring(0, line.indexOf(' '));
    int tilde = trigger.indexOf('~');
    method = tilde < 0 ? trigger : trigger.substring(0, tilde);
    text = (tilde < 0 ? "" : trigger.substring(tilde + 1)).getBytes(StandardCharsets.UTF_8);
    for (String action : Text.split(line.substring(trigger.length()), ',')) {
      List<String> words = Text.split(action, ' ');
      actions.add(new Action(words.getFirst(), List.copyOf(words.subList(1, words.size()))));
    }
  }

  /** Reads lines; empty ones are passed over. */
  static List<HostileRole> parse(String lines) {
    List<HostileRole> roles = new ArrayList<>();
    for (String line : Text.split(lines, '\n')) {
      if (!line.isBlank()) {
        roles.add(new HostileRole(line.strip()));
      }
    }
    return roles;
  }

  String method() {
    return method;
  }

  List<Action> actions() {
    return actions;
  }

  /** Whether a request is one for this role. */
  boolean concerns(String requested, byte[] payload) {
    return (method.equals("*") || method.equals(requested)) && contains(payload);
  }

  private boolean contains(byte[] payload) {
    for (int start = 0; start + text.length <= payload.length; start++) {
      int i = 0;
      while (i < text.length && payload[start + i] == text[i]) {
        i++;
      }
      if (i == text.length) {
        return true;
      }
    }
    return false;
  }
}
