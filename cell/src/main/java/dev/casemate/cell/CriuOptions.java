package dev.casemate.cell;

import java.util.ArrayList;
import java.util.List;

/**
 * How a container is dumped and restored; mostly criu(8)'s own options.
 *
 * @param images absolute path of the directory with the images
 * @param work absolute path of the directory for the log and statistics; empty for {@code images}
 * @param parent where the images of an earlier dump are, relative to {@code images}; empty if none
 * @param preDump copies memory alone, and the container goes on
 * @param manageCgroups {@code soft}, {@code full}, {@code strict} or {@code ignore}
 * @param emptyNetwork leaves the inside of the network namespace out
 * @param lsmProfile {@code apparmor:NAME} or {@code selinux:NAME} on restore; empty for the dumped
 * @param lsmMountContext SELinux' for mounts on restore; empty for the dumped
 */
public record CriuOptions(
    String images,
    String work,
    String parent,
    boolean leaveRunning,
    boolean preDump,
    boolean tcpEstablished,
    boolean externalUnixSockets,
    boolean shellJob,
    boolean fileLocks,
    boolean autoDedup,
    String manageCgroups,
    boolean emptyNetwork,
    String lsmProfile,
    String lsmMountContext) {

  private static final String DUMP_LOG = "dump.log";
  private static final String RESTORE_LOG = "restore.log";

  String dumpLog() {
    return logDirectory() + "/" + DUMP_LOG;
  }

  String restoreLog() {
    return logDirectory() + "/" + RESTORE_LOG;
  }

  private String logDirectory() {
    return work.isEmpty() ? images : work;
  }

  /** What a dump is asked for, but for what depends on the container. */
  List<String> dumpWords(int pid, String rootfs) {
    List<String> words = new ArrayList<>();
    words.add(preDump ? "pre-dump" : "dump");
    words.add("--tree");
    words.add(Integer.toString(pid));
    common(words, DUMP_LOG, rootfs);
    if (!parent.isEmpty()) {
      words.add("--prev-images-dir");
      words.add(parent);
    }
    if (preDump || !parent.isEmpty()) {
      words.add("--track-mem");
    }
    if (leaveRunning && !preDump) {
      words.add("--leave-running");
    }
    return words;
  }

  /** What a restore is asked for, but for what depends on the container. */
  List<String> restoreWords(String pidFile, String rootfs) {
    List<String> words = new ArrayList<>();
    words.add("restore");
    // A child of whoever has started criu, which itself ends then.
    words.add("--restore-detached");
    words.add("--restore-sibling");
    words.add("--pidfile");
    words.add(pidFile);
    common(words, RESTORE_LOG, rootfs);
    // The inherited streams may be devices that the container does not have.
    words.add("--evasive-devices");
    if (!lsmProfile.isEmpty()) {
      words.add("--lsm-profile");
      words.add(lsmProfile);
    }
    if (!lsmMountContext.isEmpty()) {
      words.add("--lsm-mount-context");
      words.add(lsmMountContext);
    }
    return words;
  }

  private void common(List<String> words, String log, String rootfs) {
    words.add("--images-dir");
    words.add(images);
    words.add("--work-dir");
    words.add(logDirectory());
    words.add("--log-file");
    words.add(log);
    words.add("-v4");
    words.add("--root");
    words.add(rootfs);
    words.add("--manage-cgroups=" + manageCgroups);
    flag(words, tcpEstablished, "--tcp-established");
    flag(words, externalUnixSockets, "--ext-unix-sk");
    flag(words, shellJob, "--shell-job");
    flag(words, fileLocks, "--file-locks");
    flag(words, autoDedup, "--auto-dedup");
    if (emptyNetwork) {
      words.add("--empty-ns");
      words.add("net");
    }
  }

  private static void flag(List<String> words, boolean on, String word) {
    if (on) {
      words.add(word);
    }
  }
}
