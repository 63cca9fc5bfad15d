package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;

/** Content of a {@code resolv.conf} (resolv.conf(5)). */
public record Dns(List<String> nameservers, List<String> search, List<String> options) {
  /** No name service at all. */
  public static final Dns NONE = new Dns(List.of(), List.of(), List.of());

  private static final List<String> PUBLIC = List.of("8.8.8.8", "8.8.4.4");
  private static final String SYSTEMD_STUB = "127.0.0.53";
  private static final int LIMIT = 64 * 1024;

  /**
   * What a guest is to use. The host's name servers that listen on its loopback interface cannot be
   * reached from a guest: for systemd-resolved's, those behind it are taken; if none is left,
   * public ones.
   *
   * @param v6 whether the guest can reach IPv6 addresses
   */
  static Dns forGuest(DnsConfig config, boolean v6) {
    return forGuest(config, v6, "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf");
  }

  static Dns forGuest(DnsConfig config, boolean v6, String hostFile, String systemdFile) {
    for (String nameserver : config.nameservers()) {
      try {
        IpAddress.parse(nameserver);
      } catch (IllegalArgumentException e) {
        throw CasemateException.of(
            CasemateException.Kind.INVALID_ARGUMENT,
            "DNS server \"" + nameserver + "\" is not an IP address; give one such as 192.0.2.53",
            e);
      }
    }
    boolean needsHost =
        config.nameservers().isEmpty() || config.search().isEmpty() || config.options().isEmpty();
    Dns host = needsHost ? parse(read(hostFile)) : NONE;
    List<String> nameservers = config.nameservers();
    if (nameservers.isEmpty()) {
      if (host.nameservers.contains(SYSTEMD_STUB)) {
        Dns behind = parse(read(systemdFile));
        host =
            new Dns(
                behind.nameservers,
                behind.search.isEmpty() ? host.search : behind.search,
                host.options);
      }
      nameservers = reachable(host.nameservers, v6);
    }
    return new Dns(
        nameservers.isEmpty() ? PUBLIC : nameservers,
        config.search().isEmpty() ? host.search : config.search(),
        config.options().isEmpty() ? host.options : config.options());
  }

  private static List<String> reachable(List<String> nameservers, boolean v6) {
    List<String> reachable = new ArrayList<>();
    for (String nameserver : nameservers) {
      try {
        IpAddress address = IpAddress.parse(nameserver);
        if (!address.isLoopback() && (v6 || !address.isV6()) && !address.isAny()) {
          reachable.add(nameserver);
        }
      } catch (IllegalArgumentException e) {
        // One with a zone, or a mistake in the host's file: of no use elsewhere.
        continue;
      }
    }
    return reachable;
  }

  private static String read(String path) {
    try {
      return FileContent.readString(path, LIMIT);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.EACCES) {
        return "";
      }
      throw e;
    }
  }

  /**
   * Reads a file's content; keywords that it does not know are left out, the last search counts.
   */
  public static Dns parse(String text) {
    List<String> nameservers = new ArrayList<>();
    List<String> search = List.of();
    List<String> options = new ArrayList<>();
    for (String line : Text.split(text, '\n')) {
      List<String> words = Text.split(line.replace('\t', ' ').replace('\r', ' '), ' ');
      if (words.size() < 2) {
        continue;
      }
      List<String> values = words.subList(1, words.size());
      switch (words.get(0)) {
        case "nameserver" -> nameservers.add(values.get(0));
        case "search", "domain" -> search = List.copyOf(values);
        case "options" -> options.addAll(values);
        default -> {
          // Comments and sortlist.
        }
      }
    }
    return new Dns(List.copyOf(nameservers), search, List.copyOf(options));
  }

  /** The file's content. */
  public String resolvConf() {
    StringBuilder text = new StringBuilder();
    if (!search.isEmpty()) {
      text.append("search ").append(String.join(" ", search)).append('\n');
    }
    for (String nameserver : nameservers) {
      text.append("nameserver ").append(nameserver).append('\n');
    }
    if (!options.isEmpty()) {
      text.append("options ").append(String.join(" ", options)).append('\n');
    }
    return text.toString();
  }
}
