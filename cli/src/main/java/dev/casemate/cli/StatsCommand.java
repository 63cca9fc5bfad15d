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
import java.util.concurrent.locks.LockSupport;

/** {@code casemate stats}: what running containers use, measured twice a short time apart. */
final class StatsCommand implements Command {
  private static final long INTERVAL_NANOS = 500_000_000L;

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

  /** One measurement of one container. */
  private record Sample(
      long nanos,
      long cpuNanos,
      long memoryBytes,
      long memoryLimitBytes,
      long pids,
      long received,
      long sent,
      long read,
      long written) {
    static Sample of(StatsContainerResponse response, long memoryLimitBytes) {
      CgroupStats cgroup = response.cgroupStats().orElseGet(() -> CgroupStats.builder().build());
      long received = 0;
      long sent = 0;
      for (NetworkStats network : response.networkStats()) {
        received += network.rxBytes();
        sent += network.txBytes();
      }
      long read = 0;
      long written = 0;
      if (cgroup.blkioStats().isPresent()) {
        for (BlkioStatsEntry entry : cgroup.blkioStats().get().ioServiceBytesRecursive()) {
          if (entry.op().equalsIgnoreCase("read")) {
            read += entry.value();
          } else if (entry.op().equalsIgnoreCase("write")) {
            written += entry.value();
          }
        }
      }
      return new Sample(
          System.nanoTime(),
          cgroup
              .cpuStats()
              .flatMap(cpu -> cpu.cpuUsage())
              .map(usage -> usage.totalUsage())
              .orElse(0L),
          cgroup
              .memoryStats()
              .flatMap(memory -> memory.usage())
              .map(usage -> usage.usage())
              .orElse(0L),
          memoryLimitBytes,
          cgroup.pidsStats().map(pids -> pids.current()).orElse(0L),
          received,
          sent,
          read,
          written);
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
      long limit = (long) record.config().vm().memoryMib() << 20;
      try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
        samples.add(Sample.of(client.stats(), limit));
      } catch (CasemateException e) {
        samples.add(new Sample(System.nanoTime(), 0, 0, limit, 0, 0, 0, 0, 0));
      }
    }
    return samples;
  }

  private static double cpuPercent(Sample before, Sample after) {
    long wall = after.nanos() - before.nanos();
    long used = after.cpuNanos() - before.cpuNanos();
    return wall <= 0 || used < 0 ? 0 : 100.0 * used / wall;
  }

  private static Table table(
      List<ContainerRecord> records, List<Sample> before, List<Sample> after) {
    Table table =
        new Table(
            "CONTAINER ID", "NAME", "CPU %", "MEM USAGE / VM", "NET I/O", "BLOCK I/O", "PIDS");
    for (int i = 0; i < records.size(); i++) {
      Sample s = after.get(i);
      table.row(
          records.get(i).config().shortId(),
          records.get(i).config().name(),
          Sizes.decimal(cpuPercent(before.get(i), s)) + "%",
          Sizes.format(s.memoryBytes()) + " / " + Sizes.format(s.memoryLimitBytes()),
          Sizes.format(s.received()) + " / " + Sizes.format(s.sent()),
          Sizes.format(s.read()) + " / " + Sizes.format(s.written()),
          Long.toString(s.pids()));
    }
    return table;
  }

  private static Json json(List<ContainerRecord> records, List<Sample> before, List<Sample> after) {
    List<Json> values = new ArrayList<>();
    for (int i = 0; i < records.size(); i++) {
      Sample s = after.get(i);
      values.add(
          new Json.Obj()
              .put("id", records.get(i).config().id())
              .put("name", records.get(i).config().name())
              .put("cpuPercent", Json.Num.of(cpuPercent(before.get(i), s)))
              .put("cpuNanos", s.cpuNanos())
              .put("memoryBytes", s.memoryBytes())
              .put("vmMemoryBytes", s.memoryLimitBytes())
              .put("receivedBytes", s.received())
              .put("sentBytes", s.sent())
              .put("readBytes", s.read())
              .put("writtenBytes", s.written())
              .put("pids", s.pids()));
    }
    return new Json.Arr(values);
  }
}
