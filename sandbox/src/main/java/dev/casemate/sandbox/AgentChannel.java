package dev.casemate.sandbox;

import java.util.List;
import java.util.Locale;

/** How the sandbox process reaches the guest's agent. */
public enum AgentChannel {
  /** A virtio-serial port, which passes through the VMM. */
  SERIAL,
  /** vsock, which passes through the host's kernel (vhost-vsock). */
  VSOCK;

  /** The words for them, in configuration files and options. */
  public static final List<String> WORDS = List.of("serial", "vsock");

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** By its word; {@link #SERIAL} for any other. */
  public static AgentChannel of(String word) {
    return word.equals("vsock") ? VSOCK : SERIAL;
  }
}
