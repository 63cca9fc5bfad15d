package dev.casemate.protocol;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import dev.casemate.protobuf.ProtoMessage;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Messages with random values in random fields. */
final class RandomMessages {
  private static final long[] NUMBERS = {
    0,
    1,
    -1,
    127,
    128,
    300,
    65536,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    1L << 40
  };
  private static final String[] STRINGS = {
    "", "a", "0123456789abcdef", "ä", "\u20ac\uD83D\uDE00", "\uFFFD", "x".repeat(200), "\0"
  };

  private RandomMessages() {}

  static DynamicMessage message(Random random, Descriptor type, int depth) {
    DynamicMessage.Builder builder = DynamicMessage.newBuilder(type);
    for (FieldDescriptor field : type.getFields()) {
      if (random.nextInt(3) == 0
          || (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE && depth > 4)) {
        continue;
      }
      if (field.isMapField()) {
        builder.setField(field, entries(random, field, depth));
      } else if (field.isRepeated()) {
        for (int i = random.nextInt(4); i > 0; i--) {
          builder.addRepeatedField(field, value(random, field, depth));
        }
      } else {
        builder.setField(field, value(random, field, depth));
      }
    }
    return builder.build();
  }

  private static List<DynamicMessage> entries(Random random, FieldDescriptor field, int depth) {
    List<DynamicMessage> entries = new ArrayList<>();
    Set<Object> keys = new HashSet<>();
    Descriptor type = field.getMessageType();
    for (int i = random.nextInt(4); i > 0; i--) {
      Object key = value(random, type.findFieldByNumber(1), depth);
      if (keys.add(key)) {
        FieldDescriptor valueField = type.findFieldByNumber(2);
        entries.add(
            DynamicMessage.newBuilder(type)
                .setField(type.findFieldByNumber(1), key)
                .setField(valueField, value(random, valueField, depth))
                .build());
      }
    }
    return entries;
  }

  private static Object value(Random random, FieldDescriptor field, int depth) {
    long number =
        random.nextInt(3) == 0 ? random.nextLong() : NUMBERS[random.nextInt(NUMBERS.length)];
    return switch (field.getJavaType()) {
      case INT -> (int) number;
      case LONG -> number;
      case FLOAT -> (float) random.nextGaussian();
      case DOUBLE -> random.nextGaussian();
      case BOOLEAN -> random.nextBoolean();
      case STRING -> STRINGS[random.nextInt(STRINGS.length)];
      case BYTE_STRING -> {
        byte[] bytes = new byte[random.nextInt(random.nextInt(10) == 0 ? 20_000 : 20)];
        random.nextBytes(bytes);
        yield ByteString.copyFrom(bytes);
      }
      case ENUM -> field.getEnumType().findValueByNumberCreatingIfUnknown(random.nextInt(5));
      case MESSAGE -> message(random, field.getMessageType(), depth + 1);
    };
  }

  /** The message without fields that its descriptor does not know, at any depth. */
  static DynamicMessage known(DynamicMessage message) {
    DynamicMessage.Builder builder = DynamicMessage.newBuilder(message.getDescriptorForType());
    for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
      if (field.getKey().getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
        builder.setField(field.getKey(), field.getValue());
      } else if (field.getKey().isRepeated()) {
        for (Object element : (List<?>) field.getValue()) {
          builder.addRepeatedField(field.getKey(), known((DynamicMessage) element));
        }
      } else {
        builder.setField(field.getKey(), known((DynamicMessage) field.getValue()));
      }
    }
    return builder.build();
  }

  /** Calls a generated class's {@code decode}. */
  static ProtoMessage decode(Class<?> type, byte[] bytes) throws ReflectiveOperationException {
    try {
      return (ProtoMessage) type.getMethod("decode", byte[].class).invoke(null, (Object) bytes);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }
}
