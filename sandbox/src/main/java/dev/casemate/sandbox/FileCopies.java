package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import dev.casemate.rpc.RpcException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The small files that an engine gives to every container: {@code /etc/hosts}, {@code
 * /etc/hostname}, {@code /etc/resolv.conf}. The guest has copies of them in a small file system of
 * its own, so that what a container writes there does not land on the host. Engines change them
 * with the network: {@link #refresh} is called then.
 *
 * <p>A copy is one of the file that was there at first, as a bind mount would be: it is looked at
 * by its descriptor. The path may lead through a volume, where a guest could put a link to any file
 * of the host meanwhile.
 */
final class FileCopies implements AutoCloseable {
  /** Larger ones are shared, read-only. */
  static final int BYTES_LIMIT = 256 << 10;

  private static final String GUEST_DIRECTORY = HostFiles.GUEST_DIRECTORY + ".copies/";

  private final AgentClient agent;
  private final Consumer<String> warnings;

  /** For good: a path of the host has one place in the guest for each file that is there. */
  private final Map<String, Copy> byHostPath = new LinkedHashMap<>();

  private final Set<String> told = new HashSet<>();

  private static final class Copy {
    private final String guestPath;
    private final MountIds ids;
    private final String hostPath;
    private int users;
    private Optional<Fd> file = Optional.empty();
    private byte[] content = new byte[0];

    private Copy(String guestPath, MountIds ids, String hostPath) {
      this.guestPath = guestPath;
      this.ids = ids;
      this.hostPath = hostPath;
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
    Optional<Fd> opened = Fs.openRegular(hostPath);
    if (opened.isEmpty()) {
      return Optional.empty();
    }
    Fd file = opened.get();
    boolean kept = false;
    try {
      Optional<byte[]> content = read(file, hostPath);
      if (content.isEmpty()) {
        return Optional.empty();
      }
      Copy copy = copy(hostPath, file, ids);
      if (copy.users == 0 || !Arrays.equals(copy.content, content.get())) {
        push(copy, file, content.get());
      }
      if (copy.users++ == 0) {
        copy.file = Optional.of(file);
        kept = true;
      }
      return Optional.of(copy.guestPath);
    } finally {
      if (!kept) {
        file.close();
      }
    }
  }

  private Copy copy(String hostPath, Fd file, MountIds ids) {
    String key = hostPath;
    for (int i = 1; ; i++) {
      Copy there = byHostPath.get(key);
      if (there == null) {
        Copy made = new Copy(GUEST_DIRECTORY + byHostPath.size(), ids, hostPath);
        byHostPath.put(key, made);
        return made;
      }
      if (there.file.isEmpty() || isSame(there.file.get(), file)) {
        return there;
      }
      // Another file has its path by now, and containers have the one before.
      key = hostPath + '\0' + i;
    }
  }

  private static boolean isSame(Fd one, Fd other) {
    Stat a = Fs.stat(one);
    Stat b = Fs.stat(other);
    return a.inode() == b.inode()
        && a.filesystemMajor() == b.filesystemMajor()
        && a.filesystemMinor() == b.filesystemMinor();
  }

  /** One container less has a copy. */
  synchronized void remove(String guestPath) {
    for (Copy copy : byHostPath.values()) {
      if (copy.guestPath.equals(guestPath) && --copy.users == 0) {
        copy.file.ifPresent(Fd::close);
        copy.file = Optional.empty();
      }
    }
  }

  /** Brings copies up to date that are in use and of which the host's file has changed. */
  synchronized void refresh() {
    for (Copy copy : byHostPath.values()) {
      if (copy.file.isEmpty()) {
        continue;
      }
      Fd file = copy.file.get();
      try {
        FileContent.seek(file, 0, 0);
        Optional<byte[]> now = read(file, copy.hostPath);
        if (now.isPresent() && !Arrays.equals(copy.content, now.get())) {
          push(copy, file, now.get());
        }
      } catch (LinuxException | RpcException e) {
        String message = copy.hostPath + " cannot be updated: " + e.getMessage();
        if (told.size() < 100 && told.add(message)) {
          warnings.accept(message);
        }
      }
    }
  }

  private void push(Copy copy, Fd file, byte[] content) {
    int mode = Fs.stat(file).permissions() & 0777;
    agent.copyFile(copy.guestPath, content, mode, copy.ids.uid(0), copy.ids.gid(0));
    copy.content = content;
  }

  private static Optional<byte[]> read(Fd file, String hostPath) {
    return Fs.stat(file).size() > BYTES_LIMIT
        ? Optional.empty()
        : Optional.of(FileContent.readBytes(file, hostPath, 2 * BYTES_LIMIT));
  }

  @Override
  public synchronized void close() {
    for (Copy copy : byHostPath.values()) {
      copy.file.ifPresent(Fd::close);
      copy.file = Optional.empty();
    }
  }
}
