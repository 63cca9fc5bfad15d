package dev.casemate.oci;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Optional;

/**
 * A system call filter (runtime-spec config-linux.md, "Seccomp"). Actions are {@code SCMP_ACT_…},
 * architectures {@code SCMP_ARCH_…}, flags {@code SECCOMP_FILTER_FLAG_…}.
 *
 * @param flags those of a configuration that names none, not even an empty list, are {@link
 *     #DEFAULT_FLAGS}
 */
public record SeccompSpec(
    String defaultAction,
    Optional<Integer> defaultErrnoRet,
    List<String> architectures,
    List<String> flags,
    String listenerPath,
    String listenerMetadata,
    List<Rule> syscalls) {
  /** As runc has it: a filter is no reason to slow the process down. */
  public static final List<String> DEFAULT_FLAGS = List.of("SECCOMP_FILTER_FLAG_SPEC_ALLOW");

  /** An action for calls by name, if all of the arguments match. */
  public record Rule(
      List<String> names, String action, Optional<Integer> errnoRet, List<Argument> args) {
    public static Rule allow(List<String> names, Argument... args) {
      return new Rule(names, "SCMP_ACT_ALLOW", Optional.empty(), List.of(args));
    }
  }

  /**
   * A comparison of an argument, unsigned 64 bits.
   *
   * @param index 0 to 5
   * @param value what is compared with; for {@code SCMP_CMP_MASKED_EQ} the mask
   * @param valueTwo for {@code SCMP_CMP_MASKED_EQ} what the masked argument must be
   */
  public record Argument(int index, long value, long valueTwo, String op) {}

  public static SeccompSpec fromJson(Json.Obj json) {
    return new SeccompSpec(
        json.string("defaultAction"),
        SpecJson.optionalUint32(json, "defaultErrnoRet"),
        json.strings("architectures"),
        json.has("flags") ? json.strings("flags") : DEFAULT_FLAGS,
        json.string("listenerPath"),
        json.string("listenerMetadata"),
        SpecJson.list(
            json,
            "syscalls",
            rule ->
                new Rule(
                    rule.strings("names"),
                    rule.string("action"),
                    SpecJson.optionalUint32(rule, "errnoRet"),
                    SpecJson.list(
                        rule,
                        "args",
                        arg ->
                            new Argument(
                                SpecJson.uint32(arg, "index", 0),
                                arg.integer("value", 0),
                                arg.integer("valueTwo", 0),
                                arg.string("op"))))));
  }

  public Json.Obj toJson() {
    Json.Obj json = new Json.Obj().put("defaultAction", defaultAction);
    SpecJson.putUint32(json, "defaultErrnoRet", defaultErrnoRet);
    SpecJson.put(json, "architectures", architectures);
    json.putStrings("flags", flags);
    SpecJson.put(json, "listenerPath", listenerPath);
    SpecJson.put(json, "listenerMetadata", listenerMetadata);
    SpecJson.putList(json, "syscalls", syscalls, SeccompSpec::rule);
    return json;
  }

  private static Json.Obj rule(Rule rule) {
    Json.Obj json = new Json.Obj().putStrings("names", rule.names()).put("action", rule.action());
    SpecJson.putUint32(json, "errnoRet", rule.errnoRet());
    SpecJson.putList(
        json,
        "args",
        rule.args(),
        arg -> {
          Json.Obj value =
              new Json.Obj()
                  .put("index", arg.index() & 0xffffffffL)
                  .put("value", new Json.Num(Long.toUnsignedString(arg.value())));
          if (arg.valueTwo() != 0) {
            value.put("valueTwo", new Json.Num(Long.toUnsignedString(arg.valueTwo())));
          }
          return value.put("op", arg.op());
        });
    return json;
  }
}
