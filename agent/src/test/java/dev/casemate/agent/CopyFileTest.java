package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.LinuxException;
import dev.casemate.protocol.agent.CopyFileRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class CopyFileTest {
  @TempDir Path directory;
  private String files = "";

  @BeforeEach
  void makeFiles() throws IOException {
    files = Files.createDirectory(directory.resolve("files")).toString();
  }

  private CopyFileRequest.Builder file(String path, String data) {
    return CopyFileRequest.builder()
        .path(files + path)
        .fileMode(0100640)
        .dirMode(0750)
        .fileSize(data.length())
        .data(data.getBytes(java.nio.charset.StandardCharsets.UTF_8))
        .uid(1000)
        .gid(1001);
  }

  @Test
  void writesAFileInPieces() throws IOException {
    Path target = Path.of(files, "a/b/resolv.conf");
    CopyFile.write(files, file("/a/b/resolv.conf", "name").fileSize(9).build());
    assertThat(target).doesNotExist();
    CopyFile.write(files, file("/a/b/resolv.conf", "serve").fileSize(9).offset(4).build());
    assertThat(target).hasContent("nameserve");
    assertThat(Files.getPosixFilePermissions(target))
        .isEqualTo(PosixFilePermissions.fromString("rw-r-----"));
    assertThat(Files.getAttribute(target, "unix:uid")).isEqualTo(1000);
    assertThat(Files.getAttribute(target, "unix:gid")).isEqualTo(1001);
    assertThat(Files.getPosixFilePermissions(target.getParent()))
        .isEqualTo(PosixFilePermissions.fromString("rwxr-x---"));
  }

  @Test
  void replacesWhatIsThere() throws IOException {
    CopyFile.write(files, file("/f", "old content").build());
    Object inode = Files.getAttribute(Path.of(files, "f"), "unix:ino");
    CopyFile.write(files, file("/f", "new").build());
    assertThat(Path.of(files, "f")).hasContent("new");
    assertThat(Files.getAttribute(Path.of(files, "f"), "unix:ino"))
        .as("a container has it mounted")
        .isEqualTo(inode);
    CopyFile.write(files, file("/empty", "").build());
    assertThat(Path.of(files, "empty")).isEmptyFile();
  }

  @Test
  void makesDirectoriesAndLinks() throws IOException {
    CopyFile.write(files, file("/d", "").fileMode(0040711).build());
    assertThat(Files.getPosixFilePermissions(Path.of(files, "d")))
        .isEqualTo(PosixFilePermissions.fromString("rwx--x--x"));
    CopyFile.write(files, file("/d/link", "../target").fileMode(0120777).build());
    assertThat(Files.readSymbolicLink(Path.of(files, "d/link"))).isEqualTo(Path.of("../target"));
    assertThat(Files.getAttribute(Path.of(files, "d/link"), "unix:uid", LinkOption.NOFOLLOW_LINKS))
        .isEqualTo(1000);
  }

  @Test
  void doesNotFollowALinkThatAContainerHasMade() throws IOException {
    Path outside = Files.createDirectory(directory.resolve("outside"));
    Files.createSymbolicLink(Path.of(files, "evil"), outside);
    Files.createSymbolicLink(Path.of(files, "f.casemate-part"), outside.resolve("victim"));
    assertThatThrownBy(() -> CopyFile.write(files, file("/evil/f", "x").build()))
        .isInstanceOf(LinuxException.class);
    CopyFile.write(files, file("/f", "x").build());
    assertThat(outside).isEmptyDirectory();
    assertThat(Path.of(files, "f")).hasContent("x").isRegularFile();
  }

  @Test
  void staysBelowItsDirectory() {
    for (String path : new String[] {"", "/", "/../x", "/a/../../x", "/./x"}) {
      assertThatThrownBy(() -> CopyFile.write(files, file(path, "x").build()))
          .isInstanceOf(CasemateException.class);
    }
    assertThatThrownBy(() -> CopyFile.components(files, "/etc/passwd"))
        .isInstanceOf(CasemateException.class);
    assertThatThrownBy(() -> CopyFile.components(files, files + "x/y"))
        .isInstanceOf(CasemateException.class);
  }

  @Test
  void refusesSizesThatDoNotFit() {
    assertThatThrownBy(() -> CopyFile.write(files, file("/f", "abc").fileSize(2).build()))
        .isInstanceOf(CasemateException.class);
    assertThatThrownBy(
            () -> CopyFile.write(files, file("/f", "abc").offset(Long.MAX_VALUE).build()))
        .isInstanceOf(CasemateException.class);
    assertThatThrownBy(() -> CopyFile.write(files, file("/f", "abc").offset(-1).build()))
        .isInstanceOf(CasemateException.class);
    assertThatThrownBy(() -> CopyFile.write(files, file("/f", "").fileMode(0020666).build()))
        .isInstanceOf(CasemateException.class);
  }
}
