package dev.casemate.protocol;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protobuf.ProtoReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Every message of every protocol; what is written of it must read the same, and be stable. */
@Fuzzes({ProtoMessage.class, ProtoReader.class})
public final class MessagesFuzz {
  private static final List<String> MESSAGES = messages();

  private MessagesFuzz() {}

  /** All generated classes by name; each is loaded when it is needed. */
  private static List<String> messages() {
    try {
      URI place = ProtocolPlace.of().toURI();
      if (place.getPath().endsWith("/")) {
        return messages(Path.of(place));
      }
      try (FileSystem jar = FileSystems.newFileSystem(URI.create("jar:" + place), Map.of())) {
        return messages(jar.getPath("/"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (java.net.URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> messages(Path classes) throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.sorted().toList()) {
        String name = classes.relativize(file).toString();
        if (name.endsWith(".class")
            && !name.contains("-")
            && !name.contains("$")
            && !name.endsWith("Service.class")) {
          found.add(name.substring(0, name.length() - 6).replace('/', '.'));
        }
      }
    }
    return found;
  }

  public static void fuzzerTestOneInput(byte[] data) {
    if (data.length < 2) {
      return;
    }
    String name = MESSAGES.get(((data[0] & 0xff) << 8 | (data[1] & 0xff)) % MESSAGES.size());
    Optional<Method> found = decoder(name);
    if (found.isEmpty()) {
      return;
    }
    Method decoder = found.get();
    byte[] encoded = Arrays.copyOfRange(data, 2, data.length);
    Expect.parsed(() -> decode(decoder, encoded), MalformedMessageException.class)
        .ifPresent(
            message -> {
              byte[] again = message.encode();
              ProtoMessage second = decode(decoder, again);
              Expect.same(message, second);
              Expect.same(again, second.encode());
              Expect.same(message.hashCode(), second.hashCode());
              Expect.that(!message.toString().isEmpty(), "no text");
            });
  }

  /** Empty for the constants of an enum. */
  private static Optional<Method> decoder(String name) {
    try {
      Class<?> type = Class.forName(name);
      return ProtoMessage.class.isAssignableFrom(type)
          ? Optional.of(type.getMethod("decode", byte[].class))
          : Optional.empty();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ProtoMessage decode(Method decoder, byte[] encoded) {
    try {
      return (ProtoMessage) decoder.invoke(null, (Object) encoded);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw (Error) e.getCause();
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Where the generated classes are. */
  private static final class ProtocolPlace {
    private static java.net.URL of() {
      return dev.casemate.protocol.casemate.RelayedQuery.class
          .getProtectionDomain()
          .getCodeSource()
          .getLocation();
    }
  }
}
