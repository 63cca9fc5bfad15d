package dev.casemate.image;

import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarWriter;
import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Text;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.ImageIndex;
import dev.casemate.oci.ImageManifest;
import dev.casemate.oci.Platform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;

/**
 * A small real image, for demonstrations and tests on machines without a registry: an OCI image
 * layout with a statically linked busybox and little else. The same busybox gives the same bytes.
 */
public final class BusyboxImage {
  public static final String BUSYBOX = "/bin/busybox";
  private static final String GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
  private static final int MAX_PROGRAM = 64 << 20;

  private BusyboxImage() {}

  /**
   * Writes the image with tag {@code latest}; {@code oci:DIR} runs it.
   *
   * @param directory created if missing
   * @throws CasemateException FAILED_PRECONDITION if there is no static busybox on this machine
   */
  public static void write(String directory) {
    byte[] program = program();
    byte[] tar = tar(program, applets());
    byte[] layer = gzip(tar);
    FileTree.makeDirectories(directory + "/blobs/sha256", 0755);
    ImageConfig config =
        new ImageConfig(
            Platform.LINUX_AMD64,
            List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            List.of(),
            List.of("sh"),
            "/",
            "",
            List.of(),
            List.of(),
            Map.of(),
            "",
            List.of(Digests.of(tar)));
    Descriptor layerBlob = put(directory, GZIP_LAYER, layer);
    // One entry a layer: buildah counts them before it adds another.
    Json.Obj entry = new Json.Obj().put("created_by", "casemate demo-image");
    String text = config.json().putObjects("history", List.of(entry)).text();
    Descriptor configBlob = put(directory, ImageConfig.OCI, utf8(text));
    ImageManifest manifest = new ImageManifest(configBlob, List.of(layerBlob));
    Descriptor found = put(directory, ImageManifest.OCI, utf8(manifest.json().text()));
    Descriptor named =
        new Descriptor(
            found.mediaType(),
            found.digest(),
            found.size(),
            Optional.of(Platform.LINUX_AMD64),
            Map.of(Descriptor.REF_NAME, "latest"));
    Json.Obj index =
        new Json.Obj()
            .put("schemaVersion", 2)
            .put("mediaType", ImageIndex.OCI)
            .putObjects("manifests", List.of(named.json()));
    FileContent.replace(
        directory + "/oci-layout",
        utf8(new Json.Obj().put("imageLayoutVersion", "1.0.0").text()),
        0644);
    FileContent.replace(directory + "/index.json", utf8(index.text()), 0644);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static Descriptor put(String directory, String mediaType, byte[] content) {
    Descriptor blob = Descriptor.of(mediaType, Digests.of(content), content.length);
    FileContent.replace(directory + "/blobs/sha256/" + blob.hex(), content, 0644);
    return blob;
  }

  private static byte[] program() {
    byte[] program;
    try {
      program = FileContent.readBytes(BUSYBOX, MAX_PROGRAM);
    } catch (LinuxException e) {
      throw missing("cannot be read: " + e.getMessage());
    }
    if (!isStatic(program)) {
      throw missing("is not a statically linked x86-64 program");
    }
    return program;
  }

  private static CasemateException missing(String why) {
    return CasemateException.of(
        Kind.FAILED_PRECONDITION, BUSYBOX + " " + why + "; install package busybox-static");
  }

  /** Whether it is an ELF program for x86-64 that asks for no loader (elf(5): PT_INTERP). */
  private static boolean isStatic(byte[] elf) {
    if (elf.length < 64 || elf[0] != 0x7f || elf[1] != 'E' || elf[4] != 2 || elf[18] != 62) {
      return false;
    }
    int table = (elf[32] & 0xff) | (elf[33] & 0xff) << 8;
    int count = elf[56] & 0xff;
    for (int i = 0; i < count; i++) {
      int at = table + 56 * i;
      if (at + 56 > elf.length || elf[at] == 3) {
        return false;
      }
    }
    return true;
  }

  private static List<String> applets() {
    byte[] list;
    int pid;
    try (Pipe pipe = Pipe.open();
        Fd none = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      pid =
          Spawn.program(BUSYBOX, List.of("busybox", "--list"))
              .stdio(none, pipe.write(), none)
              .start();
      pipe.write().close();
      list = FileContent.readBytes(pipe.read(), "busybox --list", 1 << 20);
    }
    Processes.waitFor(pid, 0);
    List<String> applets =
        new ArrayList<>(Text.split(new String(list, StandardCharsets.UTF_8), '\n'));
    Collections.sort(applets);
    return applets;
  }

  private static byte[] tar(byte[] program, List<String> applets) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(program.length + (1 << 20));
    TarWriter tar = new TarWriter(out);
    directory(tar, "bin", 0755);
    file(tar, "bin/busybox", 0755, program);
    for (String applet : applets) {
      if (!applet.equals("busybox")) {
        tar.put(TarEntry.plain("bin/" + applet, TarEntry.Type.SYMLINK, 0777, "busybox"));
      }
    }
    directory(tar, "dev", 0755);
    directory(tar, "etc", 0755);
    file(tar, "etc/group", 0644, utf8("root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"));
    file(
        tar,
        "etc/passwd",
        0644,
        utf8("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"));
    directory(tar, "home", 0755);
    directory(tar, "proc", 0555);
    directory(tar, "root", 0700);
    directory(tar, "run", 0755);
    tar.put(TarEntry.plain("sbin", TarEntry.Type.SYMLINK, 0777, "bin"));
    directory(tar, "sys", 0555);
    directory(tar, "tmp", 01777);
    directory(tar, "usr", 0755);
    tar.put(TarEntry.plain("usr/bin", TarEntry.Type.SYMLINK, 0777, "../bin"));
    tar.put(TarEntry.plain("usr/sbin", TarEntry.Type.SYMLINK, 0777, "../bin"));
    directory(tar, "var", 0755);
    directory(tar, "var/tmp", 01777);
    tar.finish();
    return out.toByteArray();
  }

  private static void directory(TarWriter tar, String name, int mode) {
    tar.put(TarEntry.plain(name, TarEntry.Type.DIRECTORY, mode, ""));
  }

  private static void file(TarWriter tar, String name, int mode, byte[] content) {
    tar.put(TarEntry.file(name, mode, content.length));
    tar.write(content, 0, content.length);
  }

  private static byte[] gzip(byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}
