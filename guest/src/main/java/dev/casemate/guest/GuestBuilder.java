package dev.casemate.guest;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.protocol.GuestContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Puts a guest together in a directory beside its place and moves it there when it is whole. */
final class GuestBuilder {
  private static final int AT_FDCWD = -100;
  private static final int RENAME_EXCHANGE = 2;

  private final Path root;
  private final Path cache;
  private final Progress progress;

  /** The caller holds the guest's lock. */
  GuestBuilder(Path root, Path cache, Progress progress) {
    this.root = root;
    this.cache = cache;
    this.progress = progress;
  }

  Guest build(GuestSpec spec) {
    Initramfs.checkAgent(spec.agent());
    Scratch.make(cache);
    Path unpacked = Scratch.directory(cache, "." + spec.name() + "~build-");
    Path fresh = Scratch.directory(root, "." + spec.name() + "~build-");
    try {
      PreparedKernel kernel = prepare(spec, unpacked);
      Map<String, List<String>> groups = kernel.groups(spec.extraFeatures(), progress);
      progress.step("Writing the kernel and " + ModuleGroups.union(groups).size() + " modules");
      write(fresh.resolve(GuestStore.KERNEL), kernel.image().elf());
      Path modules = fresh.resolve(GuestStore.MODULES);
      Scratch.make(modules);
      for (String name : ModuleGroups.union(groups)) {
        KernelModule module = kernel.modules().orElseThrow().load(name);
        write(
            modules.resolve(name + ".ko"),
            kernel.stripSignatures() ? module.unsigned() : module.content());
      }
      if (kernel.modules().isPresent()) {
        int count =
            ModulePackWriter.write(
                fresh.resolve(GuestContract.MODULE_PACK),
                kernel.modules().get(),
                kernel.stripSignatures());
        progress.step("Packed " + count + " modules for what containers may ask for");
      }
      progress.step("Writing the initramfs");
      long initramfsBytes =
          Initramfs.write(fresh.resolve(GuestStore.INITRAMFS), spec.agent(), modules, groups);
      Path target = root.resolve(spec.name());
      Guest guest =
          new Guest(
              spec.name(),
              target,
              kernel.image().release(),
              kernel.source(),
              kernel.sourceVersion(),
              groups,
              Digest.sha256(spec.agent()),
              Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
              kernel.image().elf().length,
              initramfsBytes);
      GuestFile.write(guest, fresh);
      moveIntoPlace(fresh, target);
      return guest;
    } finally {
      Scratch.remove(fresh);
      Scratch.remove(unpacked);
    }
  }

  Guest refresh(Guest guest, Path agent) {
    Initramfs.checkAgent(agent);
    String sha256 = Digest.sha256(agent);
    if (sha256.equals(guest.agentSha256()) && Fs.exists(guest.initramfs().toString())) {
      return guest;
    }
    progress.step("Writing the initramfs with the new agent");
    Path fresh = Scratch.directory(root, "." + guest.name() + "~refresh-");
    try {
      Path initramfs = fresh.resolve(GuestStore.INITRAMFS);
      Path modules = guest.directory().resolve(GuestStore.MODULES);
      long bytes = Initramfs.write(initramfs, agent, modules, guest.groups());
      Guest refreshed =
          new Guest(
              guest.name(),
              guest.directory(),
              guest.kernelRelease(),
              guest.source(),
              guest.sourceVersion(),
              guest.groups(),
              sha256,
              Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
              guest.kernelBytes(),
              bytes);
      // First the content: if this is cut short, the old checksum makes the next refresh do it
      // again.
      Fs.rename(initramfs.toString(), guest.initramfs().toString());
      GuestFile.write(refreshed, guest.directory());
      return refreshed;
    } catch (LinuxException e) {
      throw Failure.of("replace " + guest.initramfs(), e);
    } finally {
      Scratch.remove(fresh);
    }
  }

  private PreparedKernel prepare(GuestSpec spec, Path scratch) {
    return switch (spec.kernel()) {
      case KernelSource.DebianPackage(Optional<String> name, Optional<String> suite) -> {
        List<String> options =
            suite.isEmpty()
                ? List.of()
                : new DebianSuite(suite.get(), cache, progress).aptOptions();
        yield DebianKernel.prepare(
            new DebianPackages(cache, scratch, progress, options), name, scratch, progress);
      }
      case KernelSource.KernelFile(Path kernel, Optional<Path> modules) -> {
        progress.step("Reading the kernel " + kernel);
        yield new PreparedKernel(
            KernelImage.read(kernel),
            modules.map(tree -> ModuleTree.scan(tree, tree.toString())),
            List.of(),
            false,
            kernel.toString(),
            "");
      }
      case KernelSource.LeanBuild lean ->
          LeanKernel.prepare(
              lean, cache, scratch, cache.resolve(spec.name() + "-build.log"), progress);
    };
  }

  private static void write(Path file, byte[] content) {
    try {
      Files.write(file, content);
    } catch (IOException e) {
      throw Failure.of("write " + file, e);
    }
  }

  /** Afterwards {@code fresh} holds what was at {@code target} before, if there was anything. */
  private static void moveIntoPlace(Path fresh, Path target) {
    try {
      if (!Fs.exists(target.toString())) {
        Fs.rename(fresh.toString(), target.toString());
        return;
      }
      try (NativeBuffer from = NativeBuffer.ofString(fresh.toString());
          NativeBuffer to = NativeBuffer.ofString(target.toString())) {
        long result =
            SystemCall.raw(
                SystemCall.RENAMEAT2,
                AT_FDCWD,
                from.address(),
                AT_FDCWD,
                to.address(),
                RENAME_EXCHANGE);
        if (result != -Errno.EINVAL) {
          SystemCall.check(result, "renameat2", fresh + " and " + target);
          return;
        }
      }
      // A file system that cannot exchange: for a moment there is no guest of this name.
      Path old = fresh.resolveSibling(fresh.getFileName() + "-old");
      Fs.rename(target.toString(), old.toString());
      Fs.rename(fresh.toString(), target.toString());
      Fs.rename(old.toString(), fresh.toString());
    } catch (LinuxException e) {
      throw Failure.of("put the guest in place at " + target, e);
    }
  }
}
