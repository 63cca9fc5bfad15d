package dev.casemate.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Every generated message against Google's own implementation of the same descriptors. */
class GeneratedCodecTest {
  private static final List<Descriptor> MESSAGES = messages();

  private static List<Descriptor> messages() {
    List<Descriptor> messages = new ArrayList<>();
    try {
      Map<String, FileDescriptor> files = new LinkedHashMap<>();
      for (FileDescriptorProto proto :
          FileDescriptorSet.parseFrom(
                  Files.readAllBytes(
                      Path.of(System.getProperty("casemate.target", "target"), "protocol.desc")))
              .getFileList()) {
        FileDescriptor[] imports =
            proto.getDependencyList().stream().map(files::get).toArray(FileDescriptor[]::new);
        FileDescriptor file = FileDescriptor.buildFrom(proto, imports);
        files.put(proto.getName(), file);
        messages.addAll(file.getMessageTypes());
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    return messages;
  }

  private static Class<?> javaClass(Descriptor message) throws ClassNotFoundException {
    String declared = message.getFile().getOptions().getJavaPackage();
    String name = declared.isEmpty() ? "dev.casemate.protocol.casemate" : declared;
    return Class.forName(name + "." + message.getName());
  }

  @Test
  void coversEveryText() {
    assertThat(MESSAGES).hasSizeGreaterThan(170);
  }

  @Test
  void agreesWithGoogleOnWhatGoogleWrites() throws Exception {
    for (Descriptor descriptor : MESSAGES) {
      Class<?> type = javaClass(descriptor);
      assertThat(type.getField("FULL_NAME").get(null)).isEqualTo(descriptor.getFullName());
      Random random = new Random(descriptor.getFullName().hashCode());
      for (int i = 0; i < 60; i++) {
        DynamicMessage theirs = RandomMessages.message(random, descriptor, 0);
        ProtoMessage ours = RandomMessages.decode(type, theirs.toByteArray());
        assertThat(DynamicMessage.parseFrom(descriptor, ours.encode()))
            .as(descriptor.getFullName())
            .isEqualTo(theirs);
        ProtoMessage again = RandomMessages.decode(type, ours.encode());
        assertThat(again).isEqualTo(ours).hasSameHashCodeAs(ours);
        Object builder = type.getMethod("toBuilder").invoke(ours);
        assertThat(builder.getClass().getMethod("build").invoke(builder)).isEqualTo(ours);
      }
    }
  }

  @Test
  void agreesWithGoogleOnDamagedBytes() throws Exception {
    int refused = 0;
    int taken = 0;
    List<String> stricter = new ArrayList<>();
    for (Descriptor descriptor : MESSAGES) {
      Class<?> type = javaClass(descriptor);
      Random random = new Random(descriptor.getFullName().hashCode() + 1);
      for (int i = 0; i < 150; i++) {
        byte[] bytes = damaged(random, RandomMessages.message(random, descriptor, 0).toByteArray());
        ProtoMessage ours;
        try {
          ours = RandomMessages.decode(type, bytes);
        } catch (MalformedMessageException e) {
          refused++;
          if (googleTakes(descriptor, bytes)) {
            stricter.add(e.getMessage() + ": " + HexFormat.of().formatHex(bytes));
          }
          continue;
        }
        taken++;
        DynamicMessage theirs;
        try {
          theirs = DynamicMessage.parseFrom(descriptor, bytes);
        } catch (InvalidProtocolBufferException e) {
          throw new AssertionError(
              descriptor.getFullName() + ": Google refuses " + HexFormat.of().formatHex(bytes), e);
        }
        assertThat(DynamicMessage.parseFrom(descriptor, ours.encode()))
            .isEqualTo(RandomMessages.known(theirs));
      }
    }
    // Google drops bits of tags, lengths and varints that are too long; ours are refused.
    assertThat(stricter)
        .allMatch(
            text ->
                text.startsWith("a varint has more than 10 bytes")
                    || text.startsWith("tag ")
                    || text.startsWith("a value needs "));
    assertThat(refused).isGreaterThan(1000);
    assertThat(taken).isGreaterThan(1000);
  }

  @Test
  void survivesGarbage() throws Exception {
    for (Descriptor descriptor : MESSAGES) {
      Class<?> type = javaClass(descriptor);
      Random random = new Random(descriptor.getFullName().hashCode() + 2);
      for (int i = 0; i < 200; i++) {
        byte[] bytes = new byte[random.nextInt(80)];
        random.nextBytes(bytes);
        try {
          assertThat(RandomMessages.decode(type, bytes).encode()).isNotNull();
        } catch (MalformedMessageException e) {
          assertThat(e.getMessage()).isNotBlank();
        }
      }
    }
  }

  private static boolean googleTakes(Descriptor descriptor, byte[] bytes) {
    try {
      return DynamicMessage.parseFrom(descriptor, bytes).isInitialized();
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  private static byte[] damaged(Random random, byte[] bytes) {
    if (bytes.length == 0) {
      return new byte[] {(byte) random.nextInt(256)};
    }
    byte[] damaged =
        random.nextInt(4) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes.clone();
    for (int i = random.nextInt(3); i > 0 && damaged.length > 0; i--) {
      damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return damaged;
  }
}
