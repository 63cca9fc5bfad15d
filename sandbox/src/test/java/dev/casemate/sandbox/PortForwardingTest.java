package dev.casemate.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.InetSocket;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Loopback;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.Poll;
import dev.casemate.linux.UnixSocket;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Callers of port-forward that go away in every way, and a guest that does not help. */
@Timeout(120)
@Tag("root")
class PortForwardingTest {
  private static final IpAddress LOCALHOST = IpAddress.parse("127.0.0.1");
  private static final int PORT = 8080;
  private static final int AT_ONCE = 32;
  private static final int SHUTDOWN_WRITE = 1;

  @TempDir Path directory;
  private final ScriptedGuest guest = new ScriptedGuest();
  private final List<String> containers = new CopyOnWriteArrayList<>(List.of("pause", "app"));
  private final List<String> warnings = new CopyOnWriteArrayList<>();
  private String netns = "";
  private List<PortForwarding> forwarding = List.of();

  @BeforeEach
  void start() {
    netns = directory.resolve("netns").toString();
    NetworkNamespace.create(
        netns,
        () -> {
          Loopback.up();
          // How long the kernel remembers the ends of those who have gone, in seconds.
          return Files.writeString(Path.of("/proc/sys/net/ipv4/tcp_fin_timeout"), "1");
        });
    forwarding =
        List.of(
            PortForwarding.start(
                netns, guest.agent, () -> List.copyOf(containers), warnings::add, 1));
  }

  @AfterEach
  void end() {
    forwarding.forEach(PortForwarding::close);
    guest.close();
    NetworkNamespace.destroy(netns);
    assertThat(warnings).isEmpty();
  }

  private Fd connect() {
    return NetworkNamespace.run(netns, () -> InetSocket.connect(LOCALHOST, PORT, 5_000));
  }

  private ScriptedGuest.Relay relay(int number) {
    return guest.relay("casemate-forward-" + number);
  }

  private static void write(Fd fd, String text) {
    fd.writeAll(text.getBytes(UTF_8));
  }

  private static String read(Fd fd) {
    byte[] bytes = new byte[100];
    assertThat(Poll.await(fd, Poll.IN, 10_000)).isNotZero();
    int n = fd.read(bytes, 0, bytes.length);
    return new String(bytes, 0, Math.max(0, n), UTF_8);
  }

  /** Whether a new connection gets through to the guest; else it is reset. */
  private boolean works() {
    Set<ScriptedGuest.Relay> before = Set.copyOf(started());
    try (Fd socket = connect()) {
      write(socket, "anybody?");
      for (int i = 0; i < 100; i++) {
        for (ScriptedGuest.Relay relay : started()) {
          if (!before.contains(relay)) {
            relay.output.add("yes".getBytes(UTF_8));
            return read(socket).equals("yes");
          }
        }
        TimeUnit.MILLISECONDS.sleep(5);
      }
      return false;
    } catch (LinuxException e) {
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private List<ScriptedGuest.Relay> started() {
    return guest.relays.values().stream().filter(r -> !r.container.isEmpty()).toList();
  }

  private List<Fd> takeAllPlaces() throws Exception {
    List<Fd> sockets = new ArrayList<>();
    for (int i = 1; i <= AT_ONCE; i++) {
      Fd socket = connect();
      sockets.add(socket);
      write(socket, "x");
      int taken = i;
      Wait.until(20, "relay " + i, () -> started().size() >= taken);
    }
    assertThat(works()).isFalse();
    return sockets;
  }

  private void assertPlacesComeBack(int seconds) throws Exception {
    Wait.until(seconds, "a free place", this::works);
  }

  @Test
  void bothDirectionsEndEachForItself() throws Exception {
    try (Fd socket = connect()) {
      write(socket, "question");
      UnixSocket.shutdown(socket, SHUTDOWN_WRITE);
      assertThat(relay(1).input.take()).isEqualTo("question".getBytes(UTF_8));
      assertThat(relay(1).input.take()).isEmpty();
      // Longer than it takes to find out who has gone: this one has not.
      TimeUnit.SECONDS.sleep(4);
      relay(1).output.add("answer".getBytes(UTF_8));
      relay(1).output.add(ScriptedGuest.END);
      assertThat(read(socket)).isEqualTo("answer");
      assertThat(read(socket)).isEmpty();
    }
    assertThat(relay(1).container).isEqualTo("pause");
  }

  @Test
  void callersThatHaveGoneGiveTheirPlacesBack() throws Exception {
    for (Fd socket : takeAllPlaces()) {
      socket.close();
    }
    assertPlacesComeBack(20);
  }

  @Test
  void evenIfTheGuestDoesNotEndTheRelay() throws Exception {
    guest.deaf = true;
    for (Fd socket : takeAllPlaces()) {
      socket.close();
    }
    assertPlacesComeBack(40);
  }

  @Test
  void aContainerThatIsBeingDeletedIsPassedOver() throws Exception {
    guest.gone.add("pause");
    assertThat(works()).isTrue();
    assertThat(started()).extracting(relay -> relay.container).containsExactly("app");
    containers.clear();
    assertThat(works()).isFalse();
    containers.add("other");
    assertThat(works()).isTrue();
    assertThat(started())
        .extracting(relay -> relay.container)
        .containsExactlyInAnyOrder("app", "other");
  }

  @Test
  void aGuestThatSendsWithoutEndFillsNothing() throws Exception {
    try (Fd socket = connect()) {
      write(socket, "x");
      assertThat(relay(1).input.take()).hasSize(1);
      byte[] piece = new byte[32 << 10];
      for (int i = 0; i < 10_000; i++) {
        relay(1).output.add(piece);
      }
      TimeUnit.MILLISECONDS.sleep(1000);
      // What the two sockets hold, and a piece on its way.
      assertThat(relay(1).output.size()).isGreaterThan(8_500);
    }
    assertPlacesComeBack(20);
    assertThat(Fs.exists(netns)).isTrue();
  }
}
