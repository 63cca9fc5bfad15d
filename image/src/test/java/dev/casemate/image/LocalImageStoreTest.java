package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.testsupport.Shell;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** The store between several users: what it shares, removes and cleans up. */
final class LocalImageStoreTest extends LocalImageCases {
  @Test
  void removesWhatNobodyNeeds() {
    byte[] shared = TestImage.tar("f shared");
    new TestImage(dir).layer(shared).layer(TestImage.tar("f one")).tag("x");
    new TestImage(dir + "2").layer(shared).layer(TestImage.tar("f two")).tag("x");
    Image one = resolve("oci:" + dir);
    Image two = resolve("oci:" + dir + "2");
    one.directory(PullProgress.NONE);
    assertThat(store().list()).hasSize(2);
    assertThat(Fs.list(root + "/blobs/sha256")).hasSize(7);
    assertThat(store().inspect("oci:" + dir).text()).contains("Entrypoint");
    String root1 = one.erofs().orElseThrow().path();
    try (Fd held = Fs.open(root1, OpenFlag.READ_ONLY)) {
      // As a VM that runs on it does.
      assertThat(Fs.lock(held, false, false)).isTrue();
      assertThat(store().remove("oci:" + dir)).containsExactly("oci:" + dir);
      assertThat(Fs.exists(root1)).isTrue();
    }
    assertThat(Fs.list(root + "/blobs/sha256")).hasSize(4);
    assertThat(Fs.list(root + "/rootfs")).isEmpty();
    store().sweep();
    assertThat(Fs.exists(root1)).isFalse();
    assertThat(Fs.exists(two.erofs().orElseThrow().path())).isTrue();
    failure(() -> store().remove("oci:" + dir), Kind.NOT_FOUND, "no such image");
    store().remove(two.digest().orElseThrow().substring(7, 19));
    for (String folder : List.of("blobs/sha256", "erofs", "rootfs", "images", "temp")) {
      assertThat(Fs.list(root + "/" + folder)).isEmpty();
    }
  }

  @Test
  void sharesTheWorkBetweenThreadsAndProcesses() throws Exception {
    BusyboxImage.write(dir);
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      processes.add(StoreProcess.start(root, "oci:" + dir));
    }
    List<Optional<Image.Erofs>> results = new CopyOnWriteArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      threads.add(Thread.ofPlatform().start(() -> results.add(resolve("oci:" + dir).erofs())));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    for (Process process : processes) {
      assertThat(StoreProcess.output(process)).contains(".erofs");
    }
    assertThat(results).hasSize(4);
    assertThat(Fs.list(root + "/temp")).isEmpty();
    assertThat(Fs.list(root + "/erofs")).hasSize(1);
    assertThat(store().list()).hasSize(1);
  }

  @Test
  void cleansUpAfterTheDead() {
    new TestImage(dir).layer(TestImage.tar("f x")).tag("x");
    resolve("oci:" + dir);
    Shell.run(
        "cd "
            + root
            + "/temp && mkdir -p dead.erofs/root/x && echo > dead.erofs/root/x/y && echo >"
            + " dead.blob");
    new TestImage(dir + "2").layer(TestImage.tar("f y")).tag("x");
    try (TempEntry busy = TempEntry.file(root + "/temp", "busy.blob")) {
      resolve("oci:" + dir + "2");
      assertThat(Fs.list(root + "/temp")).containsExactly("busy.blob");
      assertThat(busy.fd().isOpen()).isTrue();
    }
    assertThat(Fs.list(root + "/temp")).isEmpty();
  }
}
