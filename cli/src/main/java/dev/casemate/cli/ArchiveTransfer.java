package dev.casemate.cli;

import dev.casemate.archive.FdInputStream;
import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.PlainText;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Signals;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import dev.casemate.sandbox.Stdio;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Tar streams into and out of a container. */
final class ArchiveTransfer {
  private static final int MESSAGE_LIMIT = 8 * 1024;

  private final SandboxClient client;
  private final String sandboxDirectory;
  private volatile Optional<Transfer> current = Optional.empty();

  ArchiveTransfer(SandboxClient client, String sandboxDirectory) {
    this.client = client;
    this.sandboxDirectory = sandboxDirectory;
  }

  /** Ends the guest's side of a stream that is no longer wanted; called by another thread. */
  void abort() {
    current.ifPresent(Transfer::forget);
  }

  /** Whether a path in the container is a directory; empty if there is nothing. */
  Optional<Boolean> isDirectory(String path) {
    try (Transfer transfer = new Transfer()) {
      ArchiveResponse response = transfer.start(path, false, true);
      transfer.kill();
      return Optional.of(response.directory());
    } catch (CasemateException e) {
      if (e.kind() == Kind.NOT_FOUND || String.valueOf(e.getMessage()).contains("(ENOENT)")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  Download download(String path, boolean follow) {
    Transfer transfer = new Transfer();
    try {
      return new Download(transfer, transfer.start(path, false, follow).directory());
    } catch (RuntimeException e) {
      transfer.close();
      throw e;
    }
  }

  /** A stream that is unpacked into a directory of the container. */
  Upload upload(String directory) {
    Transfer transfer = new Transfer();
    try {
      transfer.start(directory, true, true);
      return new Upload(transfer, transfer.writing.orElseThrow());
    } catch (RuntimeException e) {
      transfer.close();
      throw e;
    }
  }

  /** One stream with its FIFOs. */
  private final class Transfer implements AutoCloseable {
    private static final String STDIN = "stdin";

    private final String execId = "cp-" + Machine.randomHex(8);
    private final String directory = sandboxDirectory + "/io-" + Machine.randomHex(8);
    private final Fd input;
    private final Fd output;
    private final Fd errors;
    private Optional<Fd> writing = Optional.empty();
    private volatile boolean running;

    Transfer() {
      Fs.makeDirectory(directory, 0700);
      input = fifo(STDIN, OpenFlag.READ_WRITE);
      output = fifo("stdout", OpenFlag.READ_ONLY);
      errors = fifo("stderr", OpenFlag.READ_ONLY);
      current = Optional.of(this);
    }

    private Fd fifo(String name, int mode) {
      Fs.makeFifo(directory + "/" + name, 0600);
      return Fs.open(directory + "/" + name, mode | OpenFlag.NON_BLOCK);
    }

    ArchiveResponse start(String path, boolean extract, boolean follow) {
      ArchiveRequest request =
          ArchiveRequest.builder()
              .execId(execId)
              .containerId(client.id())
              .path(path)
              .extract(extract)
              .followLink(follow)
              .build();
      Stdio stdio =
          new Stdio(
              extract ? directory + "/" + STDIN : "",
              directory + "/stdout",
              directory + "/stderr",
              false);
      writing = extract ? Optional.of(openInput()) : Optional.empty();
      ArchiveResponse response = client.startArchive(request, stdio);
      running = true;
      // Both sides have them open: without names nothing can be left of them.
      FileTree.removeTree(directory);
      input.close();
      output.nonBlocking(false);
      errors.nonBlocking(false);
      return response;
    }

    /**
     * A writing end that notices when the reader has gone: our first one keeps the FIFO open both
     * ways.
     */
    private Fd openInput() {
      Fd fd = Fs.open(directory + "/" + STDIN, OpenFlag.WRITE_ONLY | OpenFlag.NON_BLOCK);
      fd.nonBlocking(false);
      return fd;
    }

    void kill() {
      try {
        client.kill(execId, Signals.KILL, false);
        client.await(execId);
      } catch (CasemateException ended) {
        // It was quicker than the signal.
      }
    }

    /** Waits for the end and turns a failure into what the guest said of it. */
    void finish() {
      int status = client.await(execId);
      if (status != 0) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "cp: the process in the container failed: " + PlainText.line(message().strip(), 500));
      }
    }

    /** What is there of it: a guest could keep the stream open, or send without end. */
    private String message() {
      errors.nonBlocking(true);
      byte[] message = new byte[MESSAGE_LIMIT];
      int length = 0;
      int n = errors.read(message, 0, MESSAGE_LIMIT);
      while (n > 0) {
        length += n;
        n = length < MESSAGE_LIMIT ? errors.read(message, length, MESSAGE_LIMIT - length) : 0;
      }
      return new String(message, 0, length, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
      current = Optional.empty();
      input.close();
      writing.ifPresent(Fd::close);
      output.close();
      errors.close();
      forget();
      FileTree.removeTree(directory);
    }

    void forget() {
      if (!running) {
        return;
      }
      kill();
      try {
        client.delete(execId);
      } catch (CasemateException gone) {
        // The sandbox has ended: nothing is left to forget.
      }
    }
  }

  /** A tar stream out of the container. */
  static final class Download implements AutoCloseable {
    private final Transfer transfer;
    private final boolean directory;
    private final FdInputStream stream;

    private Download(Transfer transfer, boolean directory) {
      this.transfer = transfer;
      this.directory = directory;
      this.stream = new FdInputStream(transfer.output);
    }

    boolean directory() {
      return directory;
    }

    FdInputStream stream() {
      return stream;
    }

    void finish() {
      transfer.finish();
    }

    @Override
    public void close() {
      transfer.close();
    }
  }

  /** A tar stream into the container. */
  static final class Upload extends OutputStream {
    private final Transfer transfer;
    private final Fd input;

    private Upload(Transfer transfer, Fd input) {
      this.transfer = transfer;
      this.input = input;
    }

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    /**
     * Sends a piece.
     *
     * @throws CasemateException with the container's reason if its side has stopped to read
     */
    @Override
    public void write(byte[] bytes, int offset, int length) {
      try {
        input.writeAll(bytes, offset, length);
      } catch (LinuxException e) {
        if (e.errno() != Errno.EPIPE) {
          throw e;
        }
        finish();
        throw CasemateException.of(
            Kind.CORRUPT, "cp: the process in the container ended before it had read all data", e);
      }
    }

    void finish() {
      input.close();
      transfer.finish();
    }

    @Override
    public void close() {
      input.close();
      transfer.close();
    }
  }
}
