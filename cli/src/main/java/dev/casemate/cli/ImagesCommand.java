package dev.casemate.cli;

import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.base.Rfc3339;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.Sizes;
import dev.casemate.commandline.Table;
import dev.casemate.image.ImageStore;
import dev.casemate.sandbox.SandboxPaths;
import java.util.ArrayList;
import java.util.List;

/** {@code casemate images}: the images of the store. */
final class ImagesCommand implements Command {
  @Override
  public String name() {
    return "images";
  }

  @Override
  public String usage() {
    return "";
  }

  @Override
  public String summary() {
    return "list images";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.flag("quiet", 'q', "print digests only"),
        Option.value("format", '\0', "table|json", "output format"));
  }

  @Override
  public int run(Arguments arguments) {
    List<ImageStore.Stored> images = Images.store(SandboxPaths.system(), arguments).list();
    if (Formats.json(arguments)) {
      List<Json> values = new ArrayList<>();
      for (ImageStore.Stored image : images) {
        values.add(
            new Json.Obj()
                .put("name", image.name())
                .put("digest", image.digest())
                .put("compressedBytes", image.compressedBytes())
                .put("erofsBytes", image.erofsBytes())
                .put("stored", Rfc3339.millis(image.seconds() * 1000)));
      }
      Console.out(new Json.Arr(values).pretty());
      return 0;
    }
    Table table = new Table("NAME", "DIGEST", "STORED", "LAYERS", "ROOT");
    long now = System.currentTimeMillis();
    for (ImageStore.Stored image : images) {
      if (arguments.has("quiet")) {
        Console.outLine(image.digest());
        continue;
      }
      table.row(
          PlainText.line(image.name(), 100),
          image.digest().substring(0, Math.min(19, image.digest().length())),
          Ages.of(now - image.seconds() * 1000) + " ago",
          Sizes.format(image.compressedBytes()),
          Sizes.format(image.erofsBytes()));
    }
    if (!arguments.has("quiet")) {
      Console.out(table.text());
    }
    return 0;
  }
}
