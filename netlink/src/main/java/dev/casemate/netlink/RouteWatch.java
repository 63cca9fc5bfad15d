package dev.casemate.netlink;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.SystemCall;

/**
 * Reports that links, addresses or routes of a network namespace have changed (rtnetlink(7)'s
 * multicast groups), but not what changed: the caller reads them again. The namespace is that of
 * the thread that called {@link #open}.
 */
public final class RouteWatch implements AutoCloseable {
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  // RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE.
  private static final int GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
  private static final int CHUNK = 16 * 1024;

  private final Fd socket;
  private final byte[] chunk = new byte[CHUNK];

  private RouteWatch(Fd socket) {
    this.socket = socket;
  }

  /** Begins to watch the calling thread's network namespace. */
  public static RouteWatch open() {
    Fd socket =
        Fd.of(
            (int)
                SystemCall.check(
                    SystemCall.raw(
                        SystemCall.SOCKET,
                        AF_NETLINK,
                        SOCK_RAW | OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK,
                        Netlink.ROUTE),
                    "socket",
                    "netlink watch"));
    try (NativeBuffer address = NativeBuffer.allocate(12)) {
      address.putShort(0, AF_NETLINK).putInt(8, GROUPS);
      SystemCall.check(
          SystemCall.raw(SystemCall.BIND, socket.number(), address.address(), address.size()),
          "bind",
          "netlink watch");
      return new RouteWatch(socket);
    } catch (LinuxException e) {
      socket.close();
      throw e;
    }
  }

  /** Readable when something has changed. */
  public Fd fd() {
    return socket;
  }

  /** Takes all notices; returns whether there were any. */
  public boolean drain() {
    boolean some = false;
    while (true) {
      try {
        int n = socket.read(chunk, 0, chunk.length);
        if (n < 0) {
          return some;
        }
      } catch (LinuxException e) {
        // Some were lost, so something has changed.
        if (e.errno() != Errno.ENOBUFS) {
          throw e;
        }
      }
      some = true;
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
