package dev.casemate.agent;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.linux.IpAddress;
import java.util.List;

/** Texts that the agent reads: of proc(5), the kernel command line, its own files, requests. */
@Fuzzes({
  ProcText.class,
  CommandLine.class,
  PciPath.class,
  KernelModules.class,
  Numbers.class,
  Console.class,
  Console.Level.class,
  MountOptions.class,
  Interfaces.class
})
public final class ProcFuzz {
  private ProcFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    String name = input.text();
    String text = Input.text(input.rest());
    for (String what : List.of(name, "MemTotal")) {
      ProcText.memInfo(text, what);
    }
    ProcText.residentBytes(text);
    for (ProcText.NetDev device : ProcText.netDev(text)) {
      Expect.that(device.values().size() >= 16, "counters of ", device.name());
    }
    Expect.parsed(() -> CommandLine.parse(text));
    Expect.parsed(() -> PciPath.parse(text))
        .ifPresent(path -> Expect.that(path.sysfs("/nonexistent").isEmpty(), "found"));
    Expect.parsed(() -> KernelModules.parseGroups(text));
    Expect.that(!KernelModules.isName(text) || text.indexOf('/') < 0, "a path as a name");
    Numbers.parse(text, 0);
    Numbers.parseHex(text);
    Expect.parsed(() -> Interfaces.parse("address", text, IpAddress::parse));
    Expect.parsed(() -> Numbers.parseMode(text));
    Expect.parsed(() -> Numbers.parseId(text));
    Expect.parsed(() -> MountOptions.parse(List.of(text.split(","))));
    String clean = Console.printable(text).replace('\n', ' ').replace('\t', ' ');
    Expect.printable(clean);
  }
}
