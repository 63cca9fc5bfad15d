package dev.casemate.containers;

import dev.casemate.base.Json;
import dev.casemate.sandbox.VmOptions;
import java.util.List;
import java.util.Map;

/**
 * The immutable part of a container's record: {@code container.json} in its directory, next to the
 * OCI bundle's {@code config.json}.
 *
 * @param id 64 hexadecimal digits
 * @param name unique among the containers of this machine
 * @param image as the user named it
 * @param imageDigest manifest digest, or empty for a plain directory
 * @param command entry point and arguments
 * @param createdMillis wall clock
 * @param terminal whether it has a terminal
 * @param autoRemove whether it is removed when it ends
 * @param network {@code none} or {@code bridge}
 * @param publish published ports, {@code [ADDRESS:]HOST:CONTAINER[/PROTOCOL]}
 * @param dns name servers for the guest; empty for the host's
 * @param stopSignal the signal that asks it to end, without SIG
 * @param scratchMib size of the scratch disk for its writes; 0 keeps them in the VM's memory
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

  /** Begins a record with what every container has. */
  static Builder builder(String id, String name, RootFs rootfs, VmOptions vm) {
    return new Builder(id, name, rootfs, vm);
  }

  /** Names the components; what is not said is as in a record that lacks it. */
  static final class Builder {
    private final String id;
    private final String name;
    private final RootFs rootfs;
    private final VmOptions vm;
    private String image = "";
    private String imageDigest = "";
    private List<String> command = List.of();
    private long createdMillis;
    private boolean terminal;
    private boolean autoRemove;
    private String network = "none";
    private List<String> publish = List.of();
    private List<String> dns = List.of();
    private String stopSignal = ContainerDefaults.STOP_SIGNAL;
    private int stopTimeoutSeconds = ContainerDefaults.STOP_TIMEOUT_SECONDS;
    private int scratchMib;
    private Map<String, String> labels = Map.of();

    private Builder(String id, String name, RootFs rootfs, VmOptions vm) {
      this.id = id;
      this.name = name;
      this.rootfs = rootfs;
      this.vm = vm;
    }

    Builder image(String image, String imageDigest) {
      this.image = image;
      this.imageDigest = imageDigest;
      return this;
    }

    Builder command(List<String> command) {
      this.command = command;
      return this;
    }

    Builder createdMillis(long createdMillis) {
      this.createdMillis = createdMillis;
      return this;
    }

    Builder terminal(boolean terminal) {
      this.terminal = terminal;
      return this;
    }

    Builder autoRemove(boolean autoRemove) {
      this.autoRemove = autoRemove;
      return this;
    }

    Builder network(String network, List<String> publish, List<String> dns) {
      this.network = network;
      this.publish = publish;
      this.dns = dns;
      return this;
    }

    Builder stop(String stopSignal, int stopTimeoutSeconds) {
      this.stopSignal = stopSignal;
      this.stopTimeoutSeconds = stopTimeoutSeconds;
      return this;
    }

    Builder scratchMib(int scratchMib) {
      this.scratchMib = scratchMib;
      return this;
    }

    Builder labels(Map<String, String> labels) {
      this.labels = labels;
      return this;
    }

    ContainerConfig build() {
      return new ContainerConfig(
          id,
          name,
          image,
          imageDigest,
          command,
          createdMillis,
          terminal,
          autoRemove,
          rootfs,
          vm,
          network,
          publish,
          dns,
          stopSignal,
          stopTimeoutSeconds,
          scratchMib,
          labels);
    }
  }

  /** The first twelve digits of the id, as shown to users. */
  public String shortId() {
    return id.substring(0, Math.min(12, id.length()));
  }

  /** The form used in {@code container.json} and in the output of {@code inspect}. */
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
