package dev.casemate.rpc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Two ends of a connected AF_UNIX socket. */
final class SocketPair implements AutoCloseable {
  final End client;
  final End server;

  SocketPair() {
    try {
      Path directory = Files.createTempDirectory("rpc-test");
      Path path = directory.resolve("socket");
      try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
        listener.bind(UnixDomainSocketAddress.of(path));
        client = new End(SocketChannel.open(UnixDomainSocketAddress.of(path)));
        server = new End(listener.accept());
      }
      Files.delete(path);
      Files.delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    server.close();
    client.close();
  }

  /** One end as a channel. */
  static final class End implements Channel {
    final SocketChannel socket;
    private volatile int longestWrite;

    End(SocketChannel socket) {
      this.socket = socket;
    }

    @Override
    public int read(byte[] b, int off, int len) {
      try {
        return socket.read(ByteBuffer.wrap(b, off, len));
      } catch (ClosedChannelException e) {
        return -1;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void write(byte[] b, int off, int len) {
      longestWrite = Math.max(longestWrite, len);
      ByteBuffer buffer = ByteBuffer.wrap(b, off, len);
      try {
        while (buffer.hasRemaining()) {
          socket.write(buffer);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** The longest single write so far, in bytes. */
    int longestWrite() {
      return longestWrite;
    }

    @Override
    public void close() {
      try {
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
