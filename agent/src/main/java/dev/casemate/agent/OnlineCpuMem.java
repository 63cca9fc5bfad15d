package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.OnlineCPUMemRequest;
import java.util.Optional;

/** {@code OnlineCPUMem}: brings CPUs and memory that were plugged in into use. */
final class OnlineCpuMem {
  private static final String CPUS = "/sys/devices/system/cpu";
  private static final String MEMORY = "/sys/devices/system/memory";
  private static final int TIMEOUT_MILLIS = 15_000;

  private OnlineCpuMem() {}

  static void handle(Agent agent, OnlineCPUMemRequest request, Answer answer) {
    if (!request.cpuOnly()) {
      agent.modules().loadGroup(GuestContract.MEMORY_MODULES);
      onlineMemory();
      agent.limits().follow();
    }
    int wanted = request.nbCpus();
    if (!request.wait_()) {
      onlineCpus();
      answer.ok(Services.EMPTY);
      return;
    }
    agent
        .uevents()
        .await(
            agent.loop(),
            TIMEOUT_MILLIS,
            () -> {
              int online = onlineCpus();
              return online >= wanted ? Optional.of(online) : Optional.empty();
            },
            found -> {
              if (found.isPresent()) {
                answer.ok(Services.EMPTY);
              } else {
                answer.fail(
                    CasemateException.of(
                        Kind.TIMEOUT,
                        "only " + onlineCpus() + " of " + wanted + " CPUs came online"));
              }
            });
  }

  /** Switches all CPUs on; returns how many are. */
  private static int onlineCpus() {
    int online = 0;
    for (String name : Fs.list(CPUS)) {
      if (!name.startsWith("cpu") || Numbers.parse(name.substring(3), -1) < 0) {
        continue;
      }
      String control = CPUS + "/" + name + "/online";
      // The first one cannot be switched off and has no control.
      if (!Fs.exists(control) || switchOn(control, "0", "1")) {
        online++;
      }
    }
    return online;
  }

  private static void onlineMemory() {
    if (!Fs.exists(MEMORY)) {
      return;
    }
    for (String name : Fs.list(MEMORY)) {
      if (name.startsWith("memory") && Numbers.parse(name.substring(6), -1) >= 0) {
        switchOn(MEMORY + "/" + name + "/state", "offline", "online");
      }
    }
  }

  private static boolean switchOn(String control, String off, String on) {
    try {
      if (FileContent.readString(control, 64).strip().equals(off)) {
        FileContent.writeControl(control, on);
      }
      return true;
    } catch (LinuxException e) {
      // Half plugged in, or being taken away: counted as off.
      return false;
    }
  }
}
