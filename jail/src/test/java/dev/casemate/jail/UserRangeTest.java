package dev.casemate.jail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UserRangeTest {
  @TempDir Path directory;

  private String owner(String name) throws Exception {
    return Files.createDirectories(directory.resolve(name)).toString();
  }

  private String registry() {
    return directory.resolve("users").toString();
  }

  @Test
  void noTwoSandboxesHaveTheSameUser() throws Exception {
    UserRange range = new UserRange(1_950_000_000, 40);
    Set<Integer> taken = ConcurrentHashMap.newKeySet();
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; t++) {
      int number = t;
      threads[t] =
          new Thread(
              () -> {
                for (int i = 0; i < 10; i++) {
                  try {
                    JailUser user = range.take(owner("s" + number + "-" + i), registry());
                    assertThat(taken.add(user.uid())).isTrue();
                    assertThat(user.gid()).isEqualTo(user.uid());
                  } catch (Exception e) {
                    throw new AssertionError(e);
                  }
                }
              });
      threads[t].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(taken).hasSize(40);
    assertThatThrownBy(() -> range.take(owner("one-more"), registry()))
        .hasMessageContaining("all 40 user ids of the jail from 1950000000 on are in use");
  }

  @Test
  void anIdIsFreeOnceItsSandboxIsGone() throws Exception {
    UserRange range = new UserRange(1_950_000_000, 1);
    String first = owner("first");
    JailUser user = range.take(first, registry());
    assertThatThrownBy(() -> range.take(owner("second"), registry()))
        .hasMessageContaining("are in use");
    Files.delete(Path.of(first));
    assertThat(range.take(owner("second"), registry())).isEqualTo(user);
  }

  @Test
  void onlyTheOwnerGivesAnIdBack() throws Exception {
    UserRange range = new UserRange(1_950_000_000, 1);
    JailUser user = range.take(owner("first"), registry());
    UserRange.release(user, owner("other"), registry());
    assertThatThrownBy(() -> range.take(owner("second"), registry())).isNotNull();
    UserRange.release(user, owner("first"), registry());
    assertThat(range.take(owner("second"), registry())).isEqualTo(user);
  }

  @Test
  void anIdThatWasGivenBackIsUsedLast() throws Exception {
    UserRange range = new UserRange(1_950_000_000, 3);
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      JailUser user = range.take(owner("s" + i), registry());
      UserRange.release(user, owner("s" + i), registry());
      seen.add(user.uid());
    }
    assertThat(seen).hasSize(3);
  }

  @Test
  void whatIsNoRangeIsRefused() {
    assertThat(UserRange.parse("2000000:10")).isEqualTo(new UserRange(2_000_000, 10));
    for (String text : new String[] {"", "5", "0:10", "2000000:0", "x:1", "2147483647:2", "a"}) {
      assertThatThrownBy(() -> UserRange.parse(text)).hasMessageContaining("of the jail");
    }
  }
}
