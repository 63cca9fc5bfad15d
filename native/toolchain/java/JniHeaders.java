import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.ConstantValueAttribute;
import java.lang.classfile.Attributes;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Writes the headers ({@code java_io_FileSystem.h} and so on) that the JDK's native sources include: the constants
 * and the native methods of the Java classes.
 *
 * <p>{@code javac -h} would need the classes' sources and everything that these need, part of which the JDK's build generates. The
 * class files of the JDK say the same, and they are the very classes that the image will hold.
 *
 * <p>Arguments: the directory to write to, the names of the headers. A name that stands for no class is some other header, and skipped.
 */
public final class JniHeaders {
    private JniHeaders() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        Map<String, Path> classes = classesByHeader("java.base", "jdk.net");
        for (int i = 1; i < args.length; i++) {
            Path file = classes.get(args[i]);
            if (file != null) {
                StringBuilder text = new StringBuilder("#include <jni.h>\n");
                String prefix = args[i].substring(0, args[i].length() - ".h".length());
                ClassModel model = ClassFile.of().parse(file);
                appendConstants(model, prefix, classes, text);
                appendPrototypes(model, text);
                Files.writeString(directory.resolve(args[i]), text);
            }
        }
    }

    private static Map<String, Path> classesByHeader(String... modules) throws IOException {
        FileSystem runtime = FileSystems.getFileSystem(URI.create("jrt:/"));
        Map<String, Path> classes = new HashMap<>();
        for (String module : modules) {
            Path root = runtime.getPath("modules", module);
            try (Stream<Path> files = Files.walk(root)) {
                files.filter(file -> file.toString().endsWith(".class")).forEach(file -> classes.put(header(root.relativize(file)), file));
            }
        }
        return classes;
    }

    private static String header(Path classFile) {
        String name = classFile.toString();
        return mangle(name.substring(0, name.length() - ".class".length())) + ".h";
    }

    private static String mangle(String binaryName) {
        return binaryName.replace("_", "_1").replace('/', '_').replace('$', '_');
    }

    /** The class's own constants and, as {@code javac -h} has it, those that it inherits from its superclasses. */
    private static void appendConstants(ClassModel model, String prefix, Map<String, Path> classes, StringBuilder text) throws IOException {
        for (FieldModel field : model.fields()) {
            field.findAttribute(Attributes.constantValue()).filter(ignored -> field.flags().has(AccessFlag.STATIC))
                    .ifPresent(constant -> appendConstant(prefix, field, constant, text));
        }
        if (model.superclass().isPresent()) {
            Path parent = classes.get(mangle(model.superclass().get().asInternalName()) + ".h");
            if (parent != null) {
                appendConstants(ClassFile.of().parse(parent), prefix, classes, text);
            }
        }
    }

    private static void appendConstant(String prefix, FieldModel field, ConstantValueAttribute constant, StringBuilder text) {
        ConstantDesc value = constant.constant().constantValue();
        String literal = switch (value) {
            case Integer number -> number == Integer.MIN_VALUE ? "(-2147483647-1)" : number + "L";
            case Long number -> number == Long.MIN_VALUE ? "(-9223372036854775807LL-1)" : number + "LL";
            default -> "";
        };
        if (!literal.isEmpty()) {
            String name = prefix + "_" + field.fieldName().stringValue();
            text.append("#undef ").append(name).append("\n#define ").append(name).append(' ').append(literal).append('\n');
        }
    }

    private static void appendPrototypes(ClassModel model, StringBuilder text) {
        Map<String, Long> natives = model.methods().stream().filter(JniHeaders::isNative)
                .collect(Collectors.groupingBy(method -> method.methodName().stringValue(), Collectors.counting()));
        for (MethodModel method : model.methods()) {
            if (!isNative(method)) {
                continue;
            }
            String name = "Java_" + mangleFully(model.thisClass().asInternalName()) + "_" + mangleFully(method.methodName().stringValue());
            if (natives.get(method.methodName().stringValue()) > 1) {
                String descriptor = method.methodType().stringValue();
                name += "__" + mangleFully(descriptor.substring(1, descriptor.indexOf(')')));
            }
            MethodTypeDesc type = method.methodTypeSymbol();
            String owner = method.flags().has(AccessFlag.STATIC) ? "jclass" : "jobject";
            text.append("JNIEXPORT ").append(jniType(type.returnType())).append(" JNICALL ").append(name).append("(JNIEnv *, ").append(owner);
            type.parameterList().forEach(parameter -> text.append(", ").append(jniType(parameter)));
            text.append(");\n");
        }
    }

    private static boolean isNative(MethodModel method) {
        return method.flags().has(AccessFlag.NATIVE);
    }

    /** JNI specification, "Resolving Native Method Names". */
    private static String mangleFully(String name) {
        return name.replace("_", "_1").replace(";", "_2").replace("[", "_3").replace("$", "_00024").replace('/', '_');
    }

    private static String jniType(ClassDesc type) {
        if (type.isPrimitive()) {
            return type.displayName().equals("void") ? "void" : "j" + type.displayName();
        }
        if (type.isArray()) {
            ClassDesc component = type.componentType();
            return component.isPrimitive() ? "j" + component.displayName() + "Array" : "jobjectArray";
        }
        return switch (type.descriptorString()) {
            case "Ljava/lang/String;" -> "jstring";
            case "Ljava/lang/Class;" -> "jclass";
            case "Ljava/lang/Throwable;" -> "jthrowable";
            default -> "jobject";
        };
    }
}
