package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.PlainText;
import java.util.List;
import java.util.Map;

/**
 * Annotations of a pod that change its VM: {@code dev.casemate.NAME}, and those that Kata
 * Containers has for the same. One that the configuration does not allow is an error, never passed
 * over: whoever wrote it expects it to hold.
 */
final class Annotations {
  private static final String PREFIX = "dev.casemate.";
  private static final String KATA_PREFIX = "io.katacontainers.config.hypervisor.";

  private Annotations() {}

  /** The configuration as a pod's annotations change it. */
  static RuntimeConfig apply(RuntimeConfig config, Map<String, String> annotations) {
    RuntimeConfig result = config;
    for (Map.Entry<String, String> entry : annotations.entrySet()) {
      String name = name(entry.getKey());
      if (name.isEmpty()) {
        continue;
      }
      if (!config.allowedAnnotations().contains(name)
          && !config.allowedAnnotations().contains("*")) {
        throw CasemateException.of(
            Kind.PERMISSION_DENIED,
            "annotation "
                + entry.getKey()
                + " = "
                + PlainText.quote(entry.getValue())
                + " is not allowed on this node: add \""
                + name
                + "\" to allowed in [annotations] of "
                + RuntimeConfig.DEFAULT_PATH
                + ", or remove it");
      }
      result = with(result, entry.getKey(), name, entry.getValue());
    }
    return result;
  }

  /** What an annotation changes; empty if it is none of ours. */
  private static String name(String key) {
    if (key.startsWith(PREFIX)) {
      return key.substring(PREFIX.length());
    }
    if (!key.startsWith(KATA_PREFIX)) {
      return "";
    }
    String kata = key.substring(KATA_PREFIX.length());
    return switch (kata) {
      case "default_memory" -> "memory_mib";
      case "default_vcpus" -> "vcpus";
      case "initrd" -> "initramfs";
      case "shared_fs" -> "file_sharing";
      default -> kata;
    };
  }

  private static RuntimeConfig with(RuntimeConfig c, String key, String name, String value) {
    return switch (name) {
      case "memory_mib" -> c.withMemoryMib(number(key, value, 64, c.maxMemoryMib()));
      case "vcpus" -> c.withVcpus(number(key, value, 1, c.maxVcpus()));
      case "kernel" -> c.withBoot(c.guestPaths().checkKernel(key, value), c.initramfs());
      case "initramfs" -> c.withBoot(c.kernel(), c.guestPaths().checkInitramfs(key, value));
      case "accelerator" -> c.withAccelerator(word(key, value, "auto", "kvm", "tcg"));
      case "file_sharing" -> c.withSharing(!word(key, value, "virtio-fs", "none").equals("none"));
      default ->
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "annotation "
                  + key
                  + " is not a setting of Casemate; expected memory_mib, vcpus, kernel,"
                  + " initramfs, accelerator or file_sharing");
    };
  }

  private static CasemateException wrong(String key, String value, String expected) {
    return CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "annotation "
            + key
            + " = "
            + PlainText.quote(value)
            + " is not valid: expected "
            + expected);
  }

  private static int number(String key, String value, int least, int most) {
    try {
      int number = Integer.parseInt(value);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // reported below
    }
    throw wrong(key, value, "an integer from " + least + " to " + most);
  }

  private static String word(String key, String value, String... words) {
    if (!List.of(words).contains(value)) {
      throw wrong(key, value, String.join(", ", words));
    }
    return value;
  }
}
