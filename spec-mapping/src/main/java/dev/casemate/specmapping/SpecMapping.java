package dev.casemate.specmapping;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.Process;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Both ways between the runtime specification's records and the messages of the agent's protocol,
 * without loss: {@code fromMessage(toMessage(spec))} equals {@code spec}.
 *
 * <p>The messages are Kata's, which have no field for much of the specification ({@code umask},
 * {@code ioPriority}, {@code domainname}, {@code unified}, {@code createContainer} hooks …), and no
 * difference between 0 and nothing. What a message cannot express accompanies it as the
 * <em>rest</em>: a JSON merge patch (RFC 7396) from the message's content to the specification's
 * own JSON. It is computed by mapping back and comparing, so a field that a record gains is carried
 * without a line here. A whole specification has its rest in the annotation {@link #REST}, the
 * process of an exec and the limits of an update in a field of their requests.
 *
 * <p>The one exception: an annotation named {@link #REST} is never carried, because users do not
 * set it.
 */
public final class SpecMapping {
  /** The annotation with what the message cannot express; set and removed here. */
  public static final String REST = "dev.casemate.spec.rest";

  private SpecMapping() {}

  /**
   * The message for a specification.
   *
   * @param spec an annotation {@link #REST} in it is left out
   */
  public static dev.casemate.protocol.oci.Spec toMessage(Spec spec) {
    Spec own = spec.annotations().containsKey(REST) ? withoutRest(spec) : spec;
    dev.casemate.protocol.oci.Spec message = SpecMessages.spec(own);
    Spec carried = MessageSpecs.spec(message);
    Json.Obj patch = MergePatch.between(carried.toJson(), own.toJson());
    if (patch.fields().isEmpty()) {
      return message;
    }
    Map<String, String> annotations = new LinkedHashMap<>(own.annotations());
    annotations.put(REST, patch.text());
    return SpecMessages.spec(own.withAnnotations(annotations));
  }

  /**
   * The specification that a message and its annotation {@link #REST} say.
   *
   * @throws CasemateException INVALID_ARGUMENT for a message without a root, or for a rest that is
   *     not of this class's making
   */
  public static Spec fromMessage(dev.casemate.protocol.oci.Spec message) {
    Spec spec = MessageSpecs.spec(message);
    String rest = spec.annotations().get(REST);
    if (rest == null) {
      return spec;
    }
    Spec said = withoutRest(spec);
    Json.Obj patch = parse(rest);
    Spec whole = Spec.fromJson(MergePatch.apply(said.toJson(), patch));
    return whole.annotations().containsKey(REST) ? withoutRest(whole) : whole;
  }

  private static Spec withoutRest(Spec spec) {
    Map<String, String> annotations = new LinkedHashMap<>(spec.annotations());
    annotations.remove(REST);
    return spec.withAnnotations(annotations);
  }

  /** The message for a process; {@link #rest(ProcessSpec)} goes with it. */
  public static Process toMessage(ProcessSpec process) {
    return SpecMessages.process(process);
  }

  /** What {@link #toMessage(ProcessSpec)} cannot express; empty if nothing. */
  public static String rest(ProcessSpec process) {
    ProcessSpec carried = MessageSpecs.process(SpecMessages.process(process));
    return rest(carried.toJson(), process.toJson());
  }

  /** The process in a message and its rest. */
  public static ProcessSpec fromMessage(Process message, String rest) {
    ProcessSpec said = MessageSpecs.process(message);
    return rest.isEmpty()
        ? said
        : ProcessSpec.fromJson(MergePatch.apply(said.toJson(), parse(rest)));
  }

  /** The message for limits; {@link #rest(Resources)} goes with it. */
  public static LinuxResources toMessage(Resources resources) {
    return ResourcesMapping.toMessage(resources);
  }

  /** What {@link #toMessage(Resources)} cannot express; empty if nothing. */
  public static String rest(Resources resources) {
    Resources carried = ResourcesMapping.fromMessage(ResourcesMapping.toMessage(resources));
    return rest(carried.toJson(), resources.toJson());
  }

  /** The limits in a message and its rest. */
  public static Resources fromMessage(LinuxResources message, String rest) {
    Resources said = ResourcesMapping.fromMessage(message);
    return rest.isEmpty() ? said : Resources.fromJson(MergePatch.apply(said.toJson(), parse(rest)));
  }

  private static String rest(Json.Obj carried, Json.Obj whole) {
    Json.Obj patch = MergePatch.between(carried, whole);
    return patch.fields().isEmpty() ? "" : patch.text();
  }

  private static Json.Obj parse(String rest) {
    try {
      return Json.parseObject(rest);
    } catch (CasemateException e) {
      throw Failures.invalid(
          "the rest of a specification ("
              + REST
              + ") is not a JSON object: "
              + e.getMessage()
              + "; the host generates it, remove it");
    }
  }
}
