package dev.casemate.qemu;

import dev.casemate.base.Json;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.linux.Fs;

/**
 * The paths of a VM's sockets; also what the driver keeps in the VM's record.
 *
 * @param control of QMP
 * @param console of the serial console; empty if there is none
 * @param agent of the agent's channel; empty if there is none
 */
record QemuSockets(String control, String console, String agent) {
  static QemuSockets of(VmConfig config) {
    String directory = config.runDirectory();
    return new QemuSockets(
        directory + "/qmp.sock",
        config.console() ? directory + "/console.sock" : "",
        config.agentChannel().isPresent() ? directory + "/agent.sock" : "");
  }

  private static QemuSockets of(VmRecord record) {
    Json.Obj state = record.driverState();
    return new QemuSockets(
        state.string("controlSocket"), state.string("consoleSocket"), state.string("agentSocket"));
  }

  /** The path of the agent's channel, or empty. */
  static String agent(VmRecord record) {
    return of(record).agent();
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
    return new Json.Obj()
        .put("controlSocket", control)
        .put("consoleSocket", console)
        .put("agentSocket", agent);
  }
}
