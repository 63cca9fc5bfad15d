package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.oci.ImageReference;

/** What the user names as IMAGE. */
sealed interface ImageArgument {

  record Registry(ImageReference reference) implements ImageArgument {}

  /** {@code oci:DIR[:TAG]}; the tag may be empty. */
  record Layout(String directory, String tag) implements ImageArgument {
    String text() {
      return "oci:" + directory + suffix(tag);
    }
  }

  /** {@code oci-archive:FILE[:TAG]} or {@code docker-archive:FILE[:REF]}. */
  record Archive(boolean docker, String file, String tag) implements ImageArgument {
    String text() {
      return (docker ? "docker-archive:" : "oci-archive:") + file + suffix(tag);
    }
  }

  /** {@code rootfs:DIR}: no image, a directory to run on. */
  record Directory(String directory) implements ImageArgument {}

  private static String suffix(String tag) {
    return tag.isEmpty() ? "" : ":" + tag;
  }

  /**
   * Reads an argument. Paths become absolute.
   *
   * @throws CasemateException INVALID_ARGUMENT, or NOT_FOUND if there is no such file
   */
  static ImageArgument parse(String text) {
    if (text.startsWith("oci:")) {
      String rest = text.substring(4);
      int split = split(text, rest, "directory");
      return new Layout(absolute(rest.substring(0, split)), tag(rest, split));
    }
    if (text.startsWith("oci-archive:") || text.startsWith("docker-archive:")) {
      boolean docker = text.startsWith("docker");
      String rest = text.substring(text.indexOf(':') + 1);
      int split = split(text, rest, "file");
      return new Archive(docker, absolute(rest.substring(0, split)), tag(rest, split));
    }
    if (text.startsWith("rootfs:")) {
      String directory = absolute(text.substring(7));
      if (text.length() == 7 || Fs.statIfExists(directory).filter(s -> s.isDirectory()).isEmpty()) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "image \""
                + text
                + "\": no such directory: "
                + directory
                + "; give one that contains a root file system");
      }
      return new Directory(directory);
    }
    return new Registry(ImageReference.parse(text));
  }

  private static String tag(String rest, int split) {
    return split == rest.length() ? "" : rest.substring(split + 1);
  }

  /** Where the path ends: it may hold colons, and so may the tag, so what exists decides. */
  private static int split(String text, String rest, String what) {
    int end = rest.length();
    while (end > 0) {
      if (Fs.exists(rest.substring(0, end))) {
        return end;
      }
      end = rest.lastIndexOf(':', end - 1);
    }
    int colon = rest.indexOf(':');
    throw CasemateException.of(
        Kind.NOT_FOUND,
        "image \""
            + text
            + "\": no such "
            + what
            + ": \""
            + (colon < 0 ? rest : rest.substring(0, colon))
            + "\"; check the path");
  }

  private static String absolute(String path) {
    String clean = path;
    while (clean.length() > 1 && clean.endsWith("/")) {
      clean = clean.substring(0, clean.length() - 1);
    }
    return clean.startsWith("/") ? clean : Links.readLink("/proc/self/cwd") + "/" + clean;
  }
}
