package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a container may use (runtime-spec config-linux.md, "Control groups"). What is absent stays
 * as it is.
 */
public record Resources(
    List<DeviceRule> devices,
    Memory memory,
    Cpu cpu,
    Optional<Long> pidsLimit,
    BlockIo blockIo,
    List<HugepageLimit> hugepageLimits,
    Network network,
    Map<String, Rdma> rdma,
    Map<String, String> unified) {

  public static final Resources NONE = fromJson(new Json.Obj());

  /**
   * Allows or denies access to devices; of several that match the last one counts.
   *
   * @param type {@code a}, {@code c} or {@code b}; empty is {@code a}
   * @param major absent or −1: any
   * @param access of the letters {@code rwm}; empty is all
   */
  public record DeviceRule(
      boolean allow, String type, Optional<Integer> major, Optional<Integer> minor, String access) {
    static DeviceRule fromJson(Json.Obj json) {
      return new DeviceRule(
          json.bool("allow", false),
          json.string("type"),
          SpecJson.optionalInt32(json, "major"),
          SpecJson.optionalInt32(json, "minor"),
          json.string("access"));
    }

    Json.Obj toJson() {
      Json.Obj json = new Json.Obj().put("allow", allow);
      SpecJson.put(json, "type", type);
      SpecJson.putInt(json, "major", major);
      SpecJson.putInt(json, "minor", minor);
      SpecJson.put(json, "access", access);
      return json;
    }
  }

  /** Bytes; −1 means no limit. {@code swap} is memory plus swap. */
  public record Memory(
      Optional<Long> limit,
      Optional<Long> reservation,
      Optional<Long> swap,
      Optional<Long> kernel,
      Optional<Long> kernelTcp,
      Optional<Long> swappiness,
      Optional<Boolean> disableOomKiller,
      Optional<Boolean> useHierarchy,
      Optional<Boolean> checkBeforeUpdate) {
    static Memory fromJson(Json.Obj json) {
      return new Memory(
          json.integer("limit"),
          json.integer("reservation"),
          json.integer("swap"),
          json.integer("kernel"),
          json.integer("kernelTCP"),
          json.integer("swappiness"),
          SpecJson.optionalBool(json, "disableOOMKiller"),
          SpecJson.optionalBool(json, "useHierarchy"),
          SpecJson.optionalBool(json, "checkBeforeUpdate"));
    }

    public boolean isEmpty() {
      return toJson().fields().isEmpty();
    }

    Json.Obj toJson() {
      Json.Obj json = new Json.Obj();
      SpecJson.putLong(json, "limit", limit);
      SpecJson.putLong(json, "reservation", reservation);
      SpecJson.putLong(json, "swap", swap);
      SpecJson.putLong(json, "kernel", kernel);
      SpecJson.putLong(json, "kernelTCP", kernelTcp);
      SpecJson.putUnsigned(json, "swappiness", swappiness);
      SpecJson.putBool(json, "disableOOMKiller", disableOomKiller);
      SpecJson.putBool(json, "useHierarchy", useHierarchy);
      SpecJson.putBool(json, "checkBeforeUpdate", checkBeforeUpdate);
      return json;
    }
  }

  /** Shares of 1024, microseconds of quota and period, lists such as {@code 0-3,7}. */
  public record Cpu(
      Optional<Long> shares,
      Optional<Long> quota,
      Optional<Long> burst,
      Optional<Long> period,
      Optional<Long> realtimeRuntime,
      Optional<Long> realtimePeriod,
      String cpus,
      String mems,
      Optional<Long> idle) {
    /** The same with this much time in each period, both in microseconds. */
    public Cpu withQuota(long quotaMicros, long periodMicros) {
      return new Cpu(
          shares,
          Optional.of(quotaMicros),
          burst,
          Optional.of(periodMicros),
          realtimeRuntime,
          realtimePeriod,
          cpus,
          mems,
          idle);
    }

    static Cpu fromJson(Json.Obj json) {
      return new Cpu(
          json.integer("shares"),
          json.integer("quota"),
          json.integer("burst"),
          json.integer("period"),
          json.integer("realtimeRuntime"),
          json.integer("realtimePeriod"),
          json.string("cpus"),
          json.string("mems"),
          json.integer("idle"));
    }

    public boolean isEmpty() {
      return toJson().fields().isEmpty();
    }

    Json.Obj toJson() {
      Json.Obj json = new Json.Obj();
      SpecJson.putUnsigned(json, "shares", shares);
      SpecJson.putLong(json, "quota", quota);
      SpecJson.putUnsigned(json, "burst", burst);
      SpecJson.putUnsigned(json, "period", period);
      SpecJson.putLong(json, "realtimeRuntime", realtimeRuntime);
      SpecJson.putUnsigned(json, "realtimePeriod", realtimePeriod);
      SpecJson.put(json, "cpus", cpus);
      SpecJson.put(json, "mems", mems);
      SpecJson.putLong(json, "idle", idle);
      return json;
    }
  }

  public record HugepageLimit(String pageSize, long limit) {}

  public record Network(Optional<Integer> classId, Map<String, Long> priorities) {
    static Network fromJson(Json.Obj json) {
      Map<String, Long> priorities = new LinkedHashMap<>();
      for (Json.Obj entry : json.objects("priorities")) {
        priorities.put(entry.string("name"), entry.integer("priority", 0));
      }
      return new Network(SpecJson.optionalUint32(json, "classID"), priorities);
    }

    public boolean isEmpty() {
      return toJson().fields().isEmpty();
    }

    Json.Obj toJson() {
      Json.Obj json = new Json.Obj();
      SpecJson.putUint32(json, "classID", classId);
      SpecJson.putList(
          json,
          "priorities",
          List.copyOf(priorities.entrySet()),
          e -> new Json.Obj().put("name", e.getKey()).put("priority", e.getValue()));
      return json;
    }
  }

  public record Rdma(Optional<Integer> hcaHandles, Optional<Integer> hcaObjects) {}

  /** A device with its weight. */
  public record WeightDevice(
      int major, int minor, Optional<Integer> weight, Optional<Integer> leafWeight) {}

  /** A device with its rate in bytes or operations a second. */
  public record ThrottleDevice(int major, int minor, long rate) {
    static ThrottleDevice fromJson(Json.Obj json) {
      return new ThrottleDevice(
          SpecJson.int32(json, "major", 0),
          SpecJson.int32(json, "minor", 0),
          json.integer("rate", 0));
    }

    Json.Obj toJson() {
      return new Json.Obj()
          .put("major", major)
          .put("minor", minor)
          .put("rate", new Json.Num(Long.toUnsignedString(rate)));
    }
  }

  /** Weights are 10 to 1000. */
  public record BlockIo(
      Optional<Integer> weight,
      Optional<Integer> leafWeight,
      List<WeightDevice> weightDevices,
      List<ThrottleDevice> readBps,
      List<ThrottleDevice> writeBps,
      List<ThrottleDevice> readIops,
      List<ThrottleDevice> writeIops) {
    static BlockIo fromJson(Json.Obj json) {
      return new BlockIo(
          SpecJson.optionalUint32(json, "weight"),
          SpecJson.optionalUint32(json, "leafWeight"),
          SpecJson.list(
              json,
              "weightDevice",
              w ->
                  new WeightDevice(
                      SpecJson.int32(w, "major", 0),
                      SpecJson.int32(w, "minor", 0),
                      SpecJson.optionalUint32(w, "weight"),
                      SpecJson.optionalUint32(w, "leafWeight"))),
          SpecJson.list(json, "throttleReadBpsDevice", ThrottleDevice::fromJson),
          SpecJson.list(json, "throttleWriteBpsDevice", ThrottleDevice::fromJson),
          SpecJson.list(json, "throttleReadIOPSDevice", ThrottleDevice::fromJson),
          SpecJson.list(json, "throttleWriteIOPSDevice", ThrottleDevice::fromJson));
    }

    public boolean isEmpty() {
      return toJson().fields().isEmpty();
    }

    Json.Obj toJson() {
      Json.Obj json = new Json.Obj();
      SpecJson.putUint32(json, "weight", weight);
      SpecJson.putUint32(json, "leafWeight", leafWeight);
      SpecJson.putList(
          json,
          "weightDevice",
          weightDevices,
          w -> {
            Json.Obj value = new Json.Obj().put("major", w.major()).put("minor", w.minor());
            SpecJson.putUint32(value, "weight", w.weight());
            SpecJson.putUint32(value, "leafWeight", w.leafWeight());
            return value;
          });
      SpecJson.putList(json, "throttleReadBpsDevice", readBps, ThrottleDevice::toJson);
      SpecJson.putList(json, "throttleWriteBpsDevice", writeBps, ThrottleDevice::toJson);
      SpecJson.putList(json, "throttleReadIOPSDevice", readIops, ThrottleDevice::toJson);
      SpecJson.putList(json, "throttleWriteIOPSDevice", writeIops, ThrottleDevice::toJson);
      return json;
    }
  }

  public static Resources fromJson(Json.Obj json) {
    Json.Obj none = new Json.Obj();
    Map<String, Rdma> rdma = new LinkedHashMap<>();
    Json.Obj cards = json.object("rdma").orElse(none);
    for (String card : cards.fields().keySet()) {
      Json.Obj limits = cards.object(card).orElse(none);
      rdma.put(
          card,
          new Rdma(
              SpecJson.optionalUint32(limits, "hcaHandles"),
              SpecJson.optionalUint32(limits, "hcaObjects")));
    }
    return new Resources(
        SpecJson.list(json, "devices", DeviceRule::fromJson),
        Memory.fromJson(json.object("memory").orElse(none)),
        Cpu.fromJson(json.object("cpu").orElse(none)),
        json.object("pids").flatMap(pids -> pids.integer("limit")),
        BlockIo.fromJson(json.object("blockIO").orElse(none)),
        SpecJson.list(
            json,
            "hugepageLimits",
            h -> new HugepageLimit(h.string("pageSize"), h.integer("limit", 0))),
        Network.fromJson(json.object("network").orElse(none)),
        rdma,
        json.stringMap("unified"));
  }

  public boolean isEmpty() {
    return toJson().fields().isEmpty();
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    SpecJson.putList(json, "devices", devices, DeviceRule::toJson);
    SpecJson.put(json, "memory", memory.toJson());
    SpecJson.put(json, "cpu", cpu.toJson());
    if (pidsLimit.isPresent()) {
      json.put("pids", new Json.Obj().put("limit", pidsLimit.get()));
    }
    SpecJson.put(json, "blockIO", blockIo.toJson());
    SpecJson.putList(
        json,
        "hugepageLimits",
        hugepageLimits,
        h ->
            new Json.Obj()
                .put("pageSize", h.pageSize())
                .put("limit", new Json.Num(Long.toUnsignedString(h.limit()))));
    SpecJson.put(json, "network", network.toJson());
    Json.Obj cards = new Json.Obj();
    for (Map.Entry<String, Rdma> card : rdma.entrySet()) {
      Json.Obj limits = new Json.Obj();
      SpecJson.putUint32(limits, "hcaHandles", card.getValue().hcaHandles());
      SpecJson.putUint32(limits, "hcaObjects", card.getValue().hcaObjects());
      cards.put(card.getKey(), limits);
    }
    SpecJson.put(json, "rdma", cards);
    SpecJson.put(json, "unified", unified);
    return json;
  }

  /** The same with these rules on devices. */
  public Resources withDevices(List<DeviceRule> value) {
    Edit edit = new Edit(this);
    edit.devices = value;
    return edit.done();
  }

  /** The same with these limits on processors. */
  public Resources withCpu(Cpu value) {
    Edit edit = new Edit(this);
    edit.cpu = value;
    return edit.done();
  }

  /** The same with this limit on processes; empty for none. */
  public Resources withPidsLimit(Optional<Long> value) {
    Edit edit = new Edit(this);
    edit.pidsLimit = value;
    return edit.done();
  }

  /** The same with these limits on block devices. */
  public Resources withBlockIo(BlockIo value) {
    Edit edit = new Edit(this);
    edit.blockIo = value;
    return edit.done();
  }

  /** The same with these marks of packets. */
  public Resources withNetwork(Network value) {
    Edit edit = new Edit(this);
    edit.network = value;
    return edit.done();
  }

  /** The same with these limits on RDMA cards. */
  public Resources withRdma(Map<String, Rdma> value) {
    Edit edit = new Edit(this);
    edit.rdma = value;
    return edit.done();
  }

  /** A copy in which components can be replaced by their names. */
  private static final class Edit {
    private List<DeviceRule> devices;
    private Memory memory;
    private Cpu cpu;
    private Optional<Long> pidsLimit;
    private BlockIo blockIo;
    private List<HugepageLimit> hugepageLimits;
    private Network network;
    private Map<String, Rdma> rdma;
    private Map<String, String> unified;

    Edit(Resources of) {
      devices = of.devices;
      memory = of.memory;
      cpu = of.cpu;
      pidsLimit = of.pidsLimit;
      blockIo = of.blockIo;
      hugepageLimits = of.hugepageLimits;
      network = of.network;
      rdma = of.rdma;
      unified = of.unified;
    }

    Resources done() {
      return new Resources(
          devices, memory, cpu, pidsLimit, blockIo, hugepageLimits, network, rdma, unified);
    }
  }
}
