package dev.casemate.agent;

import dev.casemate.linux.Epoll;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.casemate.ModuleWish;
import dev.casemate.protocol.casemate.SuppliedModule;
import dev.casemate.protocol.casemate.SupplyModulesRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code casemate.v1.Guest/SupplyModules}: modules that the kernel asks for when something needs
 * them. They are on the host: in the initramfs, every VM would pay for them. Nothing is set up
 * before the host's first call.
 */
final class ModuleWishes {
  /** A path that no container has: some programs execute what the kernel would. */
  static final String HELPER = "/casemate-modprobe";

  private static final String MODPROBE = "/proc/sys/kernel/modprobe";
  private static final int NAME_LIMIT = 127;
  private static final int WAITING_LIMIT = 64;

  private final Loop loop;
  private final KernelModules modules;
  private final Console console;
  private final List<Wish> wishes = new ArrayList<>();
  private Optional<Fd> listener = Optional.empty();
  private Optional<Answer> host = Optional.empty();

  /** A helper that waits. */
  private static final class Wish {
    private final Fd helper;
    private String name = "";
    private boolean told;

    Wish(Fd helper) {
      this.helper = helper;
    }
  }

  ModuleWishes(Loop loop, KernelModules modules, Console console) {
    this.loop = loop;
    this.modules = modules;
    this.console = console;
  }

  void handle(SupplyModulesRequest request, Answer answer) {
    for (SuppliedModule module : request.modules()) {
      try {
        modules.loadGiven(module.name(), module.content());
      } catch (LinuxException e) {
        console.warn("cannot load module " + module.name(), e);
      }
    }
    begin();
    String answered = request.wish();
    if (!answered.isEmpty()) {
      for (Wish wish : List.copyOf(wishes)) {
        if (wish.told && wish.name.equals(answered)) {
          drop(wish);
        }
      }
    }
    if (request.next()) {
      // The host has one call of this at a time; one that it has given up is not answered.
      host = Optional.of(answer);
      tell();
    } else {
      answer.ok(ModuleWish.builder().build());
    }
  }

  private void begin() {
    if (listener.isPresent()) {
      return;
    }
    Fd socket = UnixSocket.listen(ModuleHelper.SOCKET, WAITING_LIMIT);
    socket.nonBlocking(true);
    listener = Optional.of(socket);
    FileContent.write(HELPER, ModuleHelper.image(), 0700);
    loop.watch(socket, Epoll.IN, events -> accept(socket));
    FileContent.writeControl(MODPROBE, HELPER);
  }

  private void accept(Fd socket) {
    Fd helper = UnixSocket.accept(socket);
    if (wishes.size() >= WAITING_LIMIT) {
      helper.close();
      return;
    }
    helper.nonBlocking(true);
    Wish wish = new Wish(helper);
    wishes.add(wish);
    loop.watch(helper, Epoll.IN, events -> read(wish));
  }

  private void read(Wish wish) {
    byte[] bytes = new byte[NAME_LIMIT + 1];
    int n = wish.helper.read(bytes, 0, bytes.length);
    if (n == Fd.WOULD_BLOCK) {
      return;
    }
    String name = n <= 0 ? "" : new String(bytes, 0, n, StandardCharsets.ISO_8859_1);
    if (!wish.name.isEmpty() || !isWish(name)) {
      // It waits no longer, or is not the kernel's.
      drop(wish);
      return;
    }
    wish.name = name;
    tell();
  }

  /** Whether a text can be a module's name or alias. */
  static boolean isWish(String text) {
    boolean good = !text.isEmpty() && text.length() <= NAME_LIMIT;
    for (int i = 0; good && i < text.length(); i++) {
      good = text.charAt(i) > ' ' && text.charAt(i) < 0x7f;
    }
    return good;
  }

  private void drop(Wish wish) {
    wishes.remove(wish);
    loop.forget(wish.helper);
    wish.helper.close();
  }

  /** Tells the host, if it listens, what is asked for and has not been told yet. */
  private void tell() {
    if (host.filter(Answer::isWanted).isEmpty()) {
      return;
    }
    String name = "";
    for (Wish wish : wishes) {
      if (!wish.told && !wish.name.isEmpty() && (name.isEmpty() || wish.name.equals(name))) {
        name = wish.name;
        wish.told = true;
      }
    }
    if (!name.isEmpty()) {
      Answer answer = host.get();
      host = Optional.empty();
      answer.ok(ModuleWish.builder().name(name).build());
    }
  }
}
