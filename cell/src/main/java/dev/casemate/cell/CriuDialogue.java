package dev.casemate.cell;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.CriuOptions;
import java.util.List;
import java.util.Optional;

/**
 * Our side of the talk with a criu that serves one request ({@code criu swrk}): it is asked, tells
 * how it gets on, waits each time until it may go on, and answers.
 */
final class CriuDialogue implements AutoCloseable {
  private static final int ANSWER_LIMIT = 64 * 1024;

  /** The notification that brings a terminal's other end. */
  private static final String TERMINAL = "orphan-pts-master";

  private final Fd socket;
  private Optional<Fd> terminal = Optional.empty();

  CriuDialogue(Fd socket) {
    this.socket = socket;
  }

  /**
   * Sends the directories, before criu is executed in the same process: it wants them as
   * descriptors of the one that asks, but of its own mount namespace, for it mounts there.
   */
  static void open(Fd socket, CriuOptions options) {
    try (Fd images = directory(options.images());
        Fd work = directory(options.logDirectory())) {
      UnixSocket.sendDescriptors(socket, List.of(images, work));
    }
  }

  private static Fd directory(String path) {
    return Fs.open(path, OpenFlag.PATH | OpenFlag.DIRECTORY);
  }

  /** Asks; empty if criu has ended without an answer. */
  Optional<CriuAnswer> ask(CriuRequest request) {
    List<Fd> directories = UnixSocket.receiveDescriptors(socket).orElse(List.of());
    try {
      if (directories.size() != 2) {
        return Optional.empty();
      }
      send(request.bytes(directories.get(0), directories.get(1)));
      return follow();
    } finally {
      for (Fd directory : directories) {
        directory.close();
      }
    }
  }

  private Optional<CriuAnswer> follow() {
    while (true) {
      Optional<UnixSocket.Message> message = UnixSocket.receive(socket, ANSWER_LIMIT);
      if (message.isEmpty()) {
        return Optional.empty();
      }
      CriuAnswer answer = CriuAnswer.decode(message.get().bytes());
      for (Fd fd : message.get().descriptors()) {
        if (answer.script().equals(TERMINAL) && terminal.isEmpty()) {
          terminal = Optional.of(fd);
        } else {
          fd.close();
        }
      }
      if (answer.type() != CriuRequest.NOTIFY) {
        return Optional.of(answer);
      }
      send(CriuRequest.goOn());
    }
  }

  /** One that has ended says why in its log. */
  private void send(byte[] message) {
    try {
      socket.write(message, 0, message.length);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPIPE && e.errno() != Errno.ECONNRESET) {
        throw e;
      }
    }
  }

  /** The other end of the restored process's terminal, now the caller's to close. */
  Optional<Fd> takeTerminal() {
    Optional<Fd> taken = terminal;
    terminal = Optional.empty();
    return taken;
  }

  void hangUp() {
    socket.close();
  }

  @Override
  public void close() {
    hangUp();
    takeTerminal().ifPresent(Fd::close);
  }
}
