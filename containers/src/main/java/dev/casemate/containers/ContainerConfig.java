package dev.casemate.containers;

import dev.casemate.base.Json;
import dev.casemate.sandbox.VmOptions;
import java.util.List;
import java.util.Map;

/**
 * What does not change about a container; {@code container.json} in its directory, beside the OCI
 * bundle's {@code config.json}.
 *
 * @param id 64 hexadecimal digits
 * @param name unique among the containers of this machine
 * @param image as the user named it
 * @param imageDigest manifest digest, or empty for a plain directory
 * @param command entry point and arguments
 * @param createdMillis wall clock
 * @param terminal whether it has a terminal
 * @param autoRemove whether it goes away with its end
 * @param network {@code none} or {@code bridge}
 * @param publish published ports, {@code [ADDRESS:]HOST:CONTAINER[/PROTOCOL]}
 * @param dns name servers for the guest; empty for the host's
 * @param stopSignal the signal that asks it to end, without SIG
 * @param scratchMib size of the disk that takes its writes; 0 keeps them in the VM's memory
 */
public record ContainerConfig(
    String id,
    String name,
    String image,
    String imageDigest,
    List<String> command,
    long createdMillis,
    boolean terminal,
    boolean autoRemove,
    RootFs rootfs,
    VmOptions vm,
    String network,
    List<String> publish,
    List<String> dns,
    String stopSignal,
    int stopTimeoutSeconds,
    int scratchMib,
    Map<String, String> labels) {
  public ContainerConfig {
    command = List.copyOf(command);
    publish = List.copyOf(publish);
    dns = List.copyOf(dns);
    labels = Map.copyOf(labels);
  }

  /** The first twelve digits of the id, as people see it. */
  public String shortId() {
    return id.substring(0, Math.min(12, id.length()));
  }

  /** As it stands in {@code container.json} and in what {@code inspect} prints. */
  public Json.Obj toJson() {
    return new Json.Obj()
        .put("id", id)
        .put("name", name)
        .put("image", image)
        .put("imageDigest", imageDigest)
        .putStrings("command", command)
        .put("createdMillis", createdMillis)
        .put("terminal", terminal)
        .put("autoRemove", autoRemove)
        .put("rootfs", rootfs.toJson())
        .put("vm", vm.toJson())
        .put("network", network)
        .putStrings("publish", publish)
        .putStrings("dns", dns)
        .put("stopSignal", stopSignal)
        .put("stopTimeoutSeconds", stopTimeoutSeconds)
        .put("scratchMib", scratchMib)
        .putMap("labels", labels);
  }

  public static ContainerConfig fromJson(Json.Obj json) {
    return new ContainerConfig(
        json.string("id"),
        json.string("name"),
        json.string("image"),
        json.string("imageDigest"),
        json.strings("command"),
        json.integer("createdMillis", 0),
        json.bool("terminal", false),
        json.bool("autoRemove", false),
        RootFs.fromJson(json.object("rootfs").orElseGet(Json.Obj::new)),
        VmOptions.fromJson(json.object("vm").orElseGet(Json.Obj::new)),
        json.string("network", "none"),
        json.strings("publish"),
        json.strings("dns"),
        json.string("stopSignal", "TERM"),
        (int) json.integer("stopTimeoutSeconds", 10),
        (int) json.integer("scratchMib", 0),
        json.stringMap("labels"));
  }
}
