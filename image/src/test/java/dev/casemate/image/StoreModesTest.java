package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
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
        "setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '" + command + "' 2>&1 || true");
  }

  @Test
  void keepsOtherUsersOut() {
    assertThat(Shell.run("find " + root + OPEN)).isEmpty();
    assertThat(Shell.run("find " + root + " -name \\*.erofs -o -name \\*.json")).isNotEmpty();
    assertThat(asNobody("ls " + root + "/erofs " + root + "/images"))
        .contains("Permission denied")
        .doesNotContain(".erofs");
    String erofs = resolve().erofs().orElseThrow().path();
    assertThat(asNobody("head -c 4 " + erofs)).contains("Permission denied");
    // The state directory itself stays passable: a jailed VMM reads the guest's kernel there.
    assertThat(asNobody("ls " + temp + "/state")).contains("images");
  }

  @Test
  void keepsOtherUsersOutWhateverTheUmask() throws Exception {
    root = temp + "/second/images";
    StoreProcess.output(StoreProcess.start(root, "oci:" + temp + "/layout:v1"));
    assertThat(Shell.run("find " + root + OPEN)).isEmpty();
    assertThat(asNobody("ls " + root)).contains("Permission denied");
  }

  @Test
  void closesTheStoreOfAnOlderVersion() {
    Shell.run(
        "cd "
            + root
            + " && chmod 0711 . && chmod -R u=rwX,go=rX refs images erofs && chmod 0755 blobs");
    assertThat(asNobody("ls " + root + "/erofs")).contains(".erofs");
    resolve();
    assertThat(Shell.run("find " + root + OPEN)).isEmpty();
    assertThat(asNobody("ls " + root + "/erofs")).contains("Permission denied");
  }
}
