package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.VsockSocket;
import dev.casemate.protocol.GuestContract;

/** The way to the host that the kernel command line names, opened. */
sealed interface HostWay {
  /** A virtio-serial port, which stays open while hosts come and go. */
  record Port(Fd port) implements HostWay {
    @Override
    public HostEnd serve(Loop loop, Console console, HostConnection.Service service) {
      return new HostConnection(loop, console, port, service);
    }
  }

  /**
   * A listener on vsock.
   *
   * @param reservedOnly whether the host's end must be a reserved port
   */
  record Vsock(Fd listener, boolean reservedOnly) implements HostWay {
    @Override
    public HostEnd serve(Loop loop, Console console, HostConnection.Service service) {
      return new HostListener(
          loop, console, listener, () -> VsockSocket.accept(listener), reservedOnly, service);
    }
  }

  /** How long the driver may take to find the port. */
  int PORT_TIMEOUT_MILLIS = 10_000;

  /** Connections that wait while another one is served. */
  int BACKLOG = 8;

  /** What serves requests by this way. */
  HostEnd serve(Loop loop, Console console, HostConnection.Service service);

  /**
   * Opens a channel by its word on the kernel command line.
   *
   * @throws CasemateException INVALID_ARGUMENT for an unknown word, UNAVAILABLE if the machine does
   *     not have it
   */
  static HostWay open(String channel, KernelModules modules, Uevents uevents) {
    return switch (channel) {
      case GuestContract.SERIAL_CHANNEL ->
          new Port(uevents.block(VirtioPort::open, PORT_TIMEOUT_MILLIS).orElseThrow(HostWay::none));
      case GuestContract.VSOCK_CHANNEL -> listen(modules, true);
      case GuestContract.OPEN_VSOCK_CHANNEL -> listen(modules, false);
      default ->
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "kernel parameter "
                  + GuestContract.CHANNEL_PARAMETER
                  + channel
                  + " is not valid: expected "
                  + GuestContract.SERIAL_CHANNEL
                  + ", "
                  + GuestContract.VSOCK_CHANNEL
                  + " or "
                  + GuestContract.OPEN_VSOCK_CHANNEL);
    };
  }

  private static Vsock listen(KernelModules modules, boolean reservedOnly) {
    modules.loadGroup(GuestContract.VSOCK_MODULES);
    try {
      return new Vsock(VsockSocket.listen(GuestContract.AGENT_VSOCK_PORT, BACKLOG), reservedOnly);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.UNAVAILABLE, "this kernel cannot be reached by vsock: " + e.getMessage(), e);
    }
  }

  private static CasemateException none() {
    return CasemateException.of(
        Kind.UNAVAILABLE,
        "no virtio-serial port is named "
            + VirtioPort.NAME
            + "; add -device virtserialport,name="
            + VirtioPort.NAME
            + ", or start with "
            + GuestContract.CHANNEL_PARAMETER
            + GuestContract.VSOCK_CHANNEL);
  }
}
