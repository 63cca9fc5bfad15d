import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Reads the reports of surefire and failsafe below directories. Run by scripts/test.sh:
 *
 * <pre>
 * count DIRECTORY…     first line "PASSED FAILED"; then, a line each, what this machine lacks for tests that were skipped
 * slowest DIRECTORY…   the ten classes that took longest
 * </pre>
 *
 * A skip is a failure, unless the test says what this machine lacks.
 */
final class Reports {
  private static final String LACKING = "Assumption failed: this machine has no ";
  private static final int SLOWEST = 10;

  private record Suite(String name, double seconds, int tests) {}

  private final List<Suite> suites = new ArrayList<>();
  private final TreeMap<String, Integer> lacking = new TreeMap<>();
  private int passed;
  private int failed;

  public static void main(String[] arguments) throws Exception {
    Reports reports = new Reports();
    for (int i = 1; i < arguments.length; i++) {
      for (Path report : below(Path.of(arguments[i]))) {
        reports.read(report);
      }
    }
    switch (arguments[0]) {
      case "count" -> reports.count();
      case "slowest" -> reports.slowest();
      default -> throw new IllegalArgumentException("count or slowest, not " + arguments[0]);
    }
  }

  private static List<Path> below(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.getFileName().toString().matches("TEST-.*\\.xml")).toList();
    }
  }

  private void read(Path report) throws Exception {
    Element suite =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(report.toFile())
            .getDocumentElement();
    NodeList tests = suite.getElementsByTagName("testcase");
    for (int i = 0; i < tests.getLength(); i++) {
      judge((Element) tests.item(i));
    }
    String seconds = suite.getAttribute("time").replace(",", "");
    suites.add(new Suite(suite.getAttribute("name"), Double.parseDouble(seconds), tests.getLength()));
  }

  private void judge(Element test) {
    NodeList skipped = test.getElementsByTagName("skipped");
    if (skipped.getLength() > 0) {
      String why = ((Element) skipped.item(0)).getAttribute("message");
      if (why.startsWith(LACKING)) {
        lacking.merge(why.substring(why.indexOf("this machine")), 1, Integer::sum);
      } else {
        failed++;
      }
    } else if (test.getElementsByTagName("failure").getLength() > 0
        || test.getElementsByTagName("error").getLength() > 0) {
      failed++;
    } else {
      passed++;
    }
  }

  private void count() {
    System.out.println(passed + " " + failed);
    lacking.forEach((what, times) -> System.out.println(times + " skipped: " + what));
  }

  private void slowest() {
    suites.sort(Comparator.comparingDouble(Suite::seconds).reversed());
    for (Suite suite : suites.subList(0, Math.min(SLOWEST, suites.size()))) {
      System.out.printf("%7.1f s  %s (%d tests)%n", suite.seconds(), suite.name(), suite.tests());
    }
  }
}
