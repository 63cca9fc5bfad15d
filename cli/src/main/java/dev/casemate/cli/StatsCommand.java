package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.Table;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerState.Phase;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Tty;
import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.sandbox.SandboxPaths;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** {@code casemate stats}: what running containers use, measured twice a short time apart. */
final class StatsCommand implements Command {
  private static final long INTERVAL_NANOS = 500_000_000L;
  private static final String HOST_PSS = "pssBytes";

  @Override
  public String name() {
    return "stats";
  }

  @Override
  public String usage() {
    return "[CONTAINER…]";
  }

  @Override
  public String summary() {
    return "show the resource usage of running containers";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag(
            "no-stream", '\0', "print once (default when standard output is not a terminal)"),
        Option.value("format", '\0', "table|json", "output format"));
  }

  /** One measurement of one container; what it does not tell is absent. */
  private record Sample(
      long nanos,
      Optional<Long> cpuNanos,
      Optional<Long> memoryBytes,
      Optional<Long> pids,
      Optional<Long> received,
      Optional<Long> sent,
      Optional<Long> read,
      Optional<Long> written,
      Json.Obj host) {
    /** Of a container that does not answer. */
    static Sample unknown() {
      Optional<Long> absent = Optional.empty();
      return new Sample(
          System.nanoTime(),
          absent,
          absent,
          absent,
          absent,
          absent,
          absent,
          absent,
          new Json.Obj());
    }

    /**
     * @param host what its sandbox costs the host, as {@code inspect} has it
     */
    static Sample of(StatsContainerResponse response, Json.Obj host) {
      CgroupStats cgroup = response.cgroupStats().orElseGet(() -> CgroupStats.builder().build());
      long received = 0;
      long sent = 0;
      for (NetworkStats network : response.networkStats()) {
        received += network.rxBytes();
        sent += network.txBytes();
      }
      Optional<List<BlkioStatsEntry>> blocks =
          cgroup.blkioStats().map(all -> all.ioServiceBytesRecursive());
      return new Sample(
          System.nanoTime(),
          cgroup.cpuStats().flatMap(cpu -> cpu.cpuUsage()).map(usage -> usage.totalUsage()),
          cgroup.memoryStats().flatMap(memory -> memory.usage()).map(usage -> usage.usage()),
          cgroup.pidsStats().map(pids -> pids.current()),
          // Without an interface there is no traffic.
          Optional.of(received),
          Optional.of(sent),
          blocks.map(entries -> bytes(entries, "read")),
          blocks.map(entries -> bytes(entries, "write")),
          host);
    }

    private static long bytes(List<BlkioStatsEntry> entries, String direction) {
      long sum = 0;
      for (BlkioStatsEntry entry : entries) {
        sum += entry.op().equalsIgnoreCase(direction) ? entry.value() : 0;
      }
      return sum;
    }

    /** A figure of the host's; empty if it is not known. */
    Optional<Long> hostBytes(String name) {
      return host.find(name).map(value -> host.integer(name, 0));
    }

    /** Of one processor, since another measurement. */
    Optional<Double> cpuPercent(Sample before) {
      long wall = nanos - before.nanos;
      return cpuNanos
          .flatMap(now -> before.cpuNanos.map(then -> now - then))
          .filter(used -> wall > 0 && used >= 0)
          .map(used -> 100.0 * used / wall);
    }
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    boolean once = arguments.has("no-stream") || !Tty.isTerminal(Fd.STDOUT);
    do {
      List<ContainerRecord> records = records(store, arguments);
      List<Sample> before = samples(store, records);
      LockSupport.parkNanos(INTERVAL_NANOS);
      List<Sample> after = samples(store, records);
      if (Formats.json(arguments)) {
        Console.out(json(records, before, after).pretty());
      } else {
        if (!once) {
          Console.draw(Fd.STDOUT, "\u001b[2J\u001b[H");
        }
        Console.out(table(records, before, after).text());
      }
    } while (!once);
    return 0;
  }

  private static List<ContainerRecord> records(ContainerStore store, Arguments arguments) {
    List<ContainerRecord> records = new ArrayList<>();
    for (String reference : arguments.operands()) {
      ContainerRecord record = store.find(reference);
      ExecCommand.requireRunning(record);
      records.add(record);
    }
    if (arguments.operands().isEmpty()) {
      for (ContainerRecord record : store.list()) {
        if (record.state().phase() == Phase.RUNNING) {
          records.add(record);
        }
      }
    }
    return records;
  }

  private static List<Sample> samples(ContainerStore store, List<ContainerRecord> records) {
    List<Sample> samples = new ArrayList<>();
    for (ContainerRecord record : records) {
      try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
        samples.add(
            Sample.of(client.stats(), client.inspect().object("host").orElseGet(Json.Obj::new)));
      } catch (CasemateException e) {
        samples.add(Sample.unknown());
      }
    }
    return samples;
  }

  private static long vmBytes(ContainerRecord record) {
    return (long) record.config().vm().memoryMib() << 20;
  }

  private static String size(Optional<Long> bytes) {
    return bytes.map(Sizes::format).orElse("-");
  }

  private static Table table(
      List<ContainerRecord> records, List<Sample> before, List<Sample> after) {
    Table table =
        new Table(
            "CONTAINER ID",
            "NAME",
            "CPU %",
            "MEM USAGE / VM",
            "HOST MEM",
            "NET I/O",
            "BLOCK I/O",
            "PIDS");
    for (int i = 0; i < records.size(); i++) {
      Sample s = after.get(i);
      table.row(
          records.get(i).config().shortId(),
          records.get(i).config().name(),
          s.cpuPercent(before.get(i)).map(percent -> Sizes.decimal(percent) + "%").orElse("-"),
          size(s.memoryBytes()) + " / " + Sizes.format(vmBytes(records.get(i))),
          size(s.hostBytes(HOST_PSS)),
          size(s.received()) + " / " + size(s.sent()),
          size(s.read()) + " / " + size(s.written()),
          s.pids().map(Object::toString).orElse("-"));
    }
    return table;
  }

  private static Json json(List<ContainerRecord> records, List<Sample> before, List<Sample> after) {
    List<Json> values = new ArrayList<>();
    for (int i = 0; i < records.size(); i++) {
      Sample s = after.get(i);
      Json.Obj json =
          new Json.Obj()
              .put("id", records.get(i).config().id())
              .put("name", records.get(i).config().name());
      s.cpuPercent(before.get(i)).ifPresent(known -> json.put("cpuPercent", Json.Num.of(known)));
      put(json, "cpuNanos", s.cpuNanos());
      put(json, "memoryBytes", s.memoryBytes());
      json.put("vmMemoryBytes", vmBytes(records.get(i)));
      put(json, "hostPssBytes", s.hostBytes(HOST_PSS));
      put(json, "hostPrivateBytes", s.hostBytes("privateBytes"));
      put(json, "hostSharedBytes", s.hostBytes("sharedBytes"));
      put(json, "receivedBytes", s.received());
      put(json, "sentBytes", s.sent());
      put(json, "readBytes", s.read());
      put(json, "writtenBytes", s.written());
      put(json, "pids", s.pids());
      values.add(json);
    }
    return new Json.Arr(values);
  }

  private static void put(Json.Obj json, String name, Optional<Long> value) {
    value.ifPresent(known -> json.put(name, known));
  }
}
