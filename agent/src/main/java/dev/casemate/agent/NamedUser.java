package dev.casemate.agent;

import dev.casemate.cell.Users;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.UserSpec;
import dev.casemate.protocol.agent.StringUser;
import java.util.Optional;

/** A process's user by names that only the container's own files know. */
final class NamedUser {
  private NamedUser() {}

  /**
   * Replaces the user of a process.
   *
   * @param root directory of the container's root file system in the guest
   */
  static ProcessSpec apply(ProcessSpec process, Optional<StringUser> named, String root) {
    if (named.isEmpty()) {
      return process;
    }
    StringUser user = named.get();
    if (user.uid().isEmpty() && user.gid().isEmpty() && user.additionalGids().isEmpty()) {
      return process;
    }
    String text = user.gid().isEmpty() ? user.uid() : user.uid() + ":" + user.gid();
    try (Fd directory = Fs.open(root, OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      UserSpec resolved = Users.resolve(directory, text, user.additionalGids()).user();
      return process.withUser(process.user().withIds(resolved));
    }
  }
}
