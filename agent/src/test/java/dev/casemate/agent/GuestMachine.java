package dev.casemate.agent;

import dev.casemate.protocol.agent.AgentService;
import dev.casemate.rpc.Channel;
import dev.casemate.rpc.ProtoMessage;
import dev.casemate.rpc.TtrpcClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A virtual machine with the agent in it, for {@link AgentHarness}: QEMU without KVM. */
final class GuestMachine implements AutoCloseable {
  private final Process qemu;
  private final Path socket;
  final Path console;
  final long startNanos = System.nanoTime();

  GuestMachine(Path directory, String kernel, String initramfs, String append, String... devices)
      throws IOException {
    socket = directory.resolve("agent.sock");
    console = directory.resolve("console.log");
    Files.deleteIfExists(socket);
    List<String> command =
        new ArrayList<>(
            List.of(
                "qemu-system-x86_64",
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-no-reboot",
                "-M",
                "q35,accel=tcg",
                "-cpu",
                "max",
                "-smp",
                "1,maxcpus=2,sockets=2",
                "-m",
                "256",
                "-bios",
                "qboot.rom",
                "-kernel",
                kernel,
                "-initrd",
                initramfs,
                "-append",
                "console=ttyS0 quiet panic=-1 cryptomgr.notests " + append,
                "-serial",
                "file:" + console,
                "-qmp",
                "unix:" + directory.resolve("qmp.sock") + ",server=on,wait=off",
                "-device",
                "virtio-serial-pci,addr=0x4",
                "-chardev",
                "socket,id=agent,path=" + socket + ",server=on,wait=off",
                "-device",
                "virtserialport,chardev=agent,name=dev.casemate.agent",
                "-device",
                "pcie-root-port,id=rp0,addr=0x2,chassis=1"));
    command.addAll(List.of(devices));
    qemu =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("qemu.log").toFile())
            .start();
  }

  long pid() {
    return qemu.pid();
  }

  boolean waitForEnd(int seconds) throws InterruptedException {
    return qemu.waitFor(seconds, TimeUnit.SECONDS);
  }

  double seconds() {
    return (System.nanoTime() - startNanos) / 1e9;
  }

  /** Connects to the agent's port; the agent answers once it runs. */
  Client connect() throws IOException, InterruptedException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    for (int i = 0; ; i++) {
      try {
        channel.connect(UnixDomainSocketAddress.of(socket));
        break;
      } catch (IOException e) {
        if (i > 200 || !qemu.isAlive()) {
          throw e;
        }
        channel.close();
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        Thread.sleep(20);
      }
    }
    return new Client(new TtrpcClient(new SocketPort(channel), "the agent"));
  }

  @Override
  public void close() {
    qemu.destroyForcibly();
  }

  /** Calls of the agent. */
  record Client(TtrpcClient rpc) implements AutoCloseable {
    byte[] call(String method, ProtoMessage request) {
      return rpc.call(AgentService.NAME, method, request.encode(), 20_000);
    }

    byte[] call(String service, String method, ProtoMessage request, long timeoutMillis) {
      return rpc.call(service, method, request.encode(), timeoutMillis);
    }

    @Override
    public void close() {
      rpc.close();
    }
  }

  private record SocketPort(SocketChannel socket) implements Channel {
    @Override
    public int read(byte[] b, int off, int len) {
      try {
        return socket.read(ByteBuffer.wrap(b, off, len));
      } catch (java.nio.channels.ClosedChannelException e) {
        return -1;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void write(byte[] b, int off, int len) {
      try {
        ByteBuffer buffer = ByteBuffer.wrap(b, off, len);
        while (buffer.hasRemaining()) {
          socket.write(buffer);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
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
