package dev.casemate.qemu;

import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.linux.Fs;
import dev.casemate.linux.VsockSocket;
import java.util.Optional;

/**
 * The paths of a VM's sockets; also what the driver keeps in the VM's record.
 *
 * @param control of QMP
 * @param console of the serial console; empty if there is none
 * @param agent of the agent's channel; empty if it is another one, or there is none
 * @param agentAddress where the agent listens on vsock, if that is its channel
 */
record QemuSockets(
    String control, String console, String agent, Optional<VsockSocket.Peer> agentAddress) {
  static QemuSockets of(VmConfig config) {
    String directory = config.runDirectory();
    Device.Channel channel = config.agentChannel().orElse(null);
    return new QemuSockets(
        directory + "/qmp.sock",
        config.console() ? directory + "/console.sock" : "",
        channel instanceof Device.SerialChannel ? directory + "/agent.sock" : "",
        channel instanceof Device.VsockChannel vsock
            ? Optional.of(new VsockSocket.Peer(vsock.cid(), vsock.port()))
            : Optional.empty());
  }

  private static QemuSockets of(VmRecord record) {
    Json.Obj state = record.driverState();
    long cid = state.integer("agentCid", 0);
    return new QemuSockets(
        state.string("controlSocket"),
        state.string("consoleSocket"),
        state.string("agentSocket"),
        cid == 0
            ? Optional.empty()
            : Optional.of(new VsockSocket.Peer(cid, state.integer("agentPort", 0))));
  }

  /** The path of the agent's channel, or empty. */
  static String agent(VmRecord record) {
    return of(record).agent();
  }

  /** Where the agent listens on vsock, if it does. */
  static Optional<VsockSocket.Peer> agentAddress(VmRecord record) {
    return of(record).agentAddress();
  }

  /** Removes those of a VM that has ended. Safe to repeat. */
  static void remove(VmRecord record) {
    of(record).remove();
  }

  void remove() {
    unlink(control);
    unlink(console);
    unlink(agent);
  }

  private static void unlink(String path) {
    if (!path.isEmpty()) {
      Fs.unlinkIfExists(path);
    }
  }

  /** For the VM's record. */
  Json.Obj state() {
    Json.Obj state =
        new Json.Obj()
            .put("controlSocket", control)
            .put("consoleSocket", console)
            .put("agentSocket", agent);
    agentAddress.ifPresent(
        address -> state.put("agentCid", address.cid()).put("agentPort", address.port()));
    return state;
  }
}
