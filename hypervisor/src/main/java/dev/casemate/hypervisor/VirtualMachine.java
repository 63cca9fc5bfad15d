package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.VsockSocket;
import java.util.Optional;

/**
 * A VM whose VMM process has been started. All methods may be called from any thread. A command to
 * the VMM waits up to ten seconds for its answer (TIMEOUT), and fails with UNAVAILABLE once the
 * process has ended.
 */
public interface VirtualMachine extends AutoCloseable {
  String vmId();

  /** The VMM's process id. */
  int pid();

  /** What another process needs to clean up after the VM; stays the same for its life. */
  VmRecord record();

  /** Which accelerator runs the guest, and why. */
  Accelerator accelerator();

  /**
   * Connects to the agent's channel. A {@link Device.SerialChannel} succeeds immediately: data
   * written is buffered until the agent opens its end. A {@link Device.VsockChannel} waits until
   * the agent listens. The channel has one user at a time: close the last connection first.
   *
   * @throws CasemateException UNAVAILABLE if the VMM has ended or ends meanwhile, TIMEOUT if the
   *     agent does not listen in time, FAILED_PRECONDITION if the VM has no channel
   */
  Fd agentConnection(int timeoutMillis);

  /** Where the agent listens on vsock; empty with another channel. */
  default Optional<VsockSocket.Peer> agentAddress() {
    return Optional.empty();
  }

  /** The last 64 KiB that the guest wrote to its serial console, untrusted bytes. */
  byte[] console();

  /** The guest's panic message, if the console's tail contains one; see {@link VmExit#panic}. */
  String panic();

  /**
   * The address of a device in the guest.
   *
   * @throws CasemateException NOT_FOUND for an unknown device
   */
  GuestAddress address(String deviceId);

  /**
   * Adds a {@link Device.Disk}, {@link Device.Nic} or {@link Device.FileShare} to the running VM,
   * if the driver has the {@link Capability}.
   *
   * @return its address in the guest
   * @throws CasemateException RESOURCE_EXHAUSTED if all hot-plug ports are taken
   */
  GuestAddress attach(Device device);

  /**
   * Detaches a device that was attached after the start; waits up to {@code timeoutMillis} until
   * the guest has released it.
   *
   * @throws CasemateException TIMEOUT if it does not; the device then remains attached
   */
  void detach(String deviceId, int timeoutMillis);

  /**
   * Removes the host's end of a network card: the guest sees a link that is down. For cards that
   * were present at the start and cannot be detached.
   */
  void disconnect(String nicId);

  /**
   * Adds memory to, or removes it from, that of the start; the guest does so in blocks of its own
   * choice (2 MiB and more), and may be unable to return memory that is in use.
   *
   * @param extraMib requested in addition to the memory of the start, from 0 to what the
   *     configuration's maximum permits
   * @param timeoutMillis how long to wait for the guest
   * @return MiB that it then has in addition to the memory of the start
   * @throws CasemateException FAILED_PRECONDITION if the VM cannot grow so far
   */
  long resizeMemory(long extraMib, int timeoutMillis);

  /** How many vCPUs there are; whether the guest uses them is its own affair. */
  int vcpus();

  /**
   * Plugs vCPUs in until there are {@code count}; with as many or more there already, nothing. They
   * stay for the VM's life.
   *
   * @throws CasemateException RESOURCE_EXHAUSTED beyond the configuration's maximum
   */
  void plugVcpus(int count);

  /**
   * Gives back what the VMM has in memory of files that it does not need once the guest has booted:
   * kernel, initramfs, its own code. May be called at any time; takes some milliseconds, in which
   * the VMM may pause.
   */
  default void trim() {}

  /** Stops the vCPUs. */
  void pause();

  void resume();

  /**
   * Writes the state of a paused VM, its memory above all; what is on its disks is the caller's to
   * save. The VM can be resumed afterwards.
   *
   * @return what {@link Vmm#restore} needs with it
   * @throws CasemateException FAILED_PRECONDITION if the VM has a device whose state cannot be
   *     carried over: a file share or a network card
   */
  VmSnapshot save(Fd to, int timeoutMillis);

  /**
   * Writes a paused VM as a template for {@link Vmm#copy}. Only a VM whose configuration says so
   * ({@link VmConfig#becomesTemplate}) can be written; it is of no use afterwards and must be
   * closed.
   *
   * @param memory an empty file: gets the guest's memory, without the pages that are all zero
   * @param state an empty file for the rest
   */
  void saveTemplate(Fd memory, Fd state, int timeoutMillis);

  /** How the VM ended; empty while it runs. */
  Optional<VmExit> exit();

  /** Waits for the end; −1 waits for ever. Empty after the timeout. */
  Optional<VmExit> awaitExit(int timeoutMillis);

  /**
   * An error that says why the VM is of no use: how it ended (waits 200 ms for a process that is
   * just dying), else that the guest is silent.
   *
   * @param doing {@code waiting for the agent}
   */
  CasemateException failure(String doing);

  /** Has the VMM quit; kills it if it has not after {@code graceMillis}. */
  VmExit shutdown(int graceMillis);

  /** Kills the VM if it runs, waits for its end and removes its sockets. */
  @Override
  void close();
}
