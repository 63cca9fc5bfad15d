package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.AddSwapRequest;

/** {@code AddSwap}: swaps to a block device, which the host has made with mkswap(8). */
final class AddSwap {
  private static final int TIMEOUT_MILLIS = 3000;

  private AddSwap() {}

  static void handle(Agent agent, AddSwapRequest request, Answer answer) {
    PciPath path = PciPath.of(request.pciPath());
    agent.modules().loadGroup(GuestContract.BLOCK_MODULES);
    agent
        .uevents()
        .await(
            agent.loop(),
            TIMEOUT_MILLIS,
            () -> BlockDevices.find(path),
            node -> {
              try {
                swapOn(
                    node.orElseThrow(
                        () ->
                            CasemateException.of(
                                Kind.TIMEOUT,
                                "no block device appeared at PCI slots " + request.pciPath())));
                answer.ok(Services.EMPTY);
              } catch (RuntimeException e) {
                answer.fail(e);
              }
            });
  }

  private static void swapOn(String node) {
    try (NativeBuffer path = NativeBuffer.ofString(node)) {
      SystemCall.check(SystemCall.raw(SystemCall.SWAPON, path.address(), 0), "swapon", node);
    }
  }
}
