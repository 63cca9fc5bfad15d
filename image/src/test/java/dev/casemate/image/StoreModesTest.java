package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Capabilities;
import dev.casemate.testsupport.Shell;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Other users of the machine read nothing of the store. */
@Tag("root")
final class StoreModesTest {
  private static final String OPEN = " \\( -type d ! -perm 0700 -o -type f ! -perm 0600 \\) -print";

  @TempDir Path temp;
  private String root = "";

  @BeforeEach
  void pull() {
    // Without this, the test's own directory would keep others out.
    Shell.run("chmod 0755 " + temp);
    root = temp + "/state/images";
    new TestImage(temp + "/layout").layer(TestImage.tar("f secret s3cret")).tag("v1");
    resolve();
  }

  private Image resolve() {
    return new ImageStore(root, RegistryOptions.defaults(), Map.of())
        .resolve("oci:" + temp + "/layout:v1", PullPolicy.MISSING, PullProgress.NONE);
  }

  private static String asNobody(String command) {
    return Shell.run(
            "setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '"
                + command
                + "' 2>&1 || true")
        .out();
  }

  @Test
  void keepsOtherUsersOut() {
    assertThat(Shell.run("find " + root + OPEN).out()).isEmpty();
    assertThat(Shell.run("find " + root + " -name \\*.erofs -o -name \\*.json").out()).isNotEmpty();
    assertThat(asNobody("ls " + root + "/erofs " + root + "/images"))
        .contains("Permission denied")
        .doesNotContain(".erofs");
    String erofs = resolve().erofs().orElseThrow().path();
    assertThat(asNobody("head -c 4 " + erofs)).contains("Permission denied");
    // The state directory as well: a jailed VMM is given the guest's kernel by a bind mount.
    assertThat(asNobody("ls " + temp + "/state")).contains("Permission denied");
  }

  @Test
  void keepsOtherUsersOutWhateverTheUmask() throws Exception {
    root = temp + "/second/images";
    StoreProcess.output(StoreProcess.start(root, "oci:" + temp + "/layout:v1"));
    assertThat(Shell.run("find " + root + OPEN).out()).isEmpty();
    assertThat(asNobody("ls " + root)).contains("Permission denied");
  }

  @Test
  void closesTheStoreOfAnOlderVersion() {
    Shell.run(
        "cd "
            + root
            + " && chmod 0755 .. && chmod 0711 . && chmod -R u=rwX,go=rX refs images erofs && chmod"
            + " 0755 blobs");
    assertThat(asNobody("ls " + root + "/erofs")).contains(".erofs");
    resolve();
    assertThat(Shell.run("find " + root + OPEN).out()).isEmpty();
    assertThat(asNobody("ls " + root + "/erofs")).contains("Permission denied");
  }

  private final List<String> warnings = new ArrayList<>();

  private void open() {
    Shell.run("chmod 0711 " + root + " && chmod -R u=rwX,go=rX " + root + "/*");
  }

  private ImageStore warning(String where) {
    return new ImageStore(where, RegistryOptions.defaults(), Map.of(), warnings::add);
  }

  @Test
  void aReadOnlyStoreIsUsedAndTheWarningNamesAFileAndTheRemedy() {
    open();
    String mounted = temp + "/mounted";
    Shell.run(
        "mkdir "
            + mounted
            + " && mount --bind "
            + root
            + " "
            + mounted
            + " && mount -o remount,bind,ro "
            + mounted);
    try {
      assertThat(warning(mounted).list()).hasSize(1);
      assertThat(
              warning(mounted)
                  .resolve("oci:" + temp + "/layout:v1", PullPolicy.MISSING, PullProgress.NONE)
                  .erofs())
          .isPresent();
      assertThat(warnings)
          .hasSize(2)
          .allMatch(
              text ->
                  text.startsWith("image store " + mounted + " is open to other users")
                      && text.contains(mounted + "/refs")
                      && text.endsWith("or have the owner run: chmod 0700 " + mounted));
    } finally {
      Shell.run("umount " + mounted);
    }
  }

  /** Does something as a root that may not change what others own, on a thread of its own. */
  private static void withoutFowner(Runnable action) throws InterruptedException {
    List<Throwable> failures = new ArrayList<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                Capabilities.Sets sets = Capabilities.get();
                long fowner = 1L << Capabilities.number("CAP_FOWNER");
                Capabilities.set(
                    new Capabilities.Sets(
                        sets.effective() & ~fowner, sets.permitted(), sets.inheritable()));
                action.run();
              } catch (RuntimeException | Error e) {
                failures.add(e);
              }
            });
    thread.start();
    thread.join();
    assertThat(failures).isEmpty();
  }

  @Test
  void aForeignOwnersFileIsToldOfAndTheRestIsClosed() throws Exception {
    open();
    Shell.run("chown -R 65534 " + root + "/images");
    withoutFowner(() -> assertThat(warning(root).list()).hasSize(1));
    assertThat(warnings).hasSize(1);
    assertThat(warnings.getFirst())
        .startsWith("image store " + root + " is now closed to other users, but files in it are")
        .contains(root + "/images", " more)", "chmod go=");
    assertThat(Shell.run("find " + root + OPEN).out()).isNotEmpty().doesNotContain("erofs", "refs");
    // Closed by its own directory; nobody is told a second time.
    assertThat(asNobody("ls " + root + "/images")).contains("Permission denied");
    withoutFowner(() -> assertThat(warning(root).list()).hasSize(1));
    assertThat(warnings).hasSize(1);
  }

  @Test
  void aStoreThatIsAForeignOwnersAltogetherStaysUsable() throws Exception {
    open();
    Shell.run("chown -R 65534 " + root);
    withoutFowner(() -> assertThat(warning(root).list()).hasSize(1));
    assertThat(warnings).hasSize(1);
    assertThat(warnings.getFirst())
        .startsWith("image store " + root + " is open to other users of this machine")
        .endsWith("have the owner run: chmod 0700 " + root);
  }
}
