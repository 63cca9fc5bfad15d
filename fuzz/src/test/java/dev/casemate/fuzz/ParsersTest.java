package dev.casemate.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every parser has a fuzz target. A parser is a class with a method that others can call, named
 * {@code parse…}, {@code decode…}, {@code fromJson…} or {@code split…}, or static and named {@code
 * read}, and given text, bytes or JSON; or one of those listed here that keep state, or have other
 * names.
 */
class ParsersTest {
  private static final Set<String> NAMES = Set.of("parse", "decode", "fromJson", "split");
  private static final Set<String> INPUTS =
      Set.of(
          "Ljava/lang/String;", "[B", "Ldev/casemate/base/Json$Obj;", "Ldev/casemate/base/Json;");

  /** Those that the rule does not see. */
  private static final Set<String> MORE =
      Set.of(
          "agent.ProcText",
          "agent.ResolverRelay",
          "archive.RootedExtractor",
          "archive.TarReader",
          "archive.Whiteouts",
          "cell.SyncChannel",
          "cell.Users",
          "cli.CopyOut",
          "cli.LogPrinter",
          "guest.KernelImage",
          "hypervisor.KernelImage",
          "qemu.IncomingMigration",
          "qemu.LineBuffer",
          "image.ArchiveFiles",
          "image.DockerArchiveSource",
          "image.HttpResponse",
          "image.LayerStream",
          "image.LayoutSource",
          "image.RegistryAuth",
          "image.RegistryConnection",
          "image.RegistrySource",
          "image.ZstdFrames",
          "netlink.NetlinkReader",
          "base.JsonReader",
          "base.PlainText",
          "rpc.FrameDecoder",
          "rpc.PrefixedMessages",
          "protobuf.ProtoReader",
          "rpc.RpcRequest",
          "rpc.TtrpcClient",
          "rpc.TtrpcSession",
          "sandbox.AgentClient",
          "sandbox.BootFailure",
          "sandbox.VmCheckpoint",
          "task.GuestPids",
          "sandbox.GuestSpec",
          "sandbox.LogUri",
          "sandbox.RelayedResolver",
          "sandbox.VmRestore",
          "shim.Annotations",
          "shim.Metrics",
          "shim.RuntimeConfig");

  /** Parsers of what is not foreign, and why it is not. */
  private static final Map<String, String> EXEMPT =
      Map.ofEntries(
          Map.entry("cgroup.CgroupFiles", "files of the kernel"),
          Map.entry("cgroup.CgroupV1Stats", "files of the kernel"),
          Map.entry("cgroup.Pressure", "files of the kernel"),
          Map.entry("linux.MemoryUse", "files of the kernel"),
          Map.entry("guest.GuestFile", "a record that this machine's root has written"),
          Map.entry("qemu.QemuBinary", "what a program of this machine says"),
          Map.entry("image.ImageArgument", "the user's own command line"),
          Map.entry("network.Joint", "a word in NetworkRecord"),
          Map.entry("network.NetworkRecord", "a record that this machine's root has written"),
          Map.entry("sandbox.DirectorySnapshot", "copies files and looks at none"),
          Map.entry("sandbox.Template", "a record that this machine's root has written"),
          Map.entry("sandbox.TemplateKind", "a record that this machine's root has written"),
          Map.entry("hypervisor.FileMark", "a record that this machine's root has written"),
          Map.entry("shim.ShimRecord", "a record that this machine's root has written"));

  private static Set<String> covered() {
    Set<String> covered = new TreeSet<>();
    for (Class<?> target : Targets.all()) {
      Fuzzes fuzzes = target.getAnnotation(Fuzzes.class);
      assertThat(fuzzes).as("@Fuzzes of %s", target).isNotNull();
      for (Class<?> parser : fuzzes.value()) {
        covered.add(name(parser.getName()));
      }
    }
    return covered;
  }

  private static String name(String className) {
    return className.substring("dev.casemate.".length());
  }

  private static Map<String, String> parsers() throws IOException {
    Map<String, String> found = new TreeMap<>();
    for (String entry : classPath().split(File.pathSeparator)) {
      Path place = Path.of(entry);
      if (Files.isDirectory(place) && place.endsWith("classes")) {
        try (Stream<Path> files = Files.walk(place)) {
          for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
            look(ClassFile.of().parse(file), found);
          }
        }
      }
    }
    return found;
  }

  private static String classPath() {
    return System.getProperty(
        "surefire.test.class.path", System.getProperty("java.class.path", ""));
  }

  private static void look(ClassModel type, Map<String, String> found) {
    String name = type.thisClass().asInternalName().replace('/', '.');
    // Generated messages are all in MessagesFuzz, which finds them itself.
    if (!name.startsWith("dev.casemate.")
        || name.startsWith("dev.casemate.protocol.")
        || name.startsWith("dev.casemate.protocolgenerator.")) {
      return;
    }
    for (MethodModel method : type.methods()) {
      String called = method.methodName().stringValue();
      boolean parses =
          NAMES.stream().anyMatch(called::startsWith)
              || (called.equals("read") && method.flags().has(AccessFlag.STATIC));
      String given = method.methodType().stringValue();
      boolean takes = INPUTS.stream().anyMatch(given.substring(0, given.indexOf(')'))::contains);
      if (parses
          && takes
          && !method.flags().has(AccessFlag.PRIVATE)
          && !method.flags().has(AccessFlag.ABSTRACT)
          && !method.flags().has(AccessFlag.SYNTHETIC)) {
        found.put(name(name), called);
      }
    }
  }

  @Test
  void everyParserHasATarget() throws Exception {
    Map<String, String> parsers = parsers();
    assertThat(parsers).as("parsers on the class path").hasSizeGreaterThan(40);
    Set<String> lacking = new TreeSet<>(parsers.keySet());
    lacking.addAll(MORE);
    lacking.removeAll(covered());
    lacking.removeAll(EXEMPT.keySet());
    assertThat(lacking)
        .as("parsers without a fuzz target: write one (CONTRIBUTING.md, \"Fuzzing\")")
        .isEmpty();
  }

  @Test
  void nothingIsExemptThatIsFuzzedOrGone() throws Exception {
    assertThat(EXEMPT.keySet()).isSubsetOf(parsers().keySet());
    assertThat(covered()).doesNotContainAnyElementsOf(EXEMPT.keySet());
  }

  @Test
  void everyCorpusHasATarget() throws Exception {
    List<String> targets = Targets.all().stream().map(Class::getSimpleName).toList();
    try (Stream<Path> corpora = Files.list(Targets.corpus(FuzzTest.class).getParent())) {
      assertThat(corpora.map(c -> c.getFileName().toString()).toList())
          .containsExactlyInAnyOrderElementsOf(targets);
    }
  }
}
