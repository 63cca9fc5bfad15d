package dev.casemate.cli;

import dev.casemate.commandline.Option;
import dev.casemate.vmms.Vmms;
import java.util.List;

/** The options of {@code casemate run}. */
final class RunOptions {
  static final List<Option> ALL =
      List.of(
          Option.flag("interactive", 'i', "pass standard input to the container"),
          Option.flag("tty", 't', "allocate a terminal for the container"),
          Option.flag("detach", 'd', "run in the background and print the container's id"),
          Option.flag("rm", '\0', "remove the container when it has ended"),
          Option.value("name", '\0', "NAME", "name of the container (default: two random words)"),
          Option.value(
              "hostname", 'h', "NAME", "host name of the container (default: its short id)"),
          Option.value(
              "env",
              'e',
              "NAME[=VALUE]",
              "set an environment variable; without a value: pass it on"),
          Option.value(
              "env-file",
              '\0',
              "FILE",
              "set environment variables from a file of NAME=VALUE lines"),
          Option.value("workdir", 'w', "DIR", "working directory in the container"),
          Option.value("user", 'u', "USER[:GROUP]", "run as this user, by name or number"),
          Option.value("group-add", '\0', "GROUP", "add a group, by name or number"),
          Option.value(
              "volume",
              'v',
              "HOST:GUEST[:ro]",
              "share a directory or file of the host with the container"),
          Option.value("tmpfs", '\0', "DIR[:OPTIONS]", "mount a tmpfs"),
          Option.value(
              "publish", 'p', "[ADDR:][HOST:]PORT[/udp]", "publish a port (with --network bridge)"),
          Option.value(
              "network",
              '\0',
              "none|bridge",
              "network of the VM (default: bridge with -p, else none)"),
          Option.value("dns", '\0', "ADDRESS", "name server (default: those of the host)"),
          Option.value("memory", 'm', "SIZE", "memory of the VM (default: 1g)"),
          Option.value(
              "cpus", '\0', "NUMBER", "CPUs of the VM; a fraction limits CPU time (default: 1)"),
          Option.value(
              "pids-limit",
              '\0',
              "NUMBER",
              "maximum number of processes (default: 4096, -1: no limit)"),
          Option.value(
              "scratch",
              '\0',
              "SIZE",
              "size of the disk for the container's writes (default: 10g, sparse;"
                  + " 0: keep them in the VM's memory)"),
          Option.flag("read-only", '\0', "make the container's root read-only"),
          Option.flag(
              "privileged",
              '\0',
              "give the container all of its VM: capabilities, devices, system calls"),
          Option.value("cap-add", '\0', "CAP", "add a capability, or ALL"),
          Option.value("cap-drop", '\0', "CAP", "drop a capability, or ALL"),
          Option.value(
              "security-opt",
              '\0',
              "OPTION",
              "seccomp=unconfined, seccomp=FILE or no-new-privileges=false"),
          Option.value(
              "ulimit", '\0', "NAME=SOFT[:HARD]", "set a resource limit, such as nofile=1024"),
          Option.value("sysctl", '\0', "NAME=VALUE", "set a kernel parameter of the guest"),
          Option.value(
              "entrypoint", '\0', "COMMAND", "run this instead of the image's entry point"),
          Option.value("label", 'l', "NAME=VALUE", "set a label"),
          Option.value("stop-signal", '\0', "SIGNAL", "signal that casemate stop sends"),
          Option.value(
              "stop-timeout",
              '\0',
              "SECONDS",
              "how long casemate stop waits before it kills (default: 10)"),
          Option.value("pull", '\0', "missing|always|never", "when to pull the image"),
          Option.value(
              "rootfs",
              '\0',
              "erofs|virtiofs",
              "how the image reaches the VM: as a block device (default) or shared"),
          Option.flag("insecure", '\0', "allow a registry without TLS or with a bad certificate"),
          Option.value(
              "ca-file", '\0', "FILE", "also trust the certification authorities in this PEM file"),
          Option.value("hypervisor", '\0', "NAME", "VMM: " + String.join(", ", Vmms.names())),
          Option.value(
              "template",
              '\0',
              "auto|existing|never",
              "copy a template, a booted VM: auto also has a missing one made for the next start,"
                  + " existing only uses one, never boots (default: auto)"),
          Option.value("accel", '\0', "auto|kvm|tcg", "accelerator of the VM (default: auto)"),
          Option.value(
              "agent-channel",
              '\0',
              "serial|vsock",
              "how the guest's agent is reached: through the VMM (default), or through the host's"
                  + " kernel (vhost-vsock)"),
          Option.value("guest", '\0', "NAME", "guest to boot (default: default)"),
          Option.value("kernel", '\0', "FILE", "boot this kernel (uncompressed, PVH) instead"),
          Option.value("initramfs", '\0', "FILE", "boot this initramfs instead"),
          Option.value(
              "boot-timeout", '\0', "SECONDS", "how long the guest may take to boot (default: 60)"),
          Option.flag("timings", '\0', "print at the end how long each stage of the start took"));

  private RunOptions() {}
}
