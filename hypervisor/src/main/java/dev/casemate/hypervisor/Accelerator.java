package dev.casemate.hypervisor;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The accelerator that runs the guest's instructions, and the reason for its choice.
 *
 * @param kind the processor, or emulation
 * @param reason one sentence; for TCG it names what is missing for KVM
 */
public record Accelerator(Kind kind, String reason) {
  /** The kinds of accelerators. */
  public enum Kind {
    KVM,
    TCG
  }

  /**
   * KVM only where it can run an ordinary kernel: {@code /dev/kvm} opens for reading and writing
   * and the processor has {@code vmx} or {@code svm}. A KVM without them exists (hosts that are VMs
   * themselves with a paravirtual KVM): it runs only kernels built for it.
   *
   * @param root the directory that contains {@code dev} and {@code proc}; empty for the machine
   *     itself
   */
  public static Accelerator detect(String root) {
    try (Fd _ = Fs.open(root + "/dev/kvm", OpenFlag.READ_WRITE)) {
      String flag = virtualizationFlag(root);
      return flag.isEmpty()
          ? new Accelerator(
              Kind.TCG,
              "/dev/kvm exists, but the processor shows neither vmx nor svm: it cannot run an"
                  + " ordinary guest kernel")
          : new Accelerator(Kind.KVM, "/dev/kvm opens and the processor has " + flag);
    } catch (LinuxException e) {
      return new Accelerator(
          Kind.TCG,
          e.errno() == Errno.ENOENT
              ? "/dev/kvm does not exist"
              : "/dev/kvm does not open for reading and writing: " + Errno.text(e.errno()));
    }
  }

  /** {@code vmx}, {@code svm}, or empty. */
  static String virtualizationFlag(String root) {
    List<String> flags = processorFlags(root);
    return flags.contains("vmx") ? "vmx" : flags.contains("svm") ? "svm" : "";
  }

  /** The first processor's flags; none if they cannot be read. */
  static List<String> processorFlags(String root) {
    return Text.split(processorField(root, "flags"), ' ');
  }

  /** The first processor's model and all that it can. */
  public static String processor() {
    return processorField("", "model name")
        + " "
        + processorField("", "microcode")
        + " "
        + processorField("", "flags");
  }

  /**
   * A field of the first processor, empty if there is none. The file of a big machine has
   * megabytes, its start is enough.
   */
  private static String processorField(String root, String name) {
    byte[] buffer = new byte[16 * 1024];
    int length = 0;
    try (Fd fd = Fs.open(root + "/proc/cpuinfo", OpenFlag.READ_ONLY)) {
      while (length < buffer.length) {
        int n = fd.read(buffer, length, buffer.length - length);
        if (n <= 0) {
          break;
        }
        length += n;
      }
    } catch (LinuxException e) {
      return "";
    }
    String text = new String(buffer, 0, length, StandardCharsets.ISO_8859_1);
    int start = text.indexOf("\n" + name + "\t");
    if (start < 0) {
      return "";
    }
    int colon = text.indexOf(':', start);
    int end = text.indexOf('\n', start + 1);
    return colon < 0 ? "" : text.substring(colon + 1, end < 0 ? text.length() : end);
  }

  /**
   * Selects the accelerator for a request.
   *
   * @throws CasemateException FAILED_PRECONDITION if KVM is requested where it does not work
   */
  public static Accelerator choose(AcceleratorChoice choice) {
    return switch (choice) {
      case TCG -> new Accelerator(Kind.TCG, "the configuration selects emulation");
      case AUTO -> detect("");
      case KVM -> {
        Accelerator detected = detect("");
        if (detected.kind() != Kind.KVM) {
          throw CasemateException.of(
              CasemateException.Kind.FAILED_PRECONDITION,
              "accelerator \"kvm\" was requested, but "
                  + detected.reason()
                  + "; use \"auto\" or \"tcg\", or enable (nested) virtualization");
        }
        yield detected;
      }
    };
  }
}
