package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fs;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.Platform;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.TestRegistry;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Tests with a registry that holds two images, and stores to pull into. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("root")
abstract class RegistryCases {
  static final RegistryOptions QUICK = RegistryOptions.defaults().withRetries(4, 20, 5_000);

  @TempDir static Path temp;
  TestRegistry registry;
  String storage = "";
  String certificate = "";
  private final AtomicInteger stores = new AtomicInteger();

  @BeforeAll
  void start() {
    storage = temp + "/registry";
    Fs.makeDirectory(storage, 0755);
    registry = TestRegistry.start(storage, "", "");
    TestImage demo =
        new TestImage(temp + "/demo")
            .layer(TestImage.tarOf("one", TestImage.random(1, 600_000)))
            .layer(TestImage.tarOf("two", TestImage.random(2, 500_000)))
            .layer(TestImage.tar("f three 3"))
            .tag("v1");
    assertThat(demo.layer(0).size()).isGreaterThan(500_000);
    registry.push(temp + "/demo:v1", "team/demo:v1");
    TestImage arm = new TestImage(temp + "/multi").layer(TestImage.tar("f arm"));
    Descriptor armImage = arm.manifest(new Platform("linux", "arm64", ""));
    TestImage amd = new TestImage(temp + "/multi").layer(TestImage.tar("f amd"));
    Map<Platform, Descriptor> both = new LinkedHashMap<>();
    both.put(new Platform("linux", "arm64", ""), armImage);
    Map<Platform, Descriptor> one = new LinkedHashMap<>(both);
    both.put(Platform.LINUX_AMD64, amd.manifest(Platform.LINUX_AMD64));
    amd.tag("both", amd.index(both)).tag("one", amd.index(one));
    registry.push(temp + "/multi:both", "multi:both");
    registry.push(temp + "/multi:one", "multi:one");
    certificate = temp + "/cert.pem";
    Shell.run(
        "cd "
            + temp
            + " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2"
            + " -subj /CN=casemate-test -addext"
            + " subjectAltName=DNS:registry.test,DNS:localhost,IP:127.0.0.1 2>/dev/null");
  }

  @AfterAll
  void stop() {
    registry.close();
  }

  String newRoot() {
    return temp + "/store" + stores.incrementAndGet();
  }

  static ImageStore store(String root, RegistryOptions options) {
    return new ImageStore(root, options, Map.of());
  }

  static Image pull(ImageStore store, String image) {
    return store.resolve(image, PullPolicy.MISSING, PullProgress.NONE);
  }

  Image pull(String image) {
    return pull(store(newRoot(), QUICK), image);
  }

  static void assertNothingLeft(String root) {
    assertThat(Fs.list(root + "/temp")).isEmpty();
    assertThat(Fs.list(root + "/erofs")).isEmpty();
  }
}
