package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;

/**
 * The agent with malicious switches: {@code /init} of guests that attack the host (e2e, {@code
 * HostileGuestTest}). It boots, makes containers and serves as the agent does, until a role tells
 * it otherwise. It is among the tests' classes, so no executable of the product can contain it.
 */
public final class HostileMain {
  /** Where an initramfs may name the roles to play from the first moment on. */
  private static final String ROLES = "/hostile";

  private static final int ROLES_LIMIT = 1 << 20;

  private HostileMain() {}

  /** Runs until the machine ends. */
  public static void main(String[] args) {
    // The agent moves another root over the initramfs.
    String roles = Fs.exists(ROLES) ? FileContent.readString(ROLES, ROLES_LIMIT) : "";
    Main.run(
        (agent, way) -> {
          if (way instanceof HostWay.Port serial) {
            new Hostile(agent, serial.port()).start(roles);
          } else {
            throw new IllegalArgumentException("roles are played over a port only");
          }
        });
  }
}
