package dev.casemate.commandline;

/** How a command line spells its options. */
public enum Dialect {
  /**
   * As Docker's and GNU's programs: {@code --name value}, {@code --name=value}, {@code -n value},
   * {@code -nvalue}, {@code -abc}.
   */
  GNU,

  /**
   * As runc's parser, Go's: {@code --name value}, {@code --name=value}, the same with one dash,
   * {@code -n value}, {@code -n=value}. Beyond that, letters of switches may be joined: {@code
   * -td}.
   */
  GO
}
