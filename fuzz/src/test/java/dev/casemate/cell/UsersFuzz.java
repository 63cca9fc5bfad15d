package dev.casemate.cell;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import java.util.List;

/** An image's {@code passwd} and {@code group}, and what its config calls its user. */
@Fuzzes(Users.class)
public final class UsersFuzz {
  private static final TempFile PLACE = new TempFile("root");
  private static final List<String> USERS =
      List.of("", "root", "0", "user", "1000:group", "user:100", "nobody:nogroup", ":", "x:y:z");

  static {
    Fs.makeDirectory(PLACE.directory() + "/etc", 0755);
  }

  private UsersFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int mode = input.next();
    String user = (mode & 1) == 0 ? input.choose(USERS) : input.text();
    List<String> groups = (mode & 2) == 0 ? List.of() : List.of(input.text());
    byte[] passwd = input.piece();
    FileContent.write(PLACE.directory() + "/etc/passwd", passwd, 0644);
    FileContent.write(PLACE.directory() + "/etc/group", input.rest(), 0644);
    try (Fd root = Fs.open(PLACE.directory(), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      Expect.parsed(() -> Users.resolve(root, user, groups))
          .ifPresent(
              found -> {
                Expect.that(found.user().uid() >= 0 && found.user().gid() >= 0, "ids ", found);
                Expect.that(!found.home().isEmpty(), "no home");
              });
      Expect.parsed(() -> Users.home(root, 0));
    }
  }
}
