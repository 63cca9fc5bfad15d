package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Signals;
import dev.casemate.protocol.casemate.ArchiveResponse;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * {@code casemate cp CONTAINER:FILE DIRECTORY} from guests that send another archive than asked
 * for: all that can change on the host is that file in that directory.
 */
class HostileCopyTest extends HostileGuestCases {
  private static final char FILE = '0';
  private static final char HARD_LINK = '1';
  private static final char LINK = '2';
  private static final char CHARACTER_DEVICE = '3';
  private static final char DIRECTORY = '5';
  private static final char FIFO = '6';
  private static final String EVIL = "evil\n";

  /** The rest of a process that has sent all that it is to send. */
  private static final String SENT =
      "\nReadStderr~cp- ok -\nWaitProcess~cp- ok -\nCloseStdin~cp- ok -\nSignalProcess~cp- ok -";

  private static HostileGuest guest;
  private static Path home;

  private final ByteArrayOutputStream tar = new ByteArrayOutputStream();

  @BeforeAll
  static void start() throws IOException {
    guest = HostileGuest.start("sender", "");
    home = EndToEnd.files("home");
    EndToEnd.write(home.resolve(".bashrc"), "honest\n");
    Files.createDirectories(home.resolve(".ssh"));
    EndToEnd.write(home.resolve(".ssh/authorized_keys"), "honest\n");
    EndToEnd.write(home.resolve("../of-the-parent"), "honest\n");
  }

  @AfterAll
  static void stop() {
    guest.close();
  }

  /** An entry in the format "ustar" (POSIX.1-1988), whatever it says. */
  private HostileCopyTest entry(String name, char type, String target, String content) {
    byte[] header = new byte[512];
    byte[] data = content.getBytes(StandardCharsets.UTF_8);
    put(header, 0, name);
    put(header, 100, "0006777");
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, 124, String.format("%011o", data.length));
    put(header, 136, "00000000000");
    header[156] = (byte) type;
    put(header, 157, target);
    put(header, 257, "ustar\00000");
    put(header, 329, "0000001");
    put(header, 337, "0000005");
    put(header, 148, "        ");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    put(header, 148, String.format("%06o\0", sum));
    tar.writeBytes(header);
    tar.writeBytes(data);
    tar.writeBytes(new byte[-data.length & 511]);
    return this;
  }

  private static void put(byte[] to, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, to, at, bytes.length);
  }

  private byte[] finished() {
    tar.writeBytes(new byte[1024]);
    return tar.toByteArray();
  }

  /** Everything around the file that is asked for, and what is in it. */
  private static Map<String, String> around() {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(home)) {
      for (Path path : paths.toList()) {
        if (!path.startsWith(home.resolve("os-release"))) {
          boolean file = Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS);
          all.put(path.toString(), file ? EndToEnd.read(path) : "");
        }
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    all.put("parent", EndToEnd.read(home.resolve("../of-the-parent")));
    return all;
  }

  /** Announced as a file. */
  private Result copy() {
    return copy("-", finished());
  }

  private Result copyDirectory() {
    ArchiveResponse announced = ArchiveResponse.builder().directory(true).build();
    return copy(HostileGuest.base64(announced.encode()), finished());
  }

  private static Result copy(String announced, byte[] archive) {
    String content = HostileGuest.base64(archive);
    return copy(
        "StartArchive ok "
            + announced
            + "\nReadStdout~cp- stream "
            + content
            + " "
            + archive.length);
  }

  private static Result copy(String roles) {
    Shell.run("rm -rf --one-file-system '" + home.resolve("os-release") + "'");
    Map<String, String> expected = around();
    guest.play(roles + SENT);
    Result result =
        Casemate.call("cp", guest.name() + ":/etc/passwd", home.resolve("os-release").toString())
            .timeout(90)
            .run();
    HostileGuest.assertPrintable(result);
    assertThat(around()).as(result.toString()).isEqualTo(expected);
    return result;
  }

  @Test
  void anHonestArchiveIsTaken() {
    entry("passwd", FILE, "", "honest\n").copy().expect(0);
    assertThat(home.resolve("os-release")).hasContent("honest\n");
  }

  @Test
  void aLinkToTheDirectoryAndFilesBehindIt() {
    entry("passwd", LINK, ".", "");
    entry("passwd/.bashrc", FILE, "", EVIL);
    entry("passwd/.ssh/authorized_keys", FILE, "", EVIL);
    HostileGuest.assertFails(copy());
  }

  @Test
  void aDirectoryWithALinkAndFilesBehindIt() {
    entry("passwd", DIRECTORY, "", "");
    entry("passwd/x", LINK, "..", "");
    entry("passwd/x/.bashrc", FILE, "", EVIL);
    HostileGuest.assertFails(copyDirectory());
  }

  @Test
  void namesThatLeadUpAndAway() {
    HostileGuest.assertFails(entry("../.bashrc", FILE, "", EVIL).copy());
    tar.reset();
    HostileGuest.assertFails(entry("passwd/../.bashrc", FILE, "", EVIL).copy());
    tar.reset();
    entry(home.resolve(".bashrc").toString(), FILE, "", EVIL).copy();
  }

  @Test
  void hardLinksToWhatIsThere() {
    entry("passwd", HARD_LINK, ".bashrc", "").entry("passwd", FILE, "", EVIL).copy();
    tar.reset();
    entry("passwd", HARD_LINK, home.resolve(".bashrc").toString(), "");
    entry("passwd", FILE, "", EVIL).copy();
  }

  @Test
  void moreThanWasAskedFor() {
    entry("passwd", FILE, "", "honest\n");
    entry(".bashrc", FILE, "", EVIL);
    HostileGuest.assertFails(copy());
  }

  @Test
  void devicesAndPipes() throws IOException {
    entry("passwd", CHARACTER_DEVICE, "", "").copy();
    assertThat(home.resolve("os-release")).doesNotExist();
    tar.reset();
    entry("passwd", FIFO, "", "").copy();
    assertThat(Files.isRegularFile(home.resolve("os-release"))).isFalse();
  }

  @Test
  void setIdBitsAreNotTaken() throws IOException {
    entry("passwd", FILE, "", "x").copy().expect(0);
    int mode = (int) Files.getAttribute(home.resolve("os-release"), "unix:mode");
    assertThat(mode & 06000).isZero();
  }

  @Test
  void namesWithEscapes() {
    entry("passwd", DIRECTORY, "", "");
    entry("passwd/\033]0;title\007\033[2Jx\u009b", CHARACTER_DEVICE, "", "");
    entry("passwd/\033[2Jx", FIFO, "", "");
    assertThat(copyDirectory().err()).contains("title");
  }

  @Test
  void whatIsNoArchiveAndWhatIsCutShort() {
    HostileGuest.assertFails(
        copy("-", "no archive at all ".repeat(100).getBytes(StandardCharsets.UTF_8)));
    entry("passwd", FILE, "", "x".repeat(600));
    byte[] cut = new byte[700];
    System.arraycopy(tar.toByteArray(), 0, cut, 0, cut.length);
    HostileGuest.assertFails(copy("-", cut));
  }

  @Test
  void anAnswerThatIsNone() {
    HostileGuest.assertFails(
        copy("StartArchive ok ////"), "answered StartArchive with a malformed message");
  }

  @Test
  void anArchiveWithoutEndIsGivenUpAndLeavesNothing() {
    entry("passwd", DIRECTORY, "", "");
    entry("passwd/again", DIRECTORY, "", "");
    String content = HostileGuest.base64(tar.toByteArray());
    Shell.run("rm -rf --one-file-system '" + home.resolve("os-release") + "'");
    Map<String, String> expected = around();
    guest.play("StartArchive ok CAE=\nReadStdout~cp- stream " + content + " -1" + SENT);
    try (Running endless =
        Casemate.call("cp", guest.name() + ":/etc/passwd", home.resolve("os-release").toString())
            .start()) {
      endless.ended(1_500);
      endless.signal(Signals.INT);
      assertThat(endless.await(60).exit()).isNotZero();
    }
    assertThat(around()).isEqualTo(expected);
  }
}
