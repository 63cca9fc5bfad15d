package dev.casemate.containers;

/** The example of docs/architecture.md: compiled here, so that it stays true. */
final class CasemateExample {
  private CasemateExample() {}

  static int example() {
    // tag::example[]
    try (Casemate casemate = Casemate.open();
        Container container =
            casemate.container("debian:12").command("uname", "-a").memoryMib(512).create()) {
      container.start();
      int status = container.await();
      container.logs().forEach(line -> System.out.println(line.text()));
      container.remove();
      return status;
    }
    // end::example[]
  }
}
