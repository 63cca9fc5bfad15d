import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Compares the code of two executables method by method: what makes them differ when the builder
 * only laid them out in another order, and what does not. Run by scripts/reproducible.sh:
 *
 * <pre>
 * Methods.java FIRST SECOND     executables with their symbols
 * </pre>
 *
 * <p>Addresses of code and data of the executable are taken out of each instruction; the name of
 * what is called or jumped to stays. Prints a line {@code METHODS EQUAL OTHER MISSING}: how many
 * names the first has, how many of these have the same instructions in the second, how many have
 * others, how many names only one of the two has. Lines after it name up to 40 of OTHER and MISSING.
 */
final class Methods {
  /** {@code 00000000004c7c60 <String_equals_Gp9r>:} */
  private static final Pattern NAME = Pattern.compile("([0-9a-f]+) <(.*)>:");

  private static final Pattern TARGET = Pattern.compile("\\b[0-9a-f]+ (<[^>]+>)");
  private static final Pattern RELATIVE = Pattern.compile("-?0x[0-9a-f]+\\(%rip\\)");
  private static final Pattern NUMBER = Pattern.compile("0x([0-9a-f]+)");

  private static final int NAMED = 40;

  /** From the first byte of the executable in memory to behind the last. */
  private long begin;

  private long end;

  /** By name: the instructions of each function of that name, in their order. */
  private final Map<String, List<Integer>> functions = new TreeMap<>();

  private Methods() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Map<String, List<Integer>> first = read(arguments[0]);
    Map<String, List<Integer>> second = read(arguments[1]);
    int equal = 0;
    List<String> other = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    for (Map.Entry<String, List<Integer>> function : first.entrySet()) {
      List<Integer> there = second.get(function.getKey());
      if (there == null) {
        missing.add("only in the first: " + function.getKey());
      } else if (there.equals(function.getValue())) {
        equal++;
      } else {
        other.add("other code: " + function.getKey());
      }
    }
    for (String name : second.keySet()) {
      if (!first.containsKey(name)) {
        missing.add("only in the second: " + name);
      }
    }
    System.out.println(first.size() + " " + equal + " " + other.size() + " " + missing.size());
    missing.stream().limit(NAMED).forEach(System.out::println);
    other.stream().limit(NAMED).forEach(System.out::println);
  }

  private static Map<String, List<Integer>> read(String file)
      throws IOException, InterruptedException {
    Methods methods = new Methods();
    methods.range(file);
    methods.code(file);
    if (methods.functions.isEmpty()) {
      throw new IOException(file + " names no function: it was stripped of its symbols");
    }
    return methods.functions;
  }

  private void range(String file) throws IOException, InterruptedException {
    begin = Long.MAX_VALUE;
    run(
        line -> {
          String[] field = line.strip().split(" +");
          if (field[0].equals("LOAD")) {
            long address = Long.decode(field[2]);
            begin = Math.min(begin, address);
            end = Math.max(end, address + Long.decode(field[5]));
          }
        },
        "readelf",
        "-lW",
        file);
  }

  private void code(String file) throws IOException, InterruptedException {
    List<String> instructions = new ArrayList<>();
    String[] name = {""};
    run(
        line -> {
          Matcher header = NAME.matcher(line);
          int tab = line.indexOf('\t');
          if (tab > 0 && line.charAt(0) == ' ') {
            instructions.add(normal(line.substring(tab + 1)));
          } else if (header.matches()) {
            add(name[0], instructions);
            name[0] = header.group(2);
          }
        },
        "objdump",
        "-d",
        "-w",
        "--no-show-raw-insn",
        "-j",
        ".text",
        file);
    add(name[0], instructions);
  }

  /** Takes what was collected for a function; what fills up the space behind it is not its code. */
  private void add(String name, List<String> instructions) {
    while (!instructions.isEmpty() && isPadding(instructions.getLast())) {
      instructions.removeLast();
    }
    if (!name.isEmpty()) {
      functions.computeIfAbsent(name, unused -> new ArrayList<>()).add(instructions.hashCode());
    }
    instructions.clear();
  }

  private static boolean isPadding(String instruction) {
    return instruction.contains("nop")
        || instruction.startsWith("int3")
        || instruction.startsWith("hlt")
        || instruction.startsWith("xchg   %ax,%ax")
        || instruction.startsWith("data16");
  }

  private String normal(String instruction) {
    int comment = instruction.indexOf(" #");
    String text = comment < 0 ? instruction : instruction.substring(0, comment);
    text = TARGET.matcher(text).replaceAll("$1");
    text = RELATIVE.matcher(text).replaceAll("ADDRESS(%rip)");
    return NUMBER
        .matcher(text)
        .replaceAll(
            number -> {
              String digits = number.group(1);
              // Too short for an address of an executable at 0x400000, or too long for one.
              if (digits.length() < 6 || digits.length() > 8) {
                return number.group();
              }
              long value = Long.parseLong(digits, 16);
              return value >= begin && value < end ? "ADDRESS" : number.group();
            })
        .strip();
  }

  private interface Line {
    void take(String line);
  }

  private static void run(Line each, String... command) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        each.take(line);
      }
    }
    if (process.waitFor() != 0) {
      throw new IOException(command[0] + " cannot read " + command[command.length - 1]);
    }
  }
}
