package dev.casemate.agent;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.Spec;

/** A container's specification as the agent gets it: what a bundle's author wrote is in it. */
@Fuzzes({SpecMapping.class, ResourcesMapping.class})
public final class SpecMappingFuzz {
  private SpecMappingFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Expect.parsed(() -> Spec.decode(data), MalformedMessageException.class)
        .ifPresent(
            spec ->
                Expect.parsed(() -> SpecMapping.spec(spec), dev.casemate.rpc.RpcException.class));
    Expect.parsed(() -> LinuxResources.decode(data), MalformedMessageException.class)
        .ifPresent(limits -> Expect.parsed(() -> ResourcesMapping.resources(limits)));
  }
}
