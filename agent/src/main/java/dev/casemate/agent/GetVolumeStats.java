package dev.casemate.agent;

import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.protocol.agent.VolumeCondition;
import dev.casemate.protocol.agent.VolumeStatsRequest;
import dev.casemate.protocol.agent.VolumeStatsResponse;
import dev.casemate.protocol.agent.VolumeUsage;

/** {@code GetVolumeStats}: how full the file system at a path is (statfs(2)). */
final class GetVolumeStats {
  private static final int SIZE = 120;

  private GetVolumeStats() {}

  static VolumeStatsResponse handle(VolumeStatsRequest request) {
    String path = request.volumeGuestPath();
    try (NativeBuffer p = NativeBuffer.ofString(path);
        NativeBuffer stat = NativeBuffer.allocate(SIZE)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.STATFS, p.address(), stat.address()), "statfs", path);
      long block = stat.getLong(8);
      long blocks = stat.getLong(16);
      long free = stat.getLong(24);
      long available = stat.getLong(32);
      long inodes = stat.getLong(40);
      long freeInodes = stat.getLong(48);
      return VolumeStatsResponse.builder()
          .addUsage(
              usage(
                  VolumeUsage.Unit.BYTES,
                  available * block,
                  blocks * block,
                  (blocks - free) * block))
          .addUsage(usage(VolumeUsage.Unit.INODES, freeInodes, inodes, inodes - freeInodes))
          .volumeCondition(VolumeCondition.builder().message("OK").build())
          .build();
    }
  }

  private static VolumeUsage usage(int unit, long available, long total, long used) {
    return VolumeUsage.builder().unit(unit).available(available).total(total).used(used).build();
  }
}
