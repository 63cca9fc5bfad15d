package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.rpc.RpcException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The small files that an engine gives to every container: {@code /etc/hosts}, {@code
 * /etc/hostname}, {@code /etc/resolv.conf}. The guest has copies of them in a small file system of
 * its own, so that what a container writes there does not land on the host. Engines change them
 * with the network: {@link #refresh} is called then.
 */
final class FileCopies {
  /** Larger ones are shared, read-only. */
  static final int BYTES_LIMIT = 256 << 10;

  private static final String GUEST_DIRECTORY = HostFiles.GUEST_DIRECTORY + ".copies/";

  private final AgentClient agent;
  private final Consumer<String> warnings;

  /** For good: a file of the host never has a second place in the guest. */
  private final Map<String, Copy> byHostPath = new HashMap<>();

  private final Set<String> told = new HashSet<>();

  private static final class Copy {
    private final String guestPath;
    private final MountIds ids;
    private int users;
    private byte[] content = new byte[0];

    private Copy(String guestPath, MountIds ids) {
      this.guestPath = guestPath;
      this.ids = ids;
    }
  }

  FileCopies(AgentClient agent, Consumer<String> warnings) {
    this.agent = agent;
    this.warnings = warnings;
  }

  /** Whether containers have such a file at a place. */
  static boolean isPlace(String destination) {
    return switch (destination) {
      case "/etc/hosts", "/etc/hostname", "/etc/resolv.conf" -> true;
      default -> false;
    };
  }

  /**
   * Copies a file into the guest; several containers may have the same.
   *
   * @param ids of the mount: those of the first container's stay, as a pod has one user namespace
   * @return where the copy is in the guest; empty if it cannot be one
   */
  synchronized Optional<String> add(String hostPath, MountIds ids) {
    Optional<byte[]> content = read(hostPath);
    if (content.isEmpty()) {
      return Optional.empty();
    }
    Copy copy =
        byHostPath.computeIfAbsent(
            hostPath, path -> new Copy(GUEST_DIRECTORY + byHostPath.size(), ids));
    if (copy.users == 0 || !Arrays.equals(copy.content, content.get())) {
      push(hostPath, copy, content.get());
    }
    copy.users++;
    return Optional.of(copy.guestPath);
  }

  /** One container less has it. */
  synchronized void remove(String guestPath) {
    for (Copy copy : byHostPath.values()) {
      if (copy.guestPath.equals(guestPath)) {
        copy.users--;
      }
    }
  }

  /** Brings the copies up to date whose files have changed on the host. */
  synchronized void refresh() {
    for (Map.Entry<String, Copy> entry : byHostPath.entrySet()) {
      Copy copy = entry.getValue();
      if (copy.users == 0) {
        continue;
      }
      try {
        Optional<byte[]> now = read(entry.getKey());
        if (now.isPresent() && !Arrays.equals(copy.content, now.get())) {
          push(entry.getKey(), copy, now.get());
        }
      } catch (LinuxException | RpcException e) {
        String message = entry.getKey() + " cannot be updated: " + e.getMessage();
        if (told.size() < 100 && told.add(message)) {
          warnings.accept(message);
        }
      }
    }
  }

  private void push(String hostPath, Copy copy, byte[] content) {
    int mode = Fs.stat(hostPath).permissions() & 0777;
    agent.copyFile(copy.guestPath, content, mode, copy.ids.uid(0), copy.ids.gid(0));
    copy.content = content;
  }

  private static Optional<byte[]> read(String hostPath) {
    Optional<Fd> file = Fs.openRegular(hostPath);
    if (file.isEmpty()) {
      return Optional.empty();
    }
    try (Fd opened = file.get()) {
      return Fs.stat(opened).size() > BYTES_LIMIT
          ? Optional.empty()
          : Optional.of(FileContent.readBytes(opened, hostPath, 2 * BYTES_LIMIT));
    }
  }
}
