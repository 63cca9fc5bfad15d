package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Optional;

/** A process of a container: its first one, or one that joins it (runtime-spec config.md). */
public record ProcessSpec(
    boolean terminal,
    Optional<ConsoleSize> consoleSize,
    UserSpec user,
    List<String> args,
    List<String> env,
    String cwd,
    Optional<Capabilities> capabilities,
    List<Rlimit> rlimits,
    boolean noNewPrivileges,
    String apparmorProfile,
    Optional<Integer> oomScoreAdj,
    String selinuxLabel,
    Optional<Scheduler> scheduler,
    Optional<IoPriority> ioPriority,
    Optional<CpuAffinity> execCpuAffinity) {

  /** Characters. */
  public record ConsoleSize(int height, int width) {}

  /** Names such as {@code CAP_CHOWN}. */
  public record Capabilities(
      List<String> bounding,
      List<String> effective,
      List<String> inheritable,
      List<String> permitted,
      List<String> ambient) {
    static Capabilities fromJson(Json.Obj json) {
      return new Capabilities(
          json.strings("bounding"),
          json.strings("effective"),
          json.strings("inheritable"),
          json.strings("permitted"),
          json.strings("ambient"));
    }

    Json.Obj toJson() {
      Json.Obj json = new Json.Obj();
      SpecJson.put(json, "bounding", bounding);
      SpecJson.put(json, "effective", effective);
      SpecJson.put(json, "inheritable", inheritable);
      SpecJson.put(json, "permitted", permitted);
      SpecJson.put(json, "ambient", ambient);
      return json;
    }
  }

  /** {@code RLIMIT_NOFILE} …; limits are unsigned 64 bits, −1 is infinity. */
  public record Rlimit(String type, long soft, long hard) {}

  /** {@code SCHED_OTHER} … with the values of sched_setattr(2). */
  public record Scheduler(
      String policy,
      int nice,
      int priority,
      List<String> flags,
      long runtime,
      long deadline,
      long period) {}

  /** {@code IOPRIO_CLASS_BE} …, 0 to 7. */
  public record IoPriority(String ioClass, int priority) {}

  /** CPU lists ({@code 0-3,7}) while a process enters the container and after. */
  public record CpuAffinity(String initial, String finalList) {}

  /** A process with only a command; everything else is as in an empty {@code config.json}. */
  public static ProcessSpec of(List<String> args, List<String> env, String cwd) {
    return new ProcessSpec(
        false,
        Optional.empty(),
        UserSpec.ROOT,
        args,
        env,
        cwd,
        Optional.empty(),
        List.of(),
        false,
        "",
        Optional.empty(),
        "",
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  public static ProcessSpec fromJson(Json.Obj json) {
    return new ProcessSpec(
        json.bool("terminal", false),
        json.object("consoleSize")
            .map(
                size ->
                    new ConsoleSize(
                        SpecJson.uint32(size, "height", 0), SpecJson.uint32(size, "width", 0))),
        json.object("user").map(UserSpec::fromJson).orElse(UserSpec.ROOT),
        json.strings("args"),
        json.strings("env"),
        json.string("cwd"),
        json.object("capabilities").map(Capabilities::fromJson),
        SpecJson.list(
            json,
            "rlimits",
            limit ->
                new Rlimit(
                    limit.string("type"), limit.integer("soft", 0), limit.integer("hard", 0))),
        json.bool("noNewPrivileges", false),
        json.string("apparmorProfile"),
        SpecJson.optionalInt32(json, "oomScoreAdj"),
        json.string("selinuxLabel"),
        json.object("scheduler").map(ProcessSpec::scheduler),
        json.object("ioPriority")
            .map(io -> new IoPriority(io.string("class"), SpecJson.int32(io, "priority", 0))),
        json.object("execCPUAffinity")
            .map(cpu -> new CpuAffinity(cpu.string("initial"), cpu.string("final"))));
  }

  private static Scheduler scheduler(Json.Obj json) {
    return new Scheduler(
        json.string("policy"),
        SpecJson.int32(json, "nice", 0),
        SpecJson.int32(json, "priority", 0),
        json.strings("flags"),
        json.integer("runtime", 0),
        json.integer("deadline", 0),
        json.integer("period", 0));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj();
    SpecJson.put(json, "terminal", terminal);
    if (consoleSize.isPresent()) {
      json.put(
          "consoleSize",
          new Json.Obj()
              .put("height", consoleSize.get().height() & 0xffffffffL)
              .put("width", consoleSize.get().width() & 0xffffffffL));
    }
    json.put("user", user.toJson());
    SpecJson.put(json, "args", args);
    SpecJson.put(json, "env", env);
    json.put("cwd", cwd);
    if (capabilities.isPresent()) {
      json.put("capabilities", capabilities.get().toJson());
    }
    SpecJson.putList(
        json,
        "rlimits",
        rlimits,
        limit ->
            new Json.Obj()
                .put("type", limit.type())
                .put("hard", new Json.Num(Long.toUnsignedString(limit.hard())))
                .put("soft", new Json.Num(Long.toUnsignedString(limit.soft()))));
    SpecJson.put(json, "noNewPrivileges", noNewPrivileges);
    SpecJson.put(json, "apparmorProfile", apparmorProfile);
    SpecJson.putInt(json, "oomScoreAdj", oomScoreAdj);
    SpecJson.put(json, "selinuxLabel", selinuxLabel);
    if (scheduler.isPresent()) {
      Scheduler s = scheduler.get();
      Json.Obj value = new Json.Obj().put("policy", s.policy());
      value.put("nice", s.nice()).put("priority", s.priority());
      SpecJson.put(value, "flags", s.flags());
      value.put("runtime", s.runtime()).put("deadline", s.deadline()).put("period", s.period());
      json.put("scheduler", value);
    }
    if (ioPriority.isPresent()) {
      json.put(
          "ioPriority",
          new Json.Obj()
              .put("class", ioPriority.get().ioClass())
              .put("priority", ioPriority.get().priority()));
    }
    if (execCpuAffinity.isPresent()) {
      Json.Obj value = new Json.Obj();
      SpecJson.put(value, "initial", execCpuAffinity.get().initial());
      SpecJson.put(value, "final", execCpuAffinity.get().finalList());
      json.put("execCPUAffinity", value);
    }
    return json;
  }

  /** The same with this user. */
  public ProcessSpec withUser(UserSpec value) {
    Edit edit = new Edit(this);
    edit.user = value;
    return edit.done();
  }

  /** The same with this command. */
  public ProcessSpec withArgs(List<String> value) {
    Edit edit = new Edit(this);
    edit.args = value;
    return edit.done();
  }

  /** The same with this environment. */
  public ProcessSpec withEnv(List<String> value) {
    Edit edit = new Edit(this);
    edit.env = value;
    return edit.done();
  }

  /** The same with this working directory. */
  public ProcessSpec withCwd(String value) {
    Edit edit = new Edit(this);
    edit.cwd = value;
    return edit.done();
  }

  /** The same with these capabilities. */
  public ProcessSpec withCapabilities(Capabilities value) {
    Edit edit = new Edit(this);
    edit.capabilities = Optional.of(value);
    return edit.done();
  }

  /** The same with these limits. */
  public ProcessSpec withRlimits(List<Rlimit> value) {
    Edit edit = new Edit(this);
    edit.rlimits = value;
    return edit.done();
  }

  /** The same with or without the gain of privileges. */
  public ProcessSpec withNoNewPrivileges(boolean value) {
    Edit edit = new Edit(this);
    edit.noNewPrivileges = value;
    return edit.done();
  }

  /** The same with this AppArmor profile. */
  public ProcessSpec withApparmorProfile(String value) {
    Edit edit = new Edit(this);
    edit.apparmorProfile = value;
    return edit.done();
  }

  /** The same with this SELinux label. */
  public ProcessSpec withSelinuxLabel(String value) {
    Edit edit = new Edit(this);
    edit.selinuxLabel = value;
    return edit.done();
  }

  /** The same with or without a terminal. */
  public ProcessSpec withTerminal(boolean on, Optional<ConsoleSize> size) {
    Edit edit = new Edit(this);
    edit.terminal = on;
    edit.consoleSize = size;
    return edit.done();
  }

  /** A copy in which components can be replaced by their names. */
  private static final class Edit {
    private boolean terminal;
    private Optional<ConsoleSize> consoleSize;
    private UserSpec user;
    private List<String> args;
    private List<String> env;
    private String cwd;
    private Optional<Capabilities> capabilities;
    private List<Rlimit> rlimits;
    private boolean noNewPrivileges;
    private String apparmorProfile;
    private Optional<Integer> oomScoreAdj;
    private String selinuxLabel;
    private Optional<Scheduler> scheduler;
    private Optional<IoPriority> ioPriority;
    private Optional<CpuAffinity> execCpuAffinity;

    Edit(ProcessSpec of) {
      terminal = of.terminal;
      consoleSize = of.consoleSize;
      user = of.user;
      args = of.args;
      env = of.env;
      cwd = of.cwd;
      capabilities = of.capabilities;
      rlimits = of.rlimits;
      noNewPrivileges = of.noNewPrivileges;
      apparmorProfile = of.apparmorProfile;
      oomScoreAdj = of.oomScoreAdj;
      selinuxLabel = of.selinuxLabel;
      scheduler = of.scheduler;
      ioPriority = of.ioPriority;
      execCpuAffinity = of.execCpuAffinity;
    }

    ProcessSpec done() {
      return new ProcessSpec(
          terminal,
          consoleSize,
          user,
          args,
          env,
          cwd,
          capabilities,
          rlimits,
          noNewPrivileges,
          apparmorProfile,
          oomScoreAdj,
          selinuxLabel,
          scheduler,
          ioPriority,
          execCpuAffinity);
    }
  }
}
