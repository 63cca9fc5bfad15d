package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.jail.JailRoot;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A VM's memory as files: where another process maps it, and where it comes from a template or
 * becomes one. They lie in a file system of their own that only the VM's jail sees; without a jail,
 * in the VM's directory.
 *
 * <p>Under KVM a page that the host has not mapped yet costs an exit. Anonymous memory comes in
 * large pages; shared memory only from a file system that makes its files of them, aligned to one,
 * which a memfd of QEMU's is not. With a memfd a start takes 36,000 of these exits, with this some
 * hundred. Emulation gains nothing by it, and clearing large pages takes time.
 */
final class MemoryFiles implements AutoCloseable {
  /** Id and file of the memory of the start. */
  static final String START = "memory";

  private static final long LARGE_PAGE = 2 << 20;
  private static final int CREATE =
      OpenFlag.READ_WRITE | OpenFlag.CREATE | OpenFlag.TRUNCATE | OpenFlag.NO_FOLLOW;

  private final String directory;
  private final boolean large;
  private final Optional<Fd> tree;

  private MemoryFiles(String directory, boolean large, Optional<Fd> tree) {
    this.directory = directory;
    this.large = large;
    this.tree = tree;
  }

  /**
   * The place of a VM's memory; empty if the memory is no file.
   *
   * @param copy whether the VM starts as a copy of a template
   */
  static Optional<MemoryFiles> of(VmConfig config, Accelerator accelerator, boolean copy) {
    boolean jailed = config.jail().isPresent();
    boolean large = accelerator.kind() == Accelerator.Kind.KVM;
    if (!copy && !config.becomesTemplate() && !(config.sharedMemory() && jailed && large)) {
      return Optional.empty();
    }
    if (!jailed) {
      return Optional.of(new MemoryFiles(config.runDirectory(), false, Optional.empty()));
    }
    List<String> options = new ArrayList<>();
    options.add("mode=0700");
    config
        .jail()
        .ifPresent(
            user -> {
              options.add("uid=" + user.uid());
              options.add("gid=" + user.gid());
            });
    // The memory of the start and what it may grow by are two files.
    options.add("size=" + (((long) config.maxMemoryMib() << 20) + 2 * LARGE_PAGE));
    options.add("nr_inodes=16");
    Fd mount = large ? tmpfsOfLargePages(options) : tmpfs(options);
    return Optional.of(new MemoryFiles(QemuJail.MEMORY, large, Optional.of(mount)));
  }

  private static Fd tmpfs(List<String> options) {
    return NewMount.create(
        "tmpfs",
        "casemate-memory",
        options,
        NewMount.ATTR_NOSUID | NewMount.ATTR_NODEV | NewMount.ATTR_NOEXEC);
  }

  /** Where the kernel has them. */
  private static Fd tmpfsOfLargePages(List<String> options) {
    List<String> all = new ArrayList<>(options);
    all.add("huge=always");
    try {
      return tmpfs(all);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      return tmpfs(options);
    }
  }

  /** Whether what the VM grows by can be a file here, too. */
  boolean holdsGrowth() {
    return tree.isPresent();
  }

  /** A back end of QEMU's that is shared; its size follows. */
  String backend(String id) {
    return "memory-backend-file,mem-path="
        + directory
        + "/"
        + id
        + (large ? ",align=2M" : "")
        + ",share=on,id="
        + id;
  }

  /** Makes the file with the memory of the start, which has nothing but zeros yet. */
  Fd create(VmConfig config) {
    Fd file =
        tree.isPresent()
            ? Fs.openAt(tree.get(), START, CREATE, 0600)
            : Fs.open(startPath(directory), CREATE, 0600);
    FileContent.truncate(file, (long) config.memoryMib() << 20);
    config.jail().ifPresent(user -> Fs.chown(file, user.uid(), user.gid()));
    return file;
  }

  /** The memory of the start of a VM without a jail. */
  static String startPath(String runDirectory) {
    return runDirectory + "/" + START;
  }

  void addTo(JailRoot root) {
    tree.ifPresent(mount -> root.mount(QemuJail.MEMORY, mount));
  }

  /** Once the VM has the files. */
  @Override
  public void close() {
    tree.ifPresent(Fd::close);
  }
}
