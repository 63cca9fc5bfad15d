package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;

/** The source of a container's read-only root; its writes go to the scratch disk. */
public sealed interface RootFs {
  /** An EROFS image, given to the VM as a block device. */
  record Erofs(String path) implements RootFs {}

  /** An ext4 image, of which one directory is the root, given to the VM as a block device. */
  record Ext4(String path, String directory) implements RootFs {}

  /** A directory of the host, shared over virtio-fs. */
  record Directory(String path) implements RootFs {}

  /** The path on the host. */
  String path();

  default Json.Obj toJson() {
    String type =
        switch (this) {
          case Erofs e -> "erofs";
          case Ext4 e -> "ext4";
          case Directory d -> "directory";
        };
    Json.Obj json = new Json.Obj().put("type", type).put("path", path());
    return this instanceof Ext4 ext4 ? json.put("directory", ext4.directory()) : json;
  }

  static RootFs fromJson(Json.Obj json) {
    return switch (json.string("type")) {
      case "erofs" -> new Erofs(json.string("path"));
      case "ext4" -> new Ext4(json.string("path"), json.string("directory"));
      case "directory" -> new Directory(json.string("path"));
      default ->
          throw CasemateException.of(
              CasemateException.Kind.CORRUPT,
              "root file system type \""
                  + json.string("type")
                  + "\" is unknown, expected erofs, ext4 or directory");
    };
  }
}
