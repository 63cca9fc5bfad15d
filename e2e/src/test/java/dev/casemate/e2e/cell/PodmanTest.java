package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Debian's Podman with {@code --runtime casemate-cell}. */
class PodmanTest {
  private static final String STATE = "/run/casemate-cell";

  @SuppressWarnings("NullAway.Init")
  private static Box box;

  @BeforeAll
  static void start() {
    box = Box.open("podman");
    Images.make(box);
    box.ok(
        "cat > containers.conf <<END\n"
            + "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n"
            + "static_dir = \"$FILES/libpod\"\nvolume_path = \"$FILES/volumes\"\n"
            + "tmp_dir = \"/run/libpod\"\nruntime = \"casemate-cell\"\n"
            + "runtime_supports_json = [\"casemate-cell\"]\n"
            + "[engine.runtimes]\ncasemate-cell = [\"$CELL\"]\n"
            + "[containers]\ndefault_ulimits = [\"nofile=1024:1024\"]\ncgroup_conf = []\nEND\n"
            + "echo '{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}' > policy.json");
    ok("load --signature-policy $FILES/policy.json -i $FILES/busybox.tar");
  }

  @AfterAll
  static void stop() {
    try {
      box.assertClean(STATE);
    } finally {
      box.close();
    }
  }

  @AfterEach
  void removeAll() {
    ok("rm -a -f -t 0");
    ok("pod rm -a -f");
  }

  private static String command(String arguments) {
    return "export CONTAINERS_CONF=$FILES/containers.conf PODMAN_IGNORE_CGROUPSV1_WARNING=1;"
        + " exec podman --root $FILES/data --runroot /run/podman-root "
        + arguments;
  }

  private static Result podman(String arguments) {
    return box.run(command(arguments));
  }

  private static Result ok(String arguments) {
    return podman(arguments).expect(0);
  }

  /** Options that every container of these tests gets. */
  private static String run(String options) {
    return "run --network none --cgroup-parent " + box.cgroup() + " " + options;
  }

  @Test
  void runHasStreamsAndExitStatus() {
    assertThat(ok(run("--rm busybox echo hello")).out()).isEqualTo("hello\n");
    podman(run("--rm busybox sh -c 'exit 7'")).expect(7);
    assertThat(box.ok("echo in | { " + command(run("-i --rm busybox cat")) + "; }").out())
        .isEqualTo("in\n");
    assertThat(podman(run("--rm busybox nope")).expect(127).err())
        .contains("executable file", "not found");
    podman(run("--rm busybox /bin")).expect(126);
    assertThat(ok("info --format '{{.Host.OCIRuntime.Name}}'").out()).isEqualTo("casemate-cell\n");
  }

  @Test
  void aContainersDay() {
    ok(
        run(
            "-d --name web --memory 64m busybox sh -c 'echo begun; mkdir /w; echo page >"
                + " /w/index.html; exec httpd -f -h /w'"));
    assertThat(ok("inspect -f '{{.OCIRuntime}}' web").out()).contains("casemate-cell");
    podman("exec web sh -c 'exit 4'").expect(4);
    podman("exec web nope").expect(127);
    assertThat(ok("exec web cat /w/index.html").out()).isEqualTo("page\n");
    assertThat(ok("logs web").out()).isEqualTo("begun\n");
    assertThat(ok("top web").out()).contains("httpd -f -h /w");
    assertThat(ok("stats --no-stream --format '{{.MemUsage}}' web").out()).contains("/ 67.11MB");
    ok("pause web");
    assertThat(ok("ps -a --format '{{.Status}}'").out()).contains("Paused");
    ok("unpause web");
    ok("update --memory 128m web");
    assertThat(
            box.ok(
                    "cat $(find /sys/fs/cgroup/memory"
                        + box.cgroup()
                        + " -name memory.limit_in_bytes) | sort -n | head -n 1")
                .out()
                .strip())
        .isEqualTo("134217728");
    ok("restart -t 1 web");
    ok("kill web");
    assertThat(ok("wait web").out()).isEqualTo("137\n");
    ok("start web");
    ok("stop -t 1 web");
    ok("rm web");
  }

  @Test
  void terminals() {
    assertThat(
            box.run(
                    "script -qefc \"stty rows 33 cols 77; "
                        + command(run("-it --rm busybox sh -c 'tty; sleep 0.5; stty size; exit 6'"))
                        + "\" /dev/null")
                .expect(6)
                .out())
        .contains("/dev/pts/0", "33 77");
    ok(run("-d --name t busybox sleep 1000"));
    assertThat(
            box.run("script -qefc \"" + command("exec -it t sh -c 'tty; exit 5'") + "\" /dev/null")
                .expect(5)
                .out())
        .contains("/dev/pts/0");
  }

  @Test
  void healthChecks() {
    ok(
        run(
            "-d --name h --health-cmd 'test -e /ok' --health-interval disable --health-retries 1"
                + " busybox sh -c 'touch /ok; sleep 1000'"));
    Wait.until(60, "a healthy container", () -> podman("healthcheck run h").exit() == 0);
    ok("exec h rm /ok");
    podman("healthcheck run h").expect(1);
  }

  @Test
  void imagesAreBuilt() {
    box.ok(
        "mkdir -p build && printf 'FROM docker.io/library/busybox\\nRUN echo built > /x && cat"
            + " /x\\nCMD [\"cat\",\"/x\"]\\n' > build/Dockerfile");
    ok(
        "build --isolation oci --network none --signature-policy $FILES/policy.json --ulimit"
            + " nofile=1024:1024 --cgroup-parent "
            + box.cgroup()
            + " -t built $FILES/build");
    assertThat(ok(run("--rm built")).out()).isEqualTo("built\n");
  }

  @Test
  void pods() {
    ok("pod create --infra=false --name p --cgroup-parent " + box.cgroup());
    ok("run -d --pod p --name in1 --network none busybox sleep 1000");
    assertThat(ok("pod ps --format '{{.Status}}'").out()).contains("Running");
    ok("pod stop -t 0 p");
  }

  @Test
  void confinement() {
    assertThat(
            ok(run(
                    "--rm --user 1000:1000 --cap-drop ALL --read-only --tmpfs /t --security-opt"
                        + " no-new-privileges busybox sh -c 'id -u; grep -E"
                        + " \"CapEff|NoNewPrivs|Seccomp:\" /proc/self/status; touch /t/a && ! touch"
                        + " /b'"))
                .out())
        .contains("1000\n", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2");
    assertThat(ok(run("--rm --pid host busybox true")).out()).isEmpty();
    assertThat(
            ok(run(
                    "--rm --uidmap 0:100000:1000 --gidmap 0:100000:1000 busybox cat"
                        + " /proc/self/uid_map"))
                .out())
        .contains("100000");
  }
}
