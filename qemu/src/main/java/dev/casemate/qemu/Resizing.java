package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that comes and goes, and processors that come, while the guest runs. Memory is one
 * virtio-mem device that is there from the start with nothing in it; processors are plugged one by
 * one. What there is, is asked of QEMU: this works for a VM that another process has launched, too.
 */
final class Resizing {
  /** Id of the device; that of its memory has a suffix. */
  static final String MEMORY = "growth";

  static final String BACKEND = MEMORY + "-memory";

  private static final long MIB = 1024 * 1024;
  private static final int POLL_MILLIS = 20;
  private static final String PROCESSOR = "processor";

  /** Where QEMU has what has an id of ours. */
  private static final String PLUGGED = "/machine/peripheral/";

  private final String vmId;
  private final Qmp qmp;

  Resizing(String vmId, Qmp qmp) {
    this.vmId = vmId;
    this.qmp = qmp;
  }

  /**
   * Asks the guest to have {@code mib} more than at boot, or less again.
   *
   * @return what it has more by then
   */
  synchronized long resizeMemory(long mib, int timeoutMillis) {
    qmp.execute("qom-set", property("requested-size").put("value", mib * MIB));
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (true) {
      long now = plugged();
      if (now == mib || System.nanoTime() > deadline) {
        return now;
      }
      pause();
    }
  }

  /** MiB that the guest has plugged in. */
  long plugged() {
    return number(qmp.execute("qom-get", property("size"))) / MIB;
  }

  private static Json.Obj property(String name) {
    return new Json.Obj().put("path", PLUGGED + MEMORY).put("property", name);
  }

  private static long number(Json json) {
    if (json instanceof Json.Num number) {
      try {
        return Long.parseLong(number.text());
      } catch (NumberFormatException e) {
        // As below.
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.CORRUPT, "QEMU answered with a value that is not a number");
  }

  /** A place for a processor: what is in it, if anything is, and how to fill it. */
  private record Place(String device, String type, Json.Obj properties) {
    boolean taken() {
      return !device.isEmpty();
    }
  }

  private List<Place> places() {
    List<Place> places = new ArrayList<>();
    if (qmp.execute("query-hotpluggable-cpus") instanceof Json.Arr all) {
      for (Json json : all.values()) {
        if (json instanceof Json.Obj place) {
          places.add(
              new Place(
                  place.string("qom-path"),
                  place.string("type"),
                  place.object("props").orElse(new Json.Obj())));
        }
      }
    }
    return places;
  }

  int processors() {
    int count = 0;
    for (Place place : places()) {
      count += place.taken() ? 1 : 0;
    }
    return count;
  }

  /** Those that were plugged in since the start, as device_add takes them. */
  List<Json.Obj> pluggedProcessors() {
    List<Json.Obj> plugged = new ArrayList<>();
    for (Place place : places()) {
      if (place.device().startsWith(PLUGGED)) {
        plugged.add(device(place, place.device().substring(PLUGGED.length())));
      }
    }
    return plugged;
  }

  private static Json.Obj device(Place place, String id) {
    Json.Obj device = new Json.Obj().put("driver", place.type()).put("id", id);
    place.properties().fields().forEach(device::put);
    return device;
  }

  /**
   * Plugs processors in until there are {@code count}. None is ever taken away again: a QEMU that
   * emulates dies of the next one that is plugged in after that. QEMU lists the highest place
   * first; guests want them filled from below.
   */
  synchronized void plugProcessors(int count) {
    List<Place> places = places();
    int now = processors();
    if (count > places.size()) {
      throw CasemateException.of(
          CasemateException.Kind.RESOURCE_EXHAUSTED,
          "VM "
              + vmId
              + " can have up to "
              + places.size()
              + " vCPUs, not "
              + count
              + ": start it with a greater maximum");
    }
    for (int i = places.size() - 1; i >= 0 && now < count; i--) {
      Place place = places.get(i);
      if (!place.taken()) {
        qmp.execute("device_add", device(place, PROCESSOR + (places.size() - i)));
        now++;
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CasemateException.of(
          CasemateException.Kind.UNAVAILABLE, "VM " + vmId + ": resizing was interrupted", e);
    }
  }
}
