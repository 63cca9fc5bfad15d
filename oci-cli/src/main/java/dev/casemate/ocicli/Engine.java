package dev.casemate.ocicli;

import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What executes the OCI command line: namespaces on this kernel, or a VM per container. Errors are
 * {@link dev.casemate.base.CasemateException}s and {@link dev.casemate.linux.LinuxException}s;
 * nothing is left over after one.
 *
 * <p>Three wordings are a contract, because engines look for them in the log: "does not exist" for
 * an unknown container, "container not running" for a signal that comes too late, and "executable
 * file not found in $PATH", "no such file or directory" or "permission denied" for a command.
 */
public interface Engine {
  /**
   * A container that is to be made.
   *
   * @param bundle absolute path of the bundle
   * @param preserveFds how many descriptors from 3 on the process gets beside its streams
   * @param plainLines whether lines that it writes to its terminal end with LF alone
   */
  record Creation(
      String id,
      String bundle,
      Spec spec,
      boolean noPivot,
      boolean noNewKeyring,
      int preserveFds,
      boolean plainLines) {
    /** The same in the foreground of this command: its terminal serves ours, or a file. */
    Creation inForeground() {
      return new Creation(
          id,
          bundle,
          spec.process().isPresent()
              ? spec.withProcess(Making.withOurSize(spec.process().get()))
              : spec,
          noPivot,
          noNewKeyring,
          preserveFds,
          Making.wantsPlainLines());
    }
  }

  /**
   * A further process.
   *
   * @param subgroups controller to path below the container's control group, "" for all
   *     controllers; empty for where its first process is
   * @param plainLines whether lines that it writes to its terminal end with LF alone
   */
  record Execution(
      ProcessSpec process,
      int preserveFds,
      Map<String, String> subgroups,
      boolean ignorePaused,
      boolean plainLines) {}

  /** A process that was made, as long as this command lives. */
  interface Running extends AutoCloseable {
    int pid();

    /** The master of its terminal, if it has one. */
    Optional<Fd> terminal();

    /** A descriptor that becomes readable when it has ended. */
    Fd ended();

    /** Its exit status, 128 + N after signal N; waits for its end. */
    int await();

    void signal(int signal);

    /** What the kernel refused but the process can live without. */
    List<String> warnings();

    /** Lets go of it; it goes on. */
    @Override
    void close();
  }

  /** The states of the runtime-spec, and {@code paused}. */
  enum Status {
    CREATING,
    CREATED,
    RUNNING,
    PAUSED,
    STOPPED;

    @Override
    public String toString() {
      return switch (this) {
        case CREATING -> "creating";
        case CREATED -> "created";
        case RUNNING -> "running";
        case PAUSED -> "paused";
        case STOPPED -> "stopped";
      };
    }
  }

  /**
   * A container as {@code state} and {@code list} show it.
   *
   * @param pid 0 once it is stopped
   * @param created RFC 3339
   * @param uid who made it
   */
  record Info(
      String ociVersion,
      String id,
      int pid,
      Status status,
      String bundle,
      String rootfs,
      String created,
      int uid,
      Map<String, String> annotations) {}

  /** A process as {@code ps} shows it; times in clock ticks of 1/100 s. */
  record ProcessLine(
      int pid, int ppid, int uid, int tty, long startTicks, long cpuTicks, String commandLine) {}

  /** Makes a container; its process waits for {@link #start}. */
  Running create(Creation creation);

  void start(String id);

  Info info(String id);

  /** The configuration that the container was made from. */
  Spec spec(String id);

  /** All containers below the root, in the order of their ids; those that are half-made are not. */
  List<Info> list();

  /** Signals the first process, or all. */
  void kill(String id, int signal, boolean all);

  /** Removes a container that is stopped or was never started; with {@code force} any. */
  void delete(String id, boolean force);

  Running exec(String id, Execution execution);

  List<ProcessLine> processes(String id);

  void pause(String id);

  void resume(String id);

  /** Writes a container's processes to files and, unless it is to go on, stops it. */
  void checkpoint(String id, CriuOptions options);

  /** Makes a container of such files; its process, which runs, is a child of this one. */
  Running restore(Creation creation, CriuOptions options);

  /** Changes limits; returns warnings. */
  List<String> update(String id, Resources resources);

  /** Changes caches and memory bandwidth of its class of service; it must have one. */
  void update(String id, IntelRdt rdt);

  /** What {@code events --stats} prints as {@code data}. */
  Json.Obj statistics(String id);

  /** How often the kernel has killed a process of the container for want of memory. */
  long outOfMemoryKills(String id);

  /** The document that {@code features} prints. */
  Json.Obj features();
}
