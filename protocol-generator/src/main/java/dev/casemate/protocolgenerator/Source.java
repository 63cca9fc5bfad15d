package dev.casemate.protocolgenerator;

/** Java text that grows line by line. */
final class Source {
  private final StringBuilder text = new StringBuilder();
  private int depth;

  /**
   * Appends a line; one that begins with a brace closes a block, one that ends with a brace opens
   * one.
   */
  Source line(String line) {
    if (line.startsWith("}")) {
      depth--;
    }
    text.append("  ".repeat(line.isEmpty() ? 0 : depth)).append(line).append('\n');
    if (line.endsWith("{")) {
      depth++;
    }
    return this;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
