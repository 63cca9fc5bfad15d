package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Debian's Docker with {@code casemate-cell} as its default runtime. */
class DockerTest {
  private static final String ENVIRONMENT =
      "export DOCKER_HOST=unix:///run/d.sock DOCKER_CONFIG=$FILES/config DOCKER_BUILDKIT=0; ";
  private static final String STATE = "/run/docker-exec/runtime-casemate-cell/moby";

  @SuppressWarnings("NullAway.Init")
  private static Box box;

  @SuppressWarnings("NullAway.Init")
  private static Running daemon;

  @BeforeAll
  static void start() {
    box = Box.open("docker");
    Images.make(box);
    Json.Obj runtime = new Json.Obj().put("path", Box.executablePath());
    Json.Obj config =
        new Json.Obj()
            .put("runtimes", new Json.Obj().put("casemate-cell", runtime))
            .put("default-runtime", "casemate-cell")
            .put("storage-driver", "overlay2")
            .put("cgroup-parent", box.cgroup());
    box.ok("cat > daemon.json <<'END'\n" + config.text() + "\nEND");
    daemon =
        box.start(
            "exec dockerd --config-file $FILES/daemon.json --data-root $FILES/data --exec-root"
                + " /run/docker-exec --pidfile /run/d.pid --host unix:///run/d.sock --bip"
                + " 172.31.99.1/24 --oom-score-adjust 0 > daemon.log 2>&1");
    box.ok(
        ENVIRONMENT
            + "for i in $(seq 600); do /usr/bin/docker version > /dev/null 2>&1 && exit 0; sleep"
            + " 0.1; done; tail -n 30 daemon.log >&2; exit 1");
    docker("load -i $FILES/busybox.tar").expect(0);
  }

  @AfterAll
  static void stop() {
    try {
      box.ok("kill $(cat /run/d.pid); while [ -e /run/d.pid ]; do sleep 0.1; done");
      daemon.await(Box.TIMEOUT_SECONDS);
      box.assertClean(STATE);
    } finally {
      box.close();
    }
  }

  @AfterEach
  void removeAll() {
    box.ok(
        ENVIRONMENT
            + "docker=/usr/bin/docker; c=$($docker ps -aq); [ -z \"$c\" ] || $docker rm -f $c >"
            + " /dev/null");
  }

  private static Result docker(String arguments) {
    return box.run(ENVIRONMENT + "exec /usr/bin/docker " + arguments);
  }

  private static Result ok(String arguments) {
    return docker(arguments).expect(0);
  }

  private static String inspect(String container, String format) {
    return ok("inspect -f '{{" + format + "}}' " + container).out().strip();
  }

  @Test
  void runHasStreamsAndExitStatus() {
    assertThat(ok("run --rm busybox echo hello").out()).isEqualTo("hello\n");
    docker("run --rm busybox sh -c 'exit 7'").expect(7);
    assertThat(
            box.ok(ENVIRONMENT + "echo in | docker=1 /usr/bin/docker run -i --rm busybox cat")
                .out())
        .isEqualTo("in\n");
    assertThat(docker("run --rm busybox nope").expect(127).err())
        .contains("executable file not found in $PATH");
    assertThat(docker("run --rm busybox /nope").expect(127).err()).contains("no such file");
    assertThat(docker("run --rm busybox /bin").expect(126).err()).contains("permission denied");
    assertThat(ok("info -f '{{.DefaultRuntime}}'").out()).isEqualTo("casemate-cell\n");
  }

  @Test
  void runsBesideRunc() {
    assertThat(ok("run --rm --runtime runc busybox echo runc").out()).isEqualTo("runc\n");
    assertThat(ok("run --rm --runtime casemate-cell busybox echo cell").out()).isEqualTo("cell\n");
  }

  @Test
  void aContainersDay() {
    ok(
        "run -d --name web --memory 64m --cpus 0.5 busybox sh -c 'echo begun; mkdir /w; echo page >"
            + " /w/index.html; exec httpd -f -h /w'");
    assertThat(inspect("web", ".HostConfig.Runtime")).isEqualTo("casemate-cell");
    assertThat(ok("exec web wget -qO- http://127.0.0.1/").out()).isEqualTo("page\n");
    docker("exec web sh -c 'exit 4'").expect(4);
    assertThat(docker("exec web nope").err() + docker("exec web nope").out())
        .contains("executable file not found");
    assertThat(ok("logs web").out()).isEqualTo("begun\n");
    assertThat(ok("top web").out()).contains("httpd -f -h /w");
    assertThat(ok("stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' web").out())
        .contains("/ 64MiB 1");
    ok("pause web");
    assertThat(ok("ps --format '{{.Status}}'").out()).contains("(Paused)");
    ok("unpause web");
    ok("update --memory 128m --memory-swap 128m --cpus 0.7 web");
    String group = box.cgroup() + "/" + inspect("web", ".Id");
    assertThat(box.ok("cat /sys/fs/cgroup/memory" + group + "/memory.limit_in_bytes").out().strip())
        .isEqualTo("134217728");
    ok("restart -t 1 web");
    assertThat(ok("exec web wget -qO- http://127.0.0.1/").out()).isEqualTo("page\n");
    ok("kill web");
    assertThat(ok("wait web").out()).isEqualTo("137\n");
    assertThat(inspect("web", ".State.Status")).isEqualTo("exited");
    ok("start web");
    ok("stop -t 1 web");
    ok("rm web");
  }

  @Test
  void terminals() {
    assertThat(
            box.run(
                    ENVIRONMENT
                        + "script -qefc \"stty rows 33 cols 77; exec /usr/bin/docker run -it --rm"
                        + " busybox sh -c 'tty; sleep 0.5; stty size; exit 6'\" /dev/null")
                .expect(6)
                .out())
        .contains("/dev/pts/0", "33 77");
    ok("run -d --name tty busybox sleep 1000");
    assertThat(
            box.run(
                    ENVIRONMENT
                        + "script -qefc \"exec /usr/bin/docker exec -it tty sh -c 'tty; exit 5'\""
                        + " /dev/null")
                .expect(5)
                .out())
        .contains("/dev/pts/0");
  }

  @Test
  void healthChecks() {
    ok(
        "run -d --name health --health-cmd 'test -e /ok' --health-interval 1s --health-retries 2"
            + " busybox sh -c 'touch /ok; sleep 1000'");
    Wait.until(
        60,
        "a healthy container",
        () -> inspect("health", ".State.Health.Status").equals("healthy"));
    ok("exec health rm /ok");
    Wait.until(
        60,
        "an unhealthy one",
        () -> inspect("health", ".State.Health.Status").equals("unhealthy"));
  }

  @Test
  void imagesAreBuilt() {
    box.ok(
        "mkdir -p build && printf 'FROM busybox\\n"
            + "RUN echo built > /x\\n"
            + "RUN cat /x && test $(id -u) = 0\\n"
            + "CMD [\"cat\",\"/x\"]\\n"
            + "' > build/Dockerfile");
    ok("build -t built $FILES/build");
    assertThat(ok("run --rm built").out()).isEqualTo("built\n");
    box.ok("printf 'FROM busybox\\nRUN exit 3\\n' > build/Dockerfile");
    assertThat(docker("build $FILES/build").expect(3).err())
        .contains("returned a non-zero code: 3");
  }

  @Test
  void confinement() {
    assertThat(
            ok("run --rm --user 1000:1000 --cap-drop ALL --read-only --tmpfs /t --security-opt"
                    + " no-new-privileges busybox sh -c 'id -u; grep -E"
                    + " \"CapEff|NoNewPrivs|Seccomp:\" /proc/self/status; touch /t/a && ! touch /b'")
                .out())
        .contains("1000\n", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2");
    assertThat(ok("run --rm --privileged busybox grep Seccomp: /proc/self/status").out())
        .contains("Seccomp:\t0");
    assertThat(ok("run --rm --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn'").out())
        .isEqualTo("100\n200\n");
    assertThat(
            ok("run --rm --sysctl net.ipv4.ip_forward=0 --device /dev/fuse busybox sh -c 'cat"
                    + " /proc/sys/net/ipv4/ip_forward; ls /dev/fuse'")
                .out())
        .isEqualTo("0\n/dev/fuse\n");
    assertThat(ok("run --rm --init busybox sh -c 'cat /proc/1/comm'").out()).contains("init");
    assertThat(docker("run --rm --memory 16m busybox tail /dev/zero").expect(137).out()).isEmpty();
  }

  @Test
  void namespacesOfOthers() {
    ok("run -d --name first busybox sleep 1000");
    assertThat(ok("run --rm --pid container:first busybox ps").out()).contains("sleep 1000");
    assertThat(ok("run --rm --network container:first busybox readlink /proc/self/ns/net").out())
        .isEqualTo(ok("exec first readlink /proc/self/ns/net").out());
    assertThat(ok("run --rm --pid host busybox ps").out()).contains("dockerd");
    assertThat(ok("run --rm --network none busybox ls /sys/class/net").out()).isEqualTo("lo\n");
    ok("run -d --name shared --pid host busybox sh -c 'sleep 1001 & sleep 1002'");
    ok("kill shared");
    ok("wait shared");
    Wait.until(
        30,
        "the second process to end, too",
        () -> box.run("pgrep -f '^sleep 100[12]'").exit() == 1);
  }

  @Test
  void volumesAndRestartPolicies() {
    box.ok("mkdir -p shared && echo content > shared/file");
    assertThat(
            ok("run --rm -v $FILES/shared:/v:ro -v named:/n busybox sh -c 'cat /v/file; touch /n/a"
                    + " && ! touch /v/b'")
                .out())
        .isEqualTo("content\n");
    ok("volume rm named");
    ok("run -d --name again --restart always busybox sh -c 'sleep 0.3; exit 1'");
    Wait.until(60, "two restarts", () -> Integer.parseInt(inspect("again", ".RestartCount")) >= 2);
  }
}
