package dev.casemate.specmapping;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.Spec;

/**
 * A container's specification on its way to the agent and there: what a bundle's author wrote is in
 * it, and arrives as it was.
 */
@Fuzzes({SpecMapping.class, MessageSpecs.class, ResourcesMapping.class, MergePatch.class})
public final class SpecMappingFuzz {
  private SpecMappingFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Spec.decode(data), MalformedMessageException.class)
        .ifPresent(spec -> Expect.parsed(() -> SpecMapping.fromMessage(spec)));
    Expect.parsed(() -> LinuxResources.decode(data), MalformedMessageException.class)
        .ifPresent(limits -> Expect.parsed(() -> SpecMapping.fromMessage(limits, "")));
    String text = Input.text(data);
    Expect.parsed(() -> dev.casemate.oci.Spec.parse(text)).ifPresent(SpecMappingFuzz::thereAndBack);
  }

  private static void thereAndBack(dev.casemate.oci.Spec spec) {
    if (spec.annotations().containsKey(SpecMapping.REST)) {
      return;
    }
    byte[] sent = SpecMapping.toMessage(spec).encode();
    Expect.same(spec, SpecMapping.fromMessage(Spec.decode(sent)));
  }
}
