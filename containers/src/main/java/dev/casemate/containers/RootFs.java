package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;

/** The source of a container's read-only root; its writes go to the scratch disk. */
public sealed interface RootFs {
  /** An EROFS image, given to the VM as a block device. */
  record Erofs(String path) implements RootFs {}

  /** A directory of the host, shared over virtio-fs. */
  record Directory(String path) implements RootFs {}

  /** The path on the host. */
  String path();

  default Json.Obj toJson() {
    String type =
        switch (this) {
          case Erofs e -> "erofs";
          case Directory d -> "directory";
        };
    return new Json.Obj().put("type", type).put("path", path());
  }

  static RootFs fromJson(Json.Obj json) {
    return switch (json.string("type")) {
      case "erofs" -> new Erofs(json.string("path"));
      case "directory" -> new Directory(json.string("path"));
      default ->
          throw CasemateException.of(
              CasemateException.Kind.CORRUPT,
              "root file system type \""
                  + json.string("type")
                  + "\" is unknown, expected erofs or directory");
    };
  }
}
