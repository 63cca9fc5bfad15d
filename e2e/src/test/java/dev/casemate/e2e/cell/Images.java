package dev.casemate.e2e.cell;

/** The image of the engines' tests: busybox, made by {@code casemate demo-image}. */
final class Images {
  static final String NAME = "docker.io/library/busybox:latest";

  private Images() {}

  /** Makes {@code $FILES/busybox.tar}, which every engine can load. */
  static void make(Box box) {
    String casemate =
        java.nio.file.Path.of(Box.executablePath()).resolveSibling("casemate").toString();
    box.ok(casemate + " demo-image $FILES/image > /dev/null");
    box.ok(
        "skopeo --insecure-policy copy -q oci:$FILES/image docker-archive:$FILES/busybox.tar:"
            + NAME);
  }
}
