package dev.casemate.testsupport;

/** Comparing directories with all that the kernel keeps of their files. */
public final class FileTrees {
  private FileTrees() {}

  /**
   * Describes all that is below a directory, one line a file: type and mode, owner, size, time,
   * links, content, device, extended attributes; the size of a directory depends on its file system
   * and is left out.
   */
  public static String describe(String directory) {
    return Shell.run(
            "cd "
                + directory
                + " && find . -mindepth 1 -type d -printf '%p %M %U:%G %T@\\n' | sort"
                + " && find . ! -type d -printf '%p %M %U:%G %s %T@ %l %n\\n' | sort"
                + " && find . -type f -print0 | sort -z | xargs -0 -r sha256sum"
                + " && find . \\( -type c -o -type b \\) -exec stat -c '%n %t:%T' '{}' + | sort"
                + " && (getfattr -hRd -m - . 2>/dev/null | sort -s -k1,1)")
        .out();
  }

  /** As {@link #describe}, with the directory itself. */
  public static String describeWithRoot(String directory) {
    return Shell.run("stat -c '%A %u:%g %y' " + directory).out() + describe(directory);
  }
}
