package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.UsageException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import dev.casemate.oci.Resources;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

final class UpdateCommand implements Command {
  private static final int FILE_LIMIT = 4 << 20;

  @Override
  public String name() {
    return "update";
  }

  @Override
  public String usage() {
    return "ID";
  }

  @Override
  public String summary() {
    return "change the limits of a container";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("resources", 'r', "FILE", "limits as JSON, as in linux.resources; - is stdin"),
        Option.value("memory", "BYTES", "memory limit, -1 for none"),
        Option.value("memory-reservation", "BYTES", "memory reservation (soft limit)"),
        Option.value("memory-swap", "BYTES", "limit of memory plus swap, -1 for none"),
        Option.value("cpu-period", "MICROSECONDS", "period of the CPU quota"),
        Option.value("cpu-quota", "MICROSECONDS", "CPU time in each period"),
        Option.value("cpu-burst", "MICROSECONDS", "unused quota that may accumulate"),
        Option.value("cpu-share", "N", "CPU weight; 1024 is the kernel's default"),
        Option.value("cpu-rt-period", "MICROSECONDS", "period of real-time processes"),
        Option.value(
            "cpu-rt-runtime", "MICROSECONDS", "CPU time of real-time processes in each period"),
        Option.value("cpu-idle", "0|1", "1: run only when the CPU is otherwise idle"),
        Option.value("cpuset-cpus", "LIST", "CPUs, such as 0-3,7"),
        Option.value("cpuset-mems", "LIST", "memory nodes"),
        Option.value("pids-limit", "N", "maximum number of processes"),
        Option.value("blkio-weight", "N", "weight of block I/O, 10 to 1000"),
        Option.value("kernel-memory", "BYTES", "ignored: current kernels have no such limit"),
        Option.value("kernel-memory-tcp", "BYTES", "memory limit of TCP buffers (cgroup v1)"),
        Option.value("l3-cache-schema", "SCHEMA", "cache schema of the container's resctrl group"),
        Option.value("mem-bw-schema", "SCHEMA", "memory bandwidth schema of its resctrl group"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    String id = Ids.check(arguments.operands(name(), 1, 1).getFirst());
    Engine engine = session.engine();
    // First of all: a container that does not exist is the better message.
    engine.info(id);
    Json.Obj base = arguments.last("resources").map(UpdateCommand::read).orElse(new Json.Obj());
    IntelRdt rdt =
        IntelRdt.of("", arguments.last("l3-cache-schema", ""), arguments.last("mem-bw-schema", ""));
    if (!rdt.l3CacheSchema().isEmpty() || !rdt.memoryBandwidthSchema().isEmpty()) {
      engine.update(id, rdt);
    }
    Making.warn(session, engine.update(id, Resources.fromJson(merge(base, arguments))));
    return 0;
  }

  private static Json.Obj read(String path) {
    try {
      byte[] content =
          path.equals("-")
              ? FileContent.readBytes(Fd.STDIN, "standard input", FILE_LIMIT)
              : FileContent.readBytes(path, FILE_LIMIT);
      return Json.parseObject(new String(content, StandardCharsets.UTF_8)).inAnyCase();
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT, "reading the resources: " + e.getMessage(), e);
    }
  }

  /** The document with the options put in. */
  static Json.Obj merge(Json.Obj base, Arguments arguments) {
    Json.Obj memory = child(base, "memory");
    size(arguments, "memory", memory, "limit");
    size(arguments, "memory-reservation", memory, "reservation");
    size(arguments, "memory-swap", memory, "swap");
    size(arguments, "kernel-memory-tcp", memory, "kernelTCP");
    Json.Obj cpu = child(base, "cpu");
    number(arguments, "cpu-period", cpu, "period");
    number(arguments, "cpu-quota", cpu, "quota");
    number(arguments, "cpu-burst", cpu, "burst");
    number(arguments, "cpu-share", cpu, "shares");
    number(arguments, "cpu-rt-period", cpu, "realtimePeriod");
    number(arguments, "cpu-rt-runtime", cpu, "realtimeRuntime");
    number(arguments, "cpu-idle", cpu, "idle");
    text(arguments, "cpuset-cpus", cpu, "cpus");
    text(arguments, "cpuset-mems", cpu, "mems");
    number(arguments, "pids-limit", child(base, "pids"), "limit");
    number(arguments, "blkio-weight", child(base, "blockIO"), "weight");
    return base;
  }

  private static Json.Obj child(Json.Obj base, String name) {
    Optional<Json.Obj> there = base.object(name);
    Json.Obj child = there.orElseGet(Json.Obj::new);
    base.put(name, child);
    return child;
  }

  private static void size(Arguments arguments, String option, Json.Obj to, String field) {
    Optional<String> given = arguments.last(option).filter(s -> !s.isEmpty());
    if (given.isPresent()) {
      to.put(field, bytes(option, given.get()));
    }
  }

  /** An amount of memory; −1 stands for no limit. */
  static long bytes(String option, String text) {
    return text.equals("-1")
        ? -1
        : Sizes.bytes(text)
            .orElseThrow(
                () -> UsageException.ofValue(option, text, "a size such as 67108864 or 64m"));
  }

  private static void number(Arguments arguments, String option, Json.Obj to, String field) {
    if (arguments.last(option).filter(s -> !s.isEmpty()).isPresent()) {
      to.put(field, arguments.number(option, Long.MIN_VALUE, Long.MAX_VALUE).orElseThrow());
    }
  }

  private static void text(Arguments arguments, String option, Json.Obj to, String field) {
    Optional<String> given = arguments.last(option).filter(s -> !s.isEmpty());
    if (given.isPresent()) {
      to.put(field, given.get());
    }
  }
}
