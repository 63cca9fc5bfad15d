package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.netlink.IpNetwork;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Addresses in use: a file each, named by the address, that holds the sandbox's id. The caller
 * holds the network's lock.
 */
final class Leases {
  private static final int LIMIT = 4096;

  private final String directory;
  private final String nextFile;

  Leases(String networkDirectory) {
    this.directory = networkDirectory + "/leases";
    this.nextFile = networkDirectory + "/next";
  }

  /**
   * Leases an address: the one wanted, or the first free one after the last that was leased, so
   * that an address rests as long as possible before somebody else gets it.
   */
  IpAddress lease(
      String sandboxId, IpNetwork subnet, IpAddress gateway, Optional<IpAddress> wanted) {
    FileTree.makeDirectories(directory, 0700);
    Set<String> taken = new HashSet<>(Fs.list(directory));
    taken.add(gateway.toString());
    if (wanted.isPresent()) {
      check(subnet, gateway, wanted.get());
      if (taken.contains(wanted.get().toString())) {
        throw CasemateException.of(
            CasemateException.Kind.ALREADY_EXISTS,
            "address "
                + wanted.get()
                + " is leased to sandbox "
                + owner(wanted.get().toString())
                + "; choose another address of "
                + subnet);
      }
      return write(sandboxId, wanted.get());
    }
    int first = subnet.masked().address().v4() + 1;
    int count = (int) ((1L << (32 - subnet.prefix())) - 2);
    int start = next(subnet) - first;
    for (int i = 0; i < count; i++) {
      IpAddress candidate = IpAddress.ofV4(first + Math.floorMod(start + i, count));
      if (!taken.contains(candidate.toString())) {
        FileContent.replace(
            nextFile,
            IpAddress.ofV4(candidate.v4() + 1).toString().getBytes(StandardCharsets.UTF_8),
            0600);
        return write(sandboxId, candidate);
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.RESOURCE_EXHAUSTED,
        "all " + count + " addresses of " + subnet + " are in use; stop a sandbox");
  }

  private static void check(IpNetwork subnet, IpAddress gateway, IpAddress wanted) {
    if (!subnet.contains(wanted)
        || wanted.equals(gateway)
        || wanted.equals(subnet.last())
        || wanted.equals(subnet.masked().address())) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "address "
              + wanted
              + " cannot be given to a sandbox: it is not a host address of "
              + subnet
              + " or is the gateway's, "
              + gateway);
    }
  }

  private int next(IpNetwork subnet) {
    int first = subnet.masked().address().v4() + 1;
    try {
      IpAddress next = IpAddress.parse(FileContent.readString(nextFile, LIMIT));
      return subnet.contains(next) ? next.v4() : first;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return first;
      }
      throw e;
    } catch (IllegalArgumentException e) {
      return first;
    }
  }

  private IpAddress write(String sandboxId, IpAddress address) {
    FileContent.replace(
        directory + "/" + address, sandboxId.getBytes(StandardCharsets.UTF_8), 0600);
    return address;
  }

  private String owner(String address) {
    try {
      return FileContent.readString(directory + "/" + address, LIMIT);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return "";
      }
      throw e;
    }
  }

  /** Addresses with the ids of the sandboxes that have them. */
  Map<String, String> all() {
    Map<String, String> leases = new LinkedHashMap<>();
    List<String> names;
    try {
      names = Fs.list(directory);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return leases;
      }
      throw e;
    }
    for (String name : names) {
      leases.put(name, owner(name));
    }
    return leases;
  }

  /** Gives all addresses of a sandbox back. */
  void release(String sandboxId) {
    for (Map.Entry<String, String> lease : all().entrySet()) {
      if (lease.getValue().equals(sandboxId)) {
        Fs.unlinkIfExists(directory + "/" + lease.getKey());
      }
    }
  }

  void release(IpAddress address) {
    Fs.unlinkIfExists(directory + "/" + address);
  }

  boolean isEmpty() {
    return all().isEmpty();
  }
}
