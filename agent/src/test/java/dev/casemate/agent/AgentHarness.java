package dev.casemate.agent;

import dev.casemate.agent.GuestMachine.Client;
import dev.casemate.oci.Release;
import dev.casemate.protocol.agent.*;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import dev.casemate.protocol.casemate.BootReport;
import dev.casemate.protocol.casemate.BootRequest;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.oci.Box;
import dev.casemate.protocol.oci.Linux;
import dev.casemate.protocol.oci.LinuxCapabilities;
import dev.casemate.protocol.oci.LinuxMemory;
import dev.casemate.protocol.oci.LinuxNamespace;
import dev.casemate.protocol.oci.LinuxPids;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.Mount;
import dev.casemate.protocol.oci.Process;
import dev.casemate.protocol.oci.Root;
import dev.casemate.protocol.oci.Spec;
import dev.casemate.protocol.oci.User;
import dev.casemate.rpc.RpcException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Drives an agent in a virtual machine, as the sandbox process does. Not a unit test: it wants a
 * kernel, an initramfs with the agent, and an ext4 image with busybox.
 *
 * <p>Arguments: kernel, initramfs, root image, working directory, and the names of the checks (all
 * if none).
 */
final class AgentHarness {
  private static final String ROOT = "/run/casemate/root";
  private static int failures;

  private final GuestMachine machine;
  private Client client;
  private int serial;

  private AgentHarness(GuestMachine machine, Client client) {
    this.machine = machine;
    this.client = client;
  }

  /** A check that throws when it fails. */
  private interface Check {
    void run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    List<String> wanted = List.of(args).subList(4, args.length);
    try (GuestMachine machine =
            new GuestMachine(
                Path.of(args[3]),
                args[0],
                args[1],
                "casemate.modules=block,overlay,net,erofs " + System.getProperty("append", ""),
                "-drive",
                "if=none,id=d0,format=raw,readonly=on,file=" + args[2],
                "-device",
                "virtio-blk-pci,addr=0x5,drive=d0",
                "-netdev",
                "user,id=n0,restrict=on",
                "-device",
                "virtio-net-pci,netdev=n0,mac=02:00:00:00:00:07,addr=0x6,romfile=");
        Client client = machine.connect()) {
      AgentHarness harness = new AgentHarness(machine, client);
      harness.boot();
      if (!wanted.contains("boot")) {
        harness.sandbox();
        harness.check(wanted, "run", harness::run);
        harness.check(wanted, "streams", harness::streams);
        harness.check(wanted, "flood", harness::flood);
        harness.check(wanted, "stdin", harness::stuckStdin);
        harness.check(wanted, "exec", harness::exec);
        harness.check(wanted, "tty", harness::tty);
        harness.check(wanted, "signals", harness::signals);
        harness.check(wanted, "orphans", harness::orphans);
        harness.check(wanted, "stats", harness::stats);
        harness.check(wanted, "archive", harness::archive);
        harness.check(wanted, "oom", harness::oom);
        harness.check(wanted, "network", harness::network);
        harness.check(wanted, "files", harness::files);
        harness.check(wanted, "machine", harness::machineCalls);
        harness.check(wanted, "memory", harness::memory);
        harness.check(wanted, "reconnect", harness::reconnect);
        harness.check(wanted, "throughput", harness::throughput);
        harness.report();
        harness.destroy();
      }
    }
    System.out.println(failures == 0 ? "ALL GOOD" : failures + " FAILED");
    System.exit(failures == 0 ? 0 : 1);
  }

  private void check(List<String> wanted, String name, Check check) {
    if (!wanted.isEmpty() && !wanted.contains(name)) {
      return;
    }
    long start = System.nanoTime();
    try {
      check.run();
      System.out.printf("ok   %-10s %6.0f ms%n", name, (System.nanoTime() - start) / 1e6);
    } catch (Throwable e) {
      failures++;
      System.out.println("FAIL " + name + ": " + e);
      StackTraceElement[] trace = e.getStackTrace();
      for (int i = 0; i < trace.length && i < 8; i++) {
        System.out.println("       " + trace[i]);
      }
    }
  }

  private static void expect(Object found, Object expected) {
    if (!expected.equals(found)) {
      throw new AssertionError("expected <" + expected + ">, found <" + found + ">");
    }
  }

  private static void expectStatus(String status, Check check) throws Exception {
    try {
      check.run();
    } catch (RpcException e) {
      expect(e.status().name(), status);
      return;
    }
    throw new AssertionError("expected " + status);
  }

  private BootReport report() {
    BootReport report =
        BootReport.decode(
            client.call(
                GuestService.NAME, GuestService.BOOT, BootRequest.builder().build(), 60_000));
    System.out.printf(
        "     main %.1f ms, ready %.1f ms (%.1f ms), RSS %d KiB, memory %d MiB, %s%n",
        report.mainMicros() / 1e3,
        report.readyMicros() / 1e3,
        (report.readyMicros() - report.mainMicros()) / 1e3,
        report.agentRssBytes() / 1024,
        report.memoryTotalBytes() >> 20,
        report.machine());
    return report;
  }

  private void boot() {
    report();
    System.out.printf("     first answer %.3f s after exec%n", machine.seconds());
    byte[] answer =
        client.call(HealthService.NAME, HealthService.CHECK, CheckRequest.builder().build(), 5000);
    expect(HealthCheckResponse.decode(answer).status(), HealthCheckResponse.ServingStatus.SERVING);
    answer =
        client.call(
            HealthService.NAME, HealthService.VERSION, CheckRequest.builder().build(), 5000);
    expect(VersionCheckResponse.decode(answer).agentVersion(), Release.VERSION);
  }

  private void sandbox() {
    client.call(
        AgentService.CREATE_SANDBOX,
        CreateSandboxRequest.builder()
            .hostname("guest")
            .sandboxId("s1")
            .dns(List.of("nameserver 10.0.0.1", "search example.org"))
            .addStorages(
                Storage.builder()
                    .driver("blk")
                    .source("05")
                    .fstype("ext4")
                    .options(List.of("ro"))
                    .mountPoint("/run/casemate/lower")
                    .build())
            .build());
  }

  private Spec.Builder spec(Process process, String id) {
    Linux.Builder linux =
        Linux.builder()
            .cgroupsPath("/casemate/" + id)
            .resources(
                LinuxResources.builder()
                    .memory(LinuxMemory.builder().limit(48 << 20).build())
                    .pids(LinuxPids.builder().limit(64).build())
                    .build());
    for (String type : List.of("pid", "mount", "ipc", "uts", "network", "cgroup")) {
      linux.addNamespaces(LinuxNamespace.builder().type(type).build());
    }
    return Spec.builder()
        .version("1.2.0")
        .hostname(id)
        .process(process)
        .root(Root.builder().path(ROOT + "/" + id).build())
        .addMounts(mount("/proc", "proc", "proc"))
        .addMounts(mount("/dev", "tmpfs", "tmpfs", "nosuid", "mode=755", "size=65536k"))
        .addMounts(
            mount(
                "/dev/pts",
                "devpts",
                "devpts",
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620"))
        .addMounts(mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777"))
        .addMounts(mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"))
        .addMounts(mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro"))
        .linux(linux.build());
  }

  private static Mount mount(String destination, String type, String source, String... options) {
    return Mount.builder()
        .destination(destination)
        .type(type)
        .source(source)
        .options(List.of(options))
        .build();
  }

  private static Process process(boolean terminal, String... args) {
    List<String> capabilities = List.of("CAP_CHOWN", "CAP_KILL", "CAP_MKNOD", "CAP_SETUID");
    Process.Builder builder =
        Process.builder()
            .terminal(terminal)
            .user(User.builder().build())
            .args(List.of(args))
            .env(List.of("PATH=/bin:/sbin:/usr/bin", "TERM=xterm"))
            .cwd("/")
            .capabilities(
                LinuxCapabilities.builder()
                    .bounding(capabilities)
                    .effective(capabilities)
                    .permitted(capabilities)
                    .build());
    if (terminal) {
      builder.consoleSize(Box.builder().height(24).width(80).build());
    }
    return builder.build();
  }

  private String create(Process process) {
    String id = "c" + ++serial;
    client.call(
        AgentService.CREATE_CONTAINER,
        CreateContainerRequest.builder()
            .containerId(id)
            .execId(id)
            .addStorages(overlay(id))
            .oci(spec(process, id).build())
            .build());
    return id;
  }

  private static Storage overlay(String id) {
    return Storage.builder()
        .driver("overlayfs")
        .options(
            List.of(
                "lowerdir=/run/casemate/lower",
                "upperdir=/run/casemate/rw/" + id + "/upper",
                "workdir=/run/casemate/rw/" + id + "/work"))
        .mountPoint(ROOT + "/" + id)
        .build();
  }

  private void start(String id) {
    client.call(
        AgentService.START_CONTAINER, StartContainerRequest.builder().containerId(id).build());
  }

  private String sh(String script) {
    String id = create(process(false, "sh", "-c", script));
    start(id);
    return id;
  }

  private void remove(String id) {
    client.call(
        AgentService.REMOVE_CONTAINER, RemoveContainerRequest.builder().containerId(id).build());
  }

  private int waitFor(String id, String execId) {
    return WaitProcessResponse.decode(
            client.call(
                AgentService.WAIT_PROCESS,
                WaitProcessRequest.builder().containerId(id).execId(execId).build()))
        .status();
  }

  private byte[] read(String method, String id, String execId) {
    return ReadStreamResponse.decode(
            client.call(
                method,
                ReadStreamRequest.builder().containerId(id).execId(execId).len(32768).build()))
        .data();
  }

  private byte[] readAll(String method, String id, String execId) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (true) {
      byte[] data = read(method, id, execId);
      if (data.length == 0) {
        return all.toByteArray();
      }
      all.writeBytes(data);
    }
  }

  private String stdout(String id, String execId) {
    return new String(readAll(AgentService.READ_STDOUT, id, execId), StandardCharsets.UTF_8);
  }

  private void write(String id, String execId, byte[] data) {
    byte[] answer =
        client.call(
            AgentService.WRITE_STDIN,
            WriteStreamRequest.builder().containerId(id).execId(execId).data(data).build());
    expect(WriteStreamResponse.decode(answer).len(), data.length);
  }

  private void closeStdin(String id, String execId) {
    client.call(
        AgentService.CLOSE_STDIN,
        CloseStdinRequest.builder().containerId(id).execId(execId).build());
  }

  private void signal(String id, String execId, int signal) {
    client.call(
        AgentService.SIGNAL_PROCESS,
        SignalProcessRequest.builder().containerId(id).execId(execId).signal(signal).build());
  }

  private void exec(String id, String execId, Process process) {
    client.call(
        AgentService.EXEC_PROCESS,
        ExecProcessRequest.builder().containerId(id).execId(execId).process(process).build());
  }

  private void run() throws Exception {
    long t0 = System.nanoTime();
    String id = create(process(false, "sh", "-c", "echo hello; hostname; echo $$; exit 7"));
    long t1 = System.nanoTime();
    start(id);
    long t2 = System.nanoTime();
    expect(stdout(id, ""), "hello\n" + id + "\n1\n");
    expect(waitFor(id, ""), 7);
    long t3 = System.nanoTime();
    expect(waitFor(id, id), 7);
    remove(id);
    System.out.printf(
        "     create %.0f ms, start %.0f ms, output and wait %.0f ms, remove %.0f ms%n",
        (t1 - t0) / 1e6, (t2 - t1) / 1e6, (t3 - t2) / 1e6, (System.nanoTime() - t3) / 1e6);
    expectStatus("NOT_FOUND", () -> waitFor(id, ""));
    expectStatus("NOT_FOUND", () -> create(process(false, "no-such-command")));
    expectStatus("PERMISSION_DENIED", () -> create(process(false, "/etc/passwd")));
    expectStatus("NOT_FOUND", () -> remove("c" + serial));
  }

  private void streams() throws Exception {
    String id = sh("cat; echo end >&2; exit 3");
    byte[] data = new byte[200_000];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i * 31);
    }
    Thread writer =
        Thread.ofPlatform()
            .start(
                () -> {
                  write(id, "", data);
                  closeStdin(id, "");
                });
    byte[] back = readAll(AgentService.READ_STDOUT, id, "");
    writer.join();
    expect(java.util.Arrays.equals(back, data), true);
    expect(new String(readAll(AgentService.READ_STDERR, id, ""), StandardCharsets.UTF_8), "end\n");
    expect(waitFor(id, ""), 3);
    expectStatus("FAILED_PRECONDITION", () -> write(id, "", new byte[1]));
    remove(id);
  }

  /** Who floods its output must not hold up others, nor fill the agent. */
  private void flood() throws Exception {
    String id = sh("yes & yes >&2");
    Thread.sleep(300);
    String other = sh("echo fine");
    expect(stdout(other, ""), "fine\n");
    remove(other);
    expect(read(AgentService.READ_STDOUT, id, "").length > 1000, true);
    remove(id);
  }

  /** Who does not read its input holds up only those who write to it. */
  private void stuckStdin() throws Exception {
    String id = sh("sleep 1000");
    Thread writer =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    write(id, "", new byte[300_000]);
                    failures++;
                    System.out.println("FAIL a write to a process that does not read was answered");
                  } catch (RpcException e) {
                    // Its process is going to be removed.
                  }
                });
    Thread.sleep(200);
    expect(waitForShell("true"), 0);
    remove(id);
    writer.join();
  }

  private int waitForShell(String script) {
    String id = sh(script);
    int status = waitFor(id, "");
    remove(id);
    return status;
  }

  private void exec() throws Exception {
    String id = sh("sleep 1000");
    exec(id, "e1", process(false, "sh", "-c", "ps | grep -c sleep; cat; exit 5"));
    write(id, "e1", "input".getBytes(StandardCharsets.UTF_8));
    closeStdin(id, "e1");
    expect(stdout(id, "e1").endsWith("input"), true);
    expect(waitFor(id, "e1"), 5);
    expectStatus("NOT_FOUND", () -> exec(id, "e2", process(false, "no-such-command")));
    expectStatus("NOT_FOUND", () -> waitFor(id, "e2"));
    exec(id, "e1", process(false, "true"));
    expect(waitFor(id, "e1"), 0);
    exec(id, "e3", process(false, "sleep", "1000"));
    signal(id, "e3", 9);
    expect(waitFor(id, "e3"), 137);
    long t0 = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      exec(id, "x" + i, process(false, "true"));
      expect(stdout(id, "x" + i), "");
      expect(waitFor(id, "x" + i), 0);
    }
    System.out.printf("     exec of true %.0f ms%n", (System.nanoTime() - t0) / 20e6);
    String list =
        new String(
            ListProcessesResponse.decode(
                    client.call(
                        AgentService.LIST_PROCESSES,
                        ListProcessesRequest.builder().containerId(id).format("json").build()))
                .processList(),
            StandardCharsets.UTF_8);
    expect(list.contains("\"command\":\"sleep 1000\""), true);
    client.call(
        AgentService.PAUSE_CONTAINER, PauseContainerRequest.builder().containerId(id).build());
    client.call(
        AgentService.RESUME_CONTAINER, ResumeContainerRequest.builder().containerId(id).build());
    client.call(
        AgentService.PAUSE_CONTAINER, PauseContainerRequest.builder().containerId(id).build());
    remove(id);
  }

  private void tty() throws Exception {
    String id = create(process(true, "sh", "-c", "stty size; read x; echo \"<$x>\"; stty size"));
    start(id);
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    output.writeBytes(read(AgentService.READ_STDOUT, id, ""));
    client.call(
        AgentService.TTY_WIN_RESIZE,
        TtyWinResizeRequest.builder().containerId(id).row(50).column(132).build());
    write(id, "", "word\n".getBytes(StandardCharsets.UTF_8));
    output.writeBytes(readAll(AgentService.READ_STDOUT, id, ""));
    String text = output.toString(StandardCharsets.UTF_8).replace("\r", "");
    expect(text, "24 80\nword\n<word>\n50 132\n");
    expect(new String(readAll(AgentService.READ_STDERR, id, ""), StandardCharsets.UTF_8), "");
    expect(waitFor(id, ""), 0);
    remove(id);
    String other = sh("sleep 1000");
    exec(other, "t", process(true, "tty"));
    expect(stdout(other, "t").strip(), "/dev/pts/0");
    expect(waitFor(other, "t"), 0);
    remove(other);
  }

  private void signals() throws Exception {
    String id = sh("trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    expect(new String(read(AgentService.READ_STDOUT, id, ""), StandardCharsets.UTF_8), "ready\n");
    signal(id, "", 15);
    expect(stdout(id, ""), "got\n");
    expect(waitFor(id, ""), 9);
    expectStatus("FAILED_PRECONDITION", () -> signal(id, "", 15));
    remove(id);
    String deaf = create(process(false, "sleep", "1000"));
    start(deaf);
    signal(deaf, "", 15);
    expect(waitFor(deaf, ""), 137);
    remove(deaf);
    String many = sh("sleep 1000 & sleep 1000 & wait");
    signal(many, "", 9);
    expect(waitFor(many, ""), 137);
    remove(many);
    String unstarted = create(process(false, "true"));
    remove(unstarted);
  }

  /** A grandchild that keeps the output open must not keep the process from being over. */
  private void orphans() throws Exception {
    String id = sh("sleep 1000");
    exec(id, "e", process(false, "sh", "-c", "echo out; sleep 30 & exit 4"));
    long t0 = System.nanoTime();
    expect(waitFor(id, "e"), 4);
    double millis = (System.nanoTime() - t0) / 1e6;
    expect(millis < 1500, true);
    expect(stdout(id, "e"), "out\n");
    for (int i = 0; i < 20; i++) {
      exec(id, "o" + i, process(false, "sh", "-c", "(sleep 0.1 &) & exit 0"));
    }
    for (int i = 0; i < 20; i++) {
      expect(waitFor(id, "o" + i), 0);
    }
    remove(id);
  }

  private void stats() throws Exception {
    String id = sh("dd if=/dev/zero of=/tmp/x bs=1M count=8 2>/dev/null; sleep 1000");
    Thread.sleep(1500);
    StatsContainerResponse stats =
        StatsContainerResponse.decode(
            client.call(
                AgentService.STATS_CONTAINER,
                StatsContainerRequest.builder().containerId(id).build()));
    CgroupStats cgroup = stats.cgroupStats().orElseThrow();
    MemoryStats memory = cgroup.memoryStats().orElseThrow();
    expect(memory.usage().orElseThrow().limit(), 48L << 20);
    expect(memory.usage().orElseThrow().usage() > 8 << 20, true);
    expect(cgroup.pidsStats().orElseThrow().current(), 1L);
    expect(cgroup.pidsStats().orElseThrow().limit(), 64L);
    expect(cgroup.cpuStats().orElseThrow().cpuUsage().orElseThrow().totalUsage() > 0, true);
    expect(stats.networkStats().size(), 1);
    client.call(
        AgentService.UPDATE_CONTAINER,
        UpdateContainerRequest.builder()
            .containerId(id)
            .resources(
                LinuxResources.builder()
                    .memory(LinuxMemory.builder().limit(64 << 20).build())
                    .build())
            .build());
    remove(id);
  }

  private ArchiveResponse archive(String id, String execId, String path, boolean extract) {
    return ArchiveResponse.decode(
        client.call(
            GuestService.NAME,
            GuestService.START_ARCHIVE,
            ArchiveRequest.builder()
                .containerId(id)
                .execId(execId)
                .path(path)
                .extract(extract)
                .build(),
            20_000));
  }

  private void archive() throws Exception {
    String id =
        sh("mkdir -p /tmp/a/b; echo content >/tmp/a/b/f; echo >/dev/shm/seen; echo go; cat");
    read(AgentService.READ_STDOUT, id, "");
    expect(archive(id, "a1", "/tmp/a", false).directory(), true);
    byte[] tar = readAll(AgentService.READ_STDOUT, id, "a1");
    expect(new String(readAll(AgentService.READ_STDERR, id, "a1"), StandardCharsets.UTF_8), "");
    expect(waitFor(id, "a1"), 0);
    expect(tar.length % 512, 0);
    expect(archive(id, "a2", "/dev/shm", true).directory(), true);
    write(id, "a2", tar);
    closeStdin(id, "a2");
    expect(waitFor(id, "a2"), 0);
    exec(id, "e", process(false, "cat", "/dev/shm/a/b/f"));
    expect(stdout(id, "e"), "content\n");
    archive(id, "a3", "/dev/shm", true);
    write(id, "a3", "rubbish".repeat(200).getBytes(StandardCharsets.UTF_8));
    closeStdin(id, "a3");
    expect(waitFor(id, "a3"), 1);
    expect(readAll(AgentService.READ_STDERR, id, "a3").length > 10, true);
    // The archive child must not hold the container's standard input open.
    archive(id, "a4", "/", false);
    closeStdin(id, "");
    expect(waitFor(id, ""), 0);
    expectStatus("INTERNAL", () -> archive(id, "a5", "/no/such/file", false));
    expect(archive(id, "a6", "/tmp/a/b/f", false).directory(), false);
    expect(readAll(AgentService.READ_STDOUT, id, "a6").length > 1000, true);
    remove(id);
  }

  private void oom() throws Exception {
    List<String> events = new ArrayList<>();
    Thread listener =
        Thread.ofPlatform()
            .start(
                () ->
                    events.add(
                        OOMEvent.decode(
                                client.call(
                                    AgentService.GET_OOM_EVENT,
                                    GetOOMEventRequest.builder().build()))
                            .containerId()));
    String id = sh("x=a; while :; do x=$x$x; done");
    expect(waitFor(id, ""), 137);
    listener.join();
    expect(events, List.of(id));
    remove(id);
  }

  private void network() throws Exception {
    var wanted =
        dev.casemate.protocol.types.Interface.builder()
            .device("eth7")
            .hwAddr("02:00:00:00:00:07")
            .mtu(1400)
            .addIpAddresses(
                dev.casemate.protocol.types.IPAddress.builder()
                    .address("10.7.0.2")
                    .mask("24")
                    .build())
            .addIpAddresses(
                dev.casemate.protocol.types.IPAddress.builder()
                    .family(1)
                    .address("fd00:7::2")
                    .mask("64")
                    .build())
            .build();
    var answer =
        dev.casemate.protocol.types.Interface.decode(
            client.call(
                AgentService.UPDATE_INTERFACE,
                UpdateInterfaceRequest.builder().interface_(wanted).build()));
    expect(answer.device(), "eth7");
    expect(answer.mtu(), 1400L);
    Routes routes =
        Routes.decode(
            client.call(
                AgentService.UPDATE_ROUTES,
                UpdateRoutesRequest.builder()
                    .routes(
                        Routes.builder()
                            .addRoutes(
                                dev.casemate.protocol.types.Route.builder()
                                    .gateway("10.7.0.1")
                                    .device("eth7")
                                    .build())
                            .build())
                    .build()));
    expect(
        routes.routes().stream()
            .anyMatch(r -> r.dest().isEmpty() && r.gateway().equals("10.7.0.1")),
        true);
    client.call(
        AgentService.ADD_ARP_NEIGHBORS,
        AddARPNeighborsRequest.builder()
            .neighbors(
                ARPNeighbors.builder()
                    .addArpNeighbors(
                        dev.casemate.protocol.types.ARPNeighbor.builder()
                            .toIpAddress(
                                dev.casemate.protocol.types.IPAddress.builder()
                                    .address("10.7.0.1")
                                    .build())
                            .device("eth7")
                            .lladdr("02:00:00:00:00:01")
                            .state(0x80)
                            .build())
                    .build())
            .build());
    String id = sh("ip addr show eth7; ip route; ip neigh; ip addr show lo");
    String text = stdout(id, "");
    for (String part :
        List.of("10.7.0.2/24", "fd00:7::2/64", "default via 10.7.0.1", "127.0.0.1/8")) {
      if (!text.contains(part)) {
        throw new AssertionError(part + " is missing in " + text);
      }
    }
    remove(id);
    var list =
        dev.casemate.protocol.agent.Interfaces.decode(
            client.call(AgentService.LIST_INTERFACES, ListInterfacesRequest.builder().build()));
    expect(list.interfaces().size(), 2);
    Routes.decode(client.call(AgentService.LIST_ROUTES, ListRoutesRequest.builder().build()));
    expectStatus(
        "INVALID_ARGUMENT",
        () ->
            client.call(
                AgentService.UPDATE_INTERFACE,
                UpdateInterfaceRequest.builder()
                    .interface_(wanted.toBuilder().hwAddr("nonsense").build())
                    .build()));
  }

  private void files() throws Exception {
    String path = "/run/kata-containers/sandbox/files/c/hosts";
    client.call(
        AgentService.COPY_FILE,
        CopyFileRequest.builder()
            .path(path)
            .fileMode(0100644)
            .dirMode(0755)
            .fileSize(5)
            .data("hosts".getBytes(StandardCharsets.UTF_8))
            .build());
    expectStatus(
        "INVALID_ARGUMENT",
        () ->
            client.call(
                AgentService.COPY_FILE,
                CopyFileRequest.builder().path("/etc/x").fileMode(0100644).build()));
    String id = "c" + ++serial;
    client.call(
        AgentService.CREATE_CONTAINER,
        CreateContainerRequest.builder()
            .containerId(id)
            .addStorages(
                Storage.builder()
                    .driver("ephemeral")
                    .source("tmpfs")
                    .fstype("tmpfs")
                    .options(List.of("size=1m"))
                    .mountPoint("/run/casemate/vol")
                    .build())
            .addStorages(
                Storage.builder()
                    .driver("local")
                    .options(List.of("mode=0700", "uid=5", "gid=6"))
                    .mountPoint("/run/casemate/dir")
                    .build())
            .addStorages(overlay(id))
            .oci(
                spec(
                        process(
                            false,
                            "sh",
                            "-c",
                            "cat /etc/hosts /etc/resolv.conf; stat -c '%a %u %g' /dir; df -k /vol | tail -1"),
                        id)
                    .addMounts(mount("/etc/hosts", "bind", path, "rbind", "ro"))
                    .addMounts(
                        mount(
                            "/etc/resolv.conf",
                            "bind",
                            "/run/kata-containers/sandbox/files/.resolv.conf",
                            "rbind",
                            "ro"))
                    .addMounts(mount("/vol", "bind", "/run/casemate/vol", "rbind"))
                    .addMounts(mount("/dir", "bind", "/run/casemate/dir", "rbind"))
                    .build())
            .build());
    start(id);
    String text = stdout(id, "");
    if (!text.startsWith("hostsnameserver 10.0.0.1\nsearch example.org\n700 5 6\n")
        || !text.contains(" 1024 ")) {
      throw new AssertionError(text);
    }
    client.call(
        AgentService.UPDATE_EPHEMERAL_MOUNTS,
        UpdateEphemeralMountsRequest.builder()
            .addStorages(
                Storage.builder()
                    .driver("ephemeral")
                    .options(List.of("size=2m"))
                    .mountPoint("/run/casemate/vol")
                    .build())
            .build());
    VolumeStatsResponse stats =
        VolumeStatsResponse.decode(
            client.call(
                AgentService.GET_VOLUME_STATS,
                VolumeStatsRequest.builder().volumeGuestPath("/run/casemate/vol").build()));
    expect(stats.usage().get(0).total(), 2L << 20);
    remove(id);
    expectStatus(
        "DEADLINE_EXCEEDED",
        () ->
            client.call(
                AgentService.CREATE_CONTAINER,
                CreateContainerRequest.builder()
                    .containerId("never")
                    .addStorages(
                        Storage.builder()
                            .driver("blk")
                            .source("02/00")
                            .fstype("ext4")
                            .mountPoint("/run/casemate/never")
                            .build())
                    .oci(spec(process(false, "true"), "never").build())
                    .build()));
  }

  private void machineCalls() throws Exception {
    GuestDetailsResponse details =
        GuestDetailsResponse.decode(
            client.call(
                AgentService.GET_GUEST_DETAILS,
                GuestDetailsRequest.builder().memBlockSize(true).memHotplugProbe(true).build()));
    expect(details.memBlockSizeBytes(), 128L << 20);
    client.call(
        AgentService.SET_GUEST_DATE_TIME,
        SetGuestDateTimeRequest.builder().sec(2_000_000_000L).usec(5).build());
    String id = sh("date +%s");
    expect(stdout(id, "").startsWith("20000000"), true);
    remove(id);
    client.call(
        AgentService.RESEED_RANDOM_DEV,
        ReseedRandomDevRequest.builder().data(new byte[64]).build());
    client.call(
        AgentService.ONLINE_CPU_MEM, OnlineCPUMemRequest.builder().wait_(true).nbCpus(1).build());
    Metrics metrics =
        Metrics.decode(client.call(AgentService.GET_METRICS, GetMetricsRequest.builder().build()));
    expect(metrics.metrics().contains("kata_guest_meminfo{item=\"memtotal\"}"), true);
    for (String method :
        List.of(AgentService.RESIZE_VOLUME, AgentService.SET_POLICY, "NoSuchMethod")) {
      expectStatus("UNIMPLEMENTED", () -> client.call(method, GetMetricsRequest.builder().build()));
    }
    expectStatus(
        "INVALID_ARGUMENT",
        () -> client.rpc().call(AgentService.NAME, "CopyFile", new byte[] {10, 100, 1}, 5000));
  }

  /** A container with the machine's own PIDs sees what the agent takes. */
  private void memory() throws Exception {
    String id = "c" + ++serial;
    Spec.Builder spec =
        spec(
            process(
                false,
                "sh",
                "-c",
                "grep -e ^Rss -e Threads /proc/1/status; cut -d' ' -f10,12,14,15 /proc/1/stat"),
            id);
    Linux linux = spec.build().linux().orElseThrow();
    List<LinuxNamespace> namespaces = new ArrayList<>(linux.namespaces());
    namespaces.removeIf(namespace -> namespace.type().equals("pid"));
    spec.linux(linux.toBuilder().namespaces(namespaces).build());
    client.call(
        AgentService.CREATE_CONTAINER,
        CreateContainerRequest.builder()
            .containerId(id)
            .addStorages(overlay(id))
            .oci(spec.build())
            .build());
    start(id);
    System.out.println("     " + stdout(id, "").replaceAll("\\s+", " "));
    remove(id);
  }

  private void reconnect() throws Exception {
    String id = sh("sleep 0.4; echo late; exit 6");
    Client old = client;
    Thread reader =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    read(AgentService.READ_STDOUT, id, "");
                    System.out.println("FAIL the old connection got an answer");
                  } catch (RuntimeException e) {
                    // The connection has been closed.
                  }
                });
    Thread.sleep(100);
    old.close();
    reader.join();
    client = machine.connect();
    expect(stdout(id, ""), "late\n");
    expect(waitFor(id, ""), 6);
    remove(id);
    for (int i = 0; i < 5; i++) {
      client.close();
      client = machine.connect();
      report();
    }
  }

  private void throughput() throws Exception {
    memory();
    String id = sh("dd if=/dev/zero bs=32k count=1024 2>/dev/null");
    long t0 = System.nanoTime();
    int bytes = readAll(AgentService.READ_STDOUT, id, "").length;
    double seconds = (System.nanoTime() - t0) / 1e9;
    memory();
    expect(bytes, 32 << 20);
    expect(waitFor(id, ""), 0);
    remove(id);
    System.out.printf("     guest to host %.0f MB/s%n", bytes / 1e6 / seconds);
    long t1 = System.nanoTime();
    for (int i = 0; i < 200; i++) {
      client.call(HealthService.NAME, HealthService.CHECK, CheckRequest.builder().build(), 5000);
    }
    System.out.printf("     round trip %.2f ms%n", (System.nanoTime() - t1) / 200e6);
  }

  private void destroy() throws Exception {
    sh("sleep 1000");
    long t0 = System.nanoTime();
    client.call(AgentService.DESTROY_SANDBOX, DestroySandboxRequest.builder().build());
    double answered = (System.nanoTime() - t0) / 1e6;
    expect(machine.waitForEnd(5), true);
    System.out.printf(
        "     destroy answered after %.0f ms, machine ended after %.0f ms%n",
        answered, (System.nanoTime() - t0) / 1e6);
  }
}
