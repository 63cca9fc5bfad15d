package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.ArrayList;
import java.util.List;

/** Says why a guest did not come up, with what its console shows. */
final class BootFailure {
  private static final int CONSOLE_TAIL_LINES = 8;
  private static final int LINE_LENGTH = 200;
  private static final int DYING_MILLIS = 200;

  private BootFailure() {}

  static CasemateException of(VirtualMachine machine, VmOptions options, RpcException e) {
    boolean ended = machine.awaitExit(DYING_MILLIS).isPresent();
    String what;
    if (ended) {
      what = String.valueOf(machine.failure("starting the guest").getMessage());
    } else if (e.status() == RpcStatus.DEADLINE_EXCEEDED) {
      what = "the guest's agent did not answer within " + options.bootTimeoutMillis() / 1000 + " s";
    } else if (e.status() == RpcStatus.UNAVAILABLE) {
      what = "the guest's agent cannot be reached: " + e.text();
    } else {
      // It has booted, and refuses: the kernel is not to blame.
      return RpcErrors.fromRpc(e);
    }
    return CasemateException.of(
        ended ? Kind.UNAVAILABLE : Kind.TIMEOUT,
        what
            + "; check kernel "
            + options.kernel()
            + " and initramfs "
            + options.initramfs()
            + " with: casemate doctor"
            + consoleTail(machine.console()),
        e);
  }

  /** The last lines of the guest's console, cleaned for a terminal. */
  static String consoleTail(byte[] console) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (byte b : console) {
      if (b == '\n') {
        if (!line.isEmpty()) {
          lines.add(line.toString());
        }
        line.setLength(0);
      } else if (b >= ' ' && b < 0x7f && line.length() < LINE_LENGTH) {
        line.append((char) b);
      }
    }
    if (!line.isEmpty()) {
      lines.add(line.toString());
    }
    if (lines.isEmpty()) {
      return "; its console is empty";
    }
    StringBuilder tail = new StringBuilder("; last lines of its console:");
    for (String last :
        lines.subList(Math.max(0, lines.size() - CONSOLE_TAIL_LINES), lines.size())) {
      tail.append("\n  | ").append(last);
    }
    return tail.toString();
  }
}
