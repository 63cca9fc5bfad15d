import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/**
 * Prints the arguments that open every package of the compiler, of JVMCI and of the JDK modules that images use to the modules of the builder, one a line.
 *
 * <p>GraalVM's own driver knows a shorter list; it is not on Maven Central, and opening all of them is what its longer list amounts to.
 *
 * <p>Arguments: the directory of jars, the targets (module names, with commas).
 */
public final class BuilderArguments {
    private static final Set<String> OPENED = Set.of(
            "java.base", "java.management", "jdk.graal.compiler", "jdk.internal.jvmstat", "jdk.internal.vm.ci", "jdk.jfr", "jdk.management");

    private BuilderArguments() {}

    public static void main(String[] args) throws Exception {
        ModuleFinder finder = ModuleFinder.compose(ModuleFinder.of(Path.of(args[0])), ModuleFinder.ofSystem());
        for (String name : new TreeSet<>(OPENED)) {
            for (String packageName : packages(finder.find(name).orElseThrow())) {
                System.out.println("--add-exports=" + name + "/" + packageName + "=" + args[1]);
                System.out.println("--add-opens=" + name + "/" + packageName + "=" + args[1]);
            }
        }
    }

    private static Set<String> packages(ModuleReference module) {
        return new TreeSet<>(module.descriptor().packages());
    }
}
