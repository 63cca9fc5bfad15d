package dev.casemate.agent;

import dev.casemate.linux.Epoll;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.SystemCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Waits for devices. The kernel's device events (netlink(7), NETLINK_KOBJECT_UEVENT) only say when
 * to look again: what is there is read from sysfs.
 */
final class Uevents {
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int NETLINK_KOBJECT_UEVENT = 15;
  private static final int KERNEL_GROUP = 1;

  private final Fd socket;
  private final byte[] event = new byte[8192];
  private final List<Waiter<?>> waiters = new ArrayList<>();

  private static final class Waiter<T> {
    private final Supplier<Optional<T>> look;
    private final Consumer<Optional<T>> then;
    private Loop.@Nullable Timer timer;

    private Waiter(Supplier<Optional<T>> look, Consumer<Optional<T>> then) {
      this.look = look;
      this.then = then;
    }
  }

  Uevents() {
    socket =
        Fd.of(
            (int)
                SystemCall.check(
                    SystemCall.raw(
                        SystemCall.SOCKET,
                        AF_NETLINK,
                        SOCK_RAW | OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK,
                        NETLINK_KOBJECT_UEVENT),
                    "socket",
                    "netlink uevent"));
    try (NativeBuffer address = NativeBuffer.allocate(12)) {
      address.putShort(0, AF_NETLINK).putInt(8, KERNEL_GROUP);
      SystemCall.check(
          SystemCall.raw(SystemCall.BIND, socket.number(), address.address(), address.size()),
          "bind",
          "netlink uevent");
    }
  }

  private void drain() {
    while (true) {
      try {
        if (socket.read(event, 0, event.length) < 0) {
          return;
        }
      } catch (LinuxException e) {
        // Events were lost: no harm, everybody looks again.
        if (e.errno() != Errno.ENOBUFS) {
          throw e;
        }
      }
    }
  }

  /** Waits, before the loop runs, until {@code look} finds something. */
  <T> Optional<T> block(Supplier<Optional<T>> look, int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (true) {
      Optional<T> found = look.get();
      int left = (int) ((deadline - System.nanoTime()) / 1_000_000);
      if (found.isPresent() || left <= 0) {
        return found;
      }
      Poll.await(socket, Poll.IN, left);
      drain();
    }
  }

  /** Lets the loop look after the socket from now on. */
  void start(Loop loop) {
    loop.watch(
        socket,
        Epoll.IN,
        events -> {
          drain();
          for (Waiter<?> waiter : List.copyOf(waiters)) {
            check(waiter);
          }
        });
  }

  private <T> void check(Waiter<T> waiter) {
    Optional<T> found;
    try {
      found = waiter.look.get();
    } catch (LinuxException e) {
      // The device is half there; the next event or the timeout decides.
      return;
    }
    if (found.isPresent() && waiters.remove(waiter)) {
      if (waiter.timer != null) {
        waiter.timer.cancel();
      }
      waiter.then.accept(found);
    }
  }

  /** Calls {@code then} with what {@code look} finds, or with nothing once the time is over. */
  <T> void await(
      Loop loop, int timeoutMillis, Supplier<Optional<T>> look, Consumer<Optional<T>> then) {
    Waiter<T> waiter = new Waiter<>(look, then);
    waiters.add(waiter);
    waiter.timer =
        loop.after(
            timeoutMillis,
            () -> {
              if (waiters.remove(waiter)) {
                waiter.then.accept(Optional.empty());
              }
            });
    check(waiter);
  }
}
