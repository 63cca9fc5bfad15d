package dev.casemate.protocolgenerator;

import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The build's step: runs protoc over a directory of texts and writes the Java sources. Does nothing
 * when neither the texts nor this program changed; writes only files that differ, so that the
 * compiler's own check for changes works.
 */
public final class Main {
  private Main() {}

  /**
   * Runs the step.
   *
   * @param args protoc's path, the directory with the {@code .proto} files, the source root to
   *     write to, the descriptor set to write
   * @throws IOException if a file cannot be read or written
   * @throws InterruptedException if the wait for protoc is interrupted
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    if (args.length != 4) {
      throw new IllegalArgumentException(
          "expected: PROTOC PROTO_DIRECTORY SOURCE_ROOT DESCRIPTOR_SET; got "
              + args.length
              + " arguments");
    }
    Path protoc = Path.of(args[0]).toAbsolutePath();
    Path texts = Path.of(args[1]).toAbsolutePath();
    Path sources = Path.of(args[2]).toAbsolutePath();
    Path set = Path.of(args[3]).toAbsolutePath();
    Path stamp = set.resolveSibling(set.getFileName() + ".stamp");
    List<Path> protos = files(texts, ".proto");
    String state = state(texts, protos);
    if (Files.exists(set) && Files.exists(stamp) && Files.readString(stamp).equals(state)) {
      return;
    }
    Files.createDirectories(sources);
    Files.createDirectories(set.getParent());
    runProtoc(protoc, texts, protos, set);
    Map<String, String> generated =
        Generator.generate(FileDescriptorSet.parseFrom(Files.readAllBytes(set)));
    write(sources, generated);
    Files.writeString(stamp, state);
  }

  private static void runProtoc(Path protoc, Path texts, List<Path> protos, Path set)
      throws IOException, InterruptedException {
    if (!Files.isExecutable(protoc) && !protoc.toFile().setExecutable(true)) {
      throw new IOException(protoc + " cannot be made executable");
    }
    List<String> command = new ArrayList<>();
    command.add(protoc.toString());
    command.add("--proto_path=" + texts);
    command.add("--include_imports");
    command.add("--include_source_info");
    command.add("--descriptor_set_out=" + set);
    for (Path proto : protos) {
      command.add(texts.relativize(proto).toString());
    }
    Process process = new ProcessBuilder(command).inheritIO().start();
    int status = process.waitFor();
    if (status != 0) {
      throw new IOException("protoc ended with status " + status + "; see its messages above");
    }
  }

  private static void write(Path sources, Map<String, String> generated) throws IOException {
    for (Path old : files(sources, ".java")) {
      if (!generated.containsKey(sources.relativize(old).toString())) {
        Files.delete(old);
      }
    }
    for (Map.Entry<String, String> source : generated.entrySet()) {
      Path path = sources.resolve(source.getKey());
      if (!Files.exists(path) || !Files.readString(path).equals(source.getValue())) {
        Files.createDirectories(path.getParent());
        Files.writeString(path, source.getValue());
      }
    }
  }

  /** A digest of all that the output depends on: the texts, and this program's own classes. */
  private static String state(Path texts, List<Path> protos) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
    for (Path proto : protos) {
      digest.update(texts.relativize(proto).toString().getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      digest.update(Files.readAllBytes(proto));
      digest.update((byte) 0);
    }
    for (Class<?> part :
        List.of(
            Main.class,
            Generator.class,
            MessageEmitter.class,
            MergeEmitter.class,
            Field.class,
            Names.class,
            Types.class,
            Comments.class)) {
      try (var in = part.getResourceAsStream(part.getSimpleName() + ".class")) {
        if (in != null) {
          digest.update(in.readAllBytes());
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static List<Path> files(Path directory, String suffix) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> found = Files.walk(directory)) {
      return found.filter(path -> path.toString().endsWith(suffix)).sorted().toList();
    }
  }
}
