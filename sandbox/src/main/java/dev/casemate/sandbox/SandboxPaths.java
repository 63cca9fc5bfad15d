package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;

/**
 * Directories of Casemate on the host.
 *
 * <p>{@code run} is for data that does not survive a reboot ({@code /run/casemate}), {@code state}
 * for data that outlives a sandbox ({@code /var/lib/casemate}).
 *
 * @param run absolute path
 * @param state absolute path
 */
public record SandboxPaths(String run, String state) {
  /** A socket's path has at most 107 bytes, and the longest below {@code run} takes 91. */
  private static final int RUN_LIMIT = 16;

  public SandboxPaths {
    if (!run.startsWith("/") || run.length() > RUN_LIMIT || !state.startsWith("/")) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "CASEMATE_RUN \""
              + run
              + "\" and CASEMATE_STATE \""
              + state
              + "\" must be absolute paths, the first of at most "
              + RUN_LIMIT
              + " bytes, because sockets lie below it");
    }
  }

  /**
   * The system's directories, or those in {@code CASEMATE_RUN} and {@code CASEMATE_STATE} (tests
   * use their own).
   */
  public static SandboxPaths system() {
    String run = System.getenv("CASEMATE_RUN");
    String state = System.getenv("CASEMATE_STATE");
    return new SandboxPaths(
        run == null || run.isEmpty() ? "/run/casemate" : run,
        state == null || state.isEmpty() ? "/var/lib/casemate" : state);
  }

  /** Sockets, lock and state of one sandbox, removed with it. */
  public String sandbox(String id) {
    return run + "/sandboxes/" + id;
  }

  public String sandboxes() {
    return run + "/sandboxes";
  }

  /** Where a sandbox process listens for ttrpc. */
  public String taskSocket(String id) {
    return sandbox(id) + "/task.sock";
  }

  /** Held by a living sandbox process; free means dead. */
  public String lock(String id) {
    return sandbox(id) + "/lock";
  }

  /**
   * What this machine's sandboxes leave to be cleaned by others: processes with their start times.
   */
  public String processes(String id) {
    return sandbox(id) + "/processes.json";
  }

  public String containers() {
    return state + "/containers";
  }

  /** Bundle, records, logs and scratch disk of one container. */
  public String container(String id) {
    return containers() + "/" + id;
  }

  public String names() {
    return state + "/names";
  }

  public String images() {
    return state + "/images";
  }

  public String guests() {
    return state + "/guest";
  }

  /** VMs that others start as copies of. */
  public String templates() {
    return state + "/templates";
  }

  /** Files that are created once and copied often. */
  public String cache() {
    return state + "/cache";
  }
}
