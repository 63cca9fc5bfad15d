package dev.casemate.house;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.lang.module.ModuleDescriptor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What a module contains, and which other modules it may know. */
class WallsTest {
  /** Its packages are those of Kata Containers' and containerd's messages, and it is generated. */
  private static final String GENERATED = "protocol";

  /** At work while we compile only, and known to the tests of what it makes. */
  private static final String GENERATOR = "protocol-generator";

  /** A module that must not read others, and why. */
  private record Wall(String module, Set<String> hidden, String why) {}

  private static final List<Wall> WALLS =
      List.of(
          new Wall("linux", Set.of("netlink", "base"), "system calls know nothing of Casemate"),
          new Wall("protobuf", Set.of("linux", "base"), "a wire format is bytes only"),
          new Wall("commandline", Set.of("oci", "netlink"), "it knows words, not containers"),
          new Wall("base", Set.of("netlink", "oci"), "everything may use it"),
          new Wall("oci", Set.of("protobuf", "protocol"), "a specification has no wire format"),
          new Wall("network", Set.of("oci", "hypervisor", "sandbox"), "a VMM gets its TAP from it"),
          new Wall("hypervisor", Set.of("qemu", "sandbox", "oci"), "a seam has no driver"),
          new Wall("qemu", Set.of("sandbox", "oci", "protocol"), "a driver knows devices only"),
          new Wall("sandbox", Set.of("task", "containers", "image", "guest"), "an owner has it"),
          new Wall("sandbox", Set.of("cell", "agent"), "the guest is behind its protocol"),
          new Wall("task", Set.of("containers", "shim", "image"), "two owners share it"),
          new Wall("shim", Set.of("containers", "image", "guest"), "it has no store of its own"),
          new Wall("shim", Set.of("qemu", "cell"), "a sandbox has the VMM, the guest the engine"),
          new Wall("containers", Set.of("cli", "shim"), "a library has no command line"),
          new Wall("cli", Set.of("shim", "cell", "agent"), "its containers are in VMs"),
          new Wall("cell", Set.of("protocol", "rpc", "hypervisor"), "it speaks to nobody"),
          new Wall("oci-cli", Set.of("cell", "cgroup", "seccomp"), "an engine is behind a seam"),
          new Wall("cell-cli", Set.of("protocol", "rpc", "archive"), "size is start time"),
          new Wall("agent", Set.of("hypervisor", "jail", "sandbox", "image"), "it is the guest"),
          new Wall("guest", Set.of("agent", "hypervisor", "sandbox"), "it makes files only"));

  @Test
  void aModuleHasOnePackage() {
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, ModuleDescriptor> module : House.MODULES.entrySet()) {
      Set<String> packages = module.getValue().packages();
      if (!module.getKey().equals(GENERATED)
          && !packages.equals(Set.of(House.packageName(module.getKey())))) {
        wrong.add(module.getKey() + " has " + packages);
      }
    }
    assertThat(wrong).as("a second package belongs into a second module").isEmpty();
  }

  @Test
  void noModuleReadsItself() {
    List<String> circles = new ArrayList<>();
    for (String start : House.MODULES.keySet()) {
      Deque<String> open = new ArrayDeque<>(required(start));
      Set<String> seen = new HashSet<>();
      while (!open.isEmpty()) {
        String next = open.pop();
        if (next.equals(start)) {
          circles.add(start);
          break;
        }
        if (seen.add(next)) {
          open.addAll(required(next));
        }
      }
    }
    assertThat(circles).as("modules that require themselves by way of others").isEmpty();
  }

  private static Set<String> required(String module) {
    Set<String> required = new TreeSet<>();
    for (ModuleDescriptor.Requires requires : House.descriptor(module).requires()) {
      String directory = House.directory(requires.name());
      if (!directory.isEmpty()) {
        required.add(directory);
      }
    }
    return required;
  }

  @Test
  void wallsStand() {
    List<String> holes = new ArrayList<>();
    for (Wall wall : WALLS) {
      Set<String> seen = House.reads(wall.module());
      for (String hidden : wall.hidden()) {
        if (seen.contains(hidden)) {
          holes.add(wall.module() + " reads " + hidden + ": " + wall.why());
        }
      }
    }
    assertThat(holes).isEmpty();
  }

  @Test
  void oneModuleKnowsQemu() {
    Set<String> users = users().getOrDefault("qemu", Set.of());
    assertThat(users)
        .as("modules that use dev.casemate.qemu; ask vmms for a driver")
        .containsExactly("vmms");
  }

  /** What one module alone uses is exported to that one alone, so that no second one starts to. */
  @Test
  void exportsNameTheirOnlyUser() {
    List<String> wrong = new ArrayList<>();
    Map<String, Set<String>> users = users();
    for (Map.Entry<String, ModuleDescriptor> module : House.MODULES.entrySet()) {
      Set<String> by = users.getOrDefault(module.getKey(), Set.of());
      if (module.getKey().equals(GENERATED) || module.getKey().equals(GENERATOR) || by.size() > 1) {
        continue;
      }
      for (ModuleDescriptor.Exports exports : module.getValue().exports()) {
        Set<String> to = new TreeSet<>();
        exports.targets().forEach(target -> to.add(House.directory(target)));
        if (!exports.isQualified() || !by.containsAll(to)) {
          wrong.add(module.getKey() + " exports to " + to + ", used by " + by);
        }
      }
    }
    assertThat(wrong).as("module-info.java: exports … to the only user").isEmpty();
  }

  /** A public type is for other modules; where nothing is exported only a main class is public. */
  @Test
  void publicTypesAreExported() {
    List<String> wrong = new ArrayList<>();
    for (JavaClass type : House.CLASSES) {
      ModuleDescriptor module = House.MODULES.get(House.module(type));
      boolean exported =
          module != null
              && module.exports().stream()
                  .anyMatch(exports -> exports.source().equals(type.getPackageName()));
      if (!exported
          && type.isTopLevelClass()
          && type.getModifiers().contains(JavaModifier.PUBLIC)
          && type.tryGetMethod("main", String[].class).isEmpty()) {
        wrong.add(type.getName());
      }
    }
    assertThat(wrong).as("public types of packages that no module sees").isEmpty();
  }

  /** Of each module, the others whose classes use its classes. */
  private static Map<String, Set<String>> users() {
    Map<String, Set<String>> users = new TreeMap<>();
    for (JavaClass type : House.CLASSES) {
      String module = House.module(type);
      type.getDirectDependenciesFromSelf()
          .forEach(
              dependency -> {
                String used = House.module(dependency.getTargetClass().getBaseComponentType());
                if (!used.isEmpty() && !used.equals(module)) {
                  users.computeIfAbsent(used, key -> new TreeSet<>()).add(module);
                }
              });
    }
    return users;
  }
}
