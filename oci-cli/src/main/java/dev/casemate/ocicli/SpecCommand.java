package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Option;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import java.nio.charset.StandardCharsets;
import java.util.List;

final class SpecCommand implements Command {
  private static final int MODE = 0666;

  @Override
  public String name() {
    return "spec";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "write a config.json template";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value(
            "bundle", 'b', "DIR", "directory to write it to (default: the working directory)"),
        Option.flag("rootless", "for a rootless container of the calling user"));
  }

  @Override
  public int run(Arguments arguments, Session session) {
    arguments.operands(name(), 0, 0);
    String path = Paths.absolute(arguments.last("bundle", ".")) + "/config.json";
    String text =
        (arguments.has("rootless")
                ? ExampleSpec.rootless(Processes.effectiveUid(), Processes.effectiveGid())
                : ExampleSpec.root())
            .toJson()
            .pretty();
    try (Fd file =
        Fs.open(path, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, MODE)) {
      file.writeAll(text.getBytes(StandardCharsets.UTF_8));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EEXIST) {
        throw CasemateException.of(
            Kind.ALREADY_EXISTS, "File config.json exists. Remove it first: " + path, e);
      }
      throw e;
    }
    return 0;
  }
}
