package dev.casemate.containers;

import dev.casemate.base.PlainText;
import dev.casemate.image.Image;
import dev.casemate.image.PullProgress;
import dev.casemate.linux.Signals;
import dev.casemate.network.PortMapping;
import dev.casemate.sandbox.VmOptions;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** From wishes and an image to a container's record. What needs no image is checked at once. */
final class ConfigPolicy {
  private static final int MAXIMUM_HOSTNAME_BYTES = 64;

  private final Wishes wishes;
  private final VmOptions vm;
  private final String network;

  ConfigPolicy(Wishes wishes, VmOptions vm) {
    this.wishes = wishes;
    this.vm = vm;
    this.network = wishes.network.orElseGet(() -> ContainerDefaults.network(wishes.publish));
    checkNetwork();
    wishes.hostname.ifPresent(ConfigPolicy::checkHostname);
    wishes.stopSignal.ifPresent(ConfigPolicy::checkStopSignal);
    Refusal.range(
        "stop-timeout", wishes.stopTimeoutSeconds, 0, ContainerDefaults.MOST_STOP_TIMEOUT_SECONDS);
    Refusal.range(
        "pids-limit", wishes.pids, ContainerDefaults.LEAST_PIDS, ContainerDefaults.MOST_PIDS);
    if (wishes.scratchMib != 0
        && (wishes.scratchMib < ContainerDefaults.LEAST_SCRATCH_MIB
            || wishes.scratchMib > ContainerDefaults.MOST_SCRATCH_MIB)) {
      throw Refusal.of(
          "invalid value \""
              + wishes.scratchMib
              + "m\" for --scratch: expected 0 or a size from "
              + ContainerDefaults.LEAST_SCRATCH_MIB
              + "m to 16t");
    }
  }

  private void checkNetwork() {
    if (!network.equals("none") && !network.equals("bridge")) {
      String hint = network.equals("host") ? " (a VM cannot share the host's network)" : "";
      throw Refusal.of(
          "invalid value \"" + network + "\" for --network: expected none or bridge" + hint);
    }
    if (network.equals("none") && !wishes.publish.isEmpty()) {
      throw Refusal.of("option --publish requires --network bridge");
    }
    wishes.publish.forEach(PortMapping::parse);
  }

  private static void checkHostname(String hostname) {
    boolean printable = !hostname.isEmpty();
    for (int i = 0; i < hostname.length(); i++) {
      char c = hostname.charAt(i);
      printable &= c > ' ' && c != '/' && c != 0x7f;
    }
    if (!printable || hostname.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_HOSTNAME_BYTES) {
      throw Refusal.of(
          "invalid value \""
              + PlainText.line(hostname, 100)
              + "\" for --hostname: expected 1 to "
              + MAXIMUM_HOSTNAME_BYTES
              + " bytes without spaces or slashes");
    }
  }

  private static void checkStopSignal(String signal) {
    if (Signals.number(signal) <= 0) {
      throw Refusal.of(
          "invalid value \""
              + signal
              + "\" for --stop-signal: expected a signal name such as TERM, or a number from 1 to 64");
    }
  }

  /** The host name of a container with this id. */
  String hostname(String id) {
    return wishes.hostname.orElseGet(() -> id.substring(0, ContainerDefaults.HOSTNAME_LENGTH));
  }

  /** The record of a container with this id. */
  ContainerConfig config(String id, Image image, List<String> command) {
    return ContainerConfig.builder(id, wishes.name.orElseGet(Names::random), rootfs(image), vm)
        .image(wishes.image, image.digest().orElse(""))
        .command(command)
        .createdMillis(System.currentTimeMillis())
        .terminal(wishes.terminal)
        .autoRemove(wishes.autoRemove)
        .network(network, wishes.publish, wishes.dns)
        .stop(stopSignal(image.config().stopSignal(), command), wishes.stopTimeoutSeconds)
        .scratchMib(wishes.scratchMib)
        .labels(wishes.labels)
        .build();
  }

  String stopSignal(String ofImage, List<String> command) {
    String ofCommand =
        ofImage.isEmpty() && SpecPolicy.isSystemd(command)
            ? ContainerDefaults.SYSTEMD_STOP_SIGNAL
            : ofImage;
    String signal = wishes.stopSignal.orElseGet(() -> ContainerDefaults.stopSignal(ofCommand));
    if (Signals.number(signal) <= 0) {
      throw Refusal.of(
          "STOPSIGNAL of image "
              + wishes.image
              + " is \""
              + PlainText.line(signal, 100)
              + "\", which is not a signal; override it with --stop-signal");
    }
    return signal;
  }

  private RootFs rootfs(Image image) {
    Optional<Image.Erofs> erofs = image.erofs();
    if (erofs.isEmpty() || wishes.sharedRoot) {
      return new RootFs.Directory(image.directory(PullProgress.NONE));
    }
    String path = erofs.get().path();
    Optional<String> top = erofs.get().ext4Top();
    return top.isPresent() ? new RootFs.Ext4(path, top.get()) : new RootFs.Erofs(path);
  }
}
