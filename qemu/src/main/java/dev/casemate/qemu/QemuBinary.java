package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** Where QEMU and its firmware lie. */
final class QemuBinary {
  private static final List<String> PLACES =
      List.of(
          "/usr/bin/qemu-system-x86_64",
          "/usr/local/bin/qemu-system-x86_64",
          "/usr/libexec/qemu-kvm");

  private static final List<String> FIRMWARE =
      List.of(
          "/usr/share/qemu/qboot.rom",
          "/usr/local/share/qemu/qboot.rom",
          "/usr/share/qemu-kvm/qboot.rom");

  private static final int OUTPUT_LIMIT = 64 * 1024;

  private QemuBinary() {}

  static String find(String configured) {
    if (!configured.isEmpty()) {
      if (Fs.statIfExists(configured).isEmpty()) {
        throw CasemateException.of(
            CasemateException.Kind.NOT_FOUND,
            "QEMU \"" + configured + "\" does not exist: correct the path in the configuration");
      }
      return configured;
    }
    for (String place : PLACES) {
      if (Fs.statIfExists(place).isPresent()) {
        return place;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.NOT_FOUND,
        "QEMU is not installed: no "
            + PLACES.getFirst()
            + "; run: apt-get install qemu-system-x86");
  }

  /** Path of the fast firmware; empty if it is not installed. */
  static String firmware() {
    for (String path : FIRMWARE) {
      if (Fs.statIfExists(path).isPresent()) {
        return path;
      }
    }
    return "";
  }

  /** Runs {@code qemu --version}: tens of milliseconds. */
  static String version(String binary) {
    try (Pipe pipe = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      int pid =
          Spawn.program(binary, List.of(binary, "--version"))
              .stdio(nothing, pipe.write(), nothing)
              .start();
      pipe.write().close();
      String output =
          new String(
              FileContent.readBytes(pipe.read(), binary, OUTPUT_LIMIT), StandardCharsets.UTF_8);
      Processes.waitFor(pid, 0);
      return parseVersion(output)
          .orElseThrow(
              () ->
                  CasemateException.of(
                      CasemateException.Kind.FAILED_PRECONDITION,
                      "\""
                          + binary
                          + " --version\" did not print a version: check that it is QEMU and that it starts"));
    } catch (LinuxException e) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "\"" + binary + " --version\" cannot be run: " + e.getMessage(),
          e);
    }
  }

  /** {@code QEMU emulator version 7.2.22 (Debian …)} has 7.2.22. */
  static Optional<String> parseVersion(String output) {
    String marker = "version ";
    int at = output.indexOf(marker);
    if (at < 0) {
      return Optional.empty();
    }
    int start = at + marker.length();
    int end = start;
    while (end < output.length()
        && (Character.isDigit(output.charAt(end)) || output.charAt(end) == '.')) {
      end++;
    }
    return end == start ? Optional.empty() : Optional.of(output.substring(start, end));
  }
}
