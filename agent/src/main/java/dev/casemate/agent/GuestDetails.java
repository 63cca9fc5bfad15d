package dev.casemate.agent;

import dev.casemate.base.Release;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.protocol.agent.AgentDetails;
import dev.casemate.protocol.agent.GuestDetailsRequest;
import dev.casemate.protocol.agent.GuestDetailsResponse;
import dev.casemate.protocol.agent.MemHotplugByProbeRequest;
import java.util.List;

/** {@code GetGuestDetails} and {@code MemHotplugByProbe}. */
final class GuestDetails {
  private static final String BLOCK_SIZE = "/sys/devices/system/memory/block_size_bytes";
  private static final String PROBE = "/sys/devices/system/memory/probe";

  private GuestDetails() {}

  static GuestDetailsResponse handle(GuestDetailsRequest request) {
    GuestDetailsResponse.Builder response =
        GuestDetailsResponse.builder()
            .agentDetails(
                AgentDetails.builder()
                    .version(Release.VERSION)
                    .initDaemon(true)
                    .deviceHandlers(List.of("blk", "mmioblk"))
                    .storageHandlers(
                        List.of("blk", "mmioblk", "virtio-fs", "overlayfs", "ephemeral", "local"))
                    .supportsSeccomp(true)
                    .extraFeatures(List.of("archive"))
                    .build());
    if (request.memBlockSize() && Fs.exists(BLOCK_SIZE)) {
      response.memBlockSizeBytes(hex(FileContent.readString(BLOCK_SIZE, 64).strip()));
    }
    if (request.memHotplugProbe()) {
      response.supportMemHotplugProbe(Fs.exists(PROBE));
    }
    return response.build();
  }

  static long hex(String text) {
    try {
      return Long.parseUnsignedLong(text, 16);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  static void probe(MemHotplugByProbeRequest request) {
    for (long address : request.memHotplugProbeAddr()) {
      FileContent.writeControl(PROBE, "0x" + Long.toHexString(address));
    }
  }
}
