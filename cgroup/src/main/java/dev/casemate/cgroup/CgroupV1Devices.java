package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Resources.DeviceRule;
import java.util.ArrayList;
import java.util.List;

/**
 * Device rules for version 1 (Documentation/admin-guide/cgroup-v1/devices.rst). The kernel has a
 * default and a set of exceptions, not a list: what a list of rules comes to is worked out here,
 * and the ones that cannot be said that way (an exception to an exception) are refused, for the
 * kernel would ignore them in silence.
 */
final class CgroupV1Devices {
  private static final int ANY = -1;
  private static final String LETTERS = "rwm";

  /**
   * A set of devices: {@code b} or {@code c}, numbers or {@link #ANY}; bits of {@link #LETTERS}.
   */
  private static final class Exception {
    final char type;
    final int major;
    final int minor;
    int access;

    Exception(char type, int major, int minor, int access) {
      this.type = type;
      this.major = major;
      this.minor = minor;
      this.access = access;
    }

    boolean isSame(Exception other) {
      return type == other.type && major == other.major && minor == other.minor;
    }

    /** Whether there are devices that are in both. */
    boolean meets(Exception other) {
      return type == other.type
          && (access & other.access) != 0
          && (major == ANY || other.major == ANY || major == other.major)
          && (minor == ANY || other.minor == ANY || minor == other.minor);
    }

    boolean isWithin(Exception other) {
      return type == other.type
          && (other.major == ANY || major == other.major)
          && (other.minor == ANY || minor == other.minor);
    }

    String text() {
      StringBuilder text = new StringBuilder();
      text.append(type).append(' ');
      text.append(major == ANY ? "*" : Integer.toString(major)).append(':');
      text.append(minor == ANY ? "*" : Integer.toString(minor)).append(' ');
      for (int i = 0; i < LETTERS.length(); i++) {
        if ((access & (1 << i)) != 0) {
          text.append(LETTERS.charAt(i));
        }
      }
      return text.toString();
    }
  }

  private boolean allow;
  private final List<Exception> exceptions = new ArrayList<>();

  private CgroupV1Devices() {}

  /** What is to be written: the default first, then the exceptions to it. */
  static List<String> lines(List<DeviceRule> rules) {
    CgroupV1Devices devices = new CgroupV1Devices();
    for (DeviceRule rule : rules) {
      devices.add(rule);
    }
    List<String> lines = new ArrayList<>();
    lines.add(devices.allow ? "allow a" : "deny a");
    for (Exception exception : devices.exceptions) {
      lines.add((devices.allow ? "deny " : "allow ") + exception.text());
    }
    return lines;
  }

  static void apply(String directory, List<DeviceRule> rules) {
    for (String line : lines(rules)) {
      int blank = line.indexOf(' ');
      try {
        FileContent.writeControl(
            directory + "/devices." + line.substring(0, blank), line.substring(blank + 1));
      } catch (LinuxException e) {
        throw Failures.of("device rule \"" + line + "\" of cgroup " + directory, e);
      }
    }
  }

  private void add(DeviceRule rule) {
    if (DeviceFilter.isEverything(rule)) {
      allow = rule.allow();
      exceptions.clear();
      return;
    }
    int access = 0;
    int bits = DeviceFilter.access(rule);
    for (int i = 0; i < LETTERS.length(); i++) {
      access |= (bits & DeviceFilter.accessBit(LETTERS.charAt(i))) != 0 ? 1 << i : 0;
    }
    int major = rule.major().orElse(ANY);
    int minor = rule.minor().orElse(ANY);
    for (char type : new char[] {'b', 'c'}) {
      if (DeviceFilter.isOfType(rule, type)) {
        Exception set = new Exception(type, major, minor, access);
        if (rule.allow() != allow) {
          except(set);
        } else {
          withdraw(set, rule);
        }
      }
    }
  }

  private void except(Exception set) {
    for (Exception there : exceptions) {
      if (there.isSame(set)) {
        there.access |= set.access;
        return;
      }
    }
    exceptions.add(set);
  }

  /** The default is to hold again for a set: exceptions within it go, one around it cannot. */
  private void withdraw(Exception set, DeviceRule rule) {
    for (int i = exceptions.size() - 1; i >= 0; i--) {
      Exception there = exceptions.get(i);
      if (!there.meets(set)) {
        continue;
      }
      if (!there.isWithin(set)) {
        throw Failures.invalid(
            "linux.resources.devices: the rule to "
                + (rule.allow() ? "allow " : "deny ")
                + set.text()
                + " is an exception to \""
                + there.text()
                + "\", which cgroup v1 cannot express; remove one of the two");
      }
      there.access &= ~set.access;
      if (there.access == 0) {
        exceptions.remove(i);
      }
    }
  }
}
