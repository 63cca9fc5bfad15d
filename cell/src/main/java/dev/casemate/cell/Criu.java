package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.PathText;
import dev.casemate.cgroup.Cgroups;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.linux.UnixSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/** The program criu(8), which dumps processes to files and makes processes of these. */
final class Criu {
  /** How a joined network or pid namespace is called in the images; runc's words. */
  static final String NETWORK = "extRootNetNS";

  static final String PIDS = "extRootPidNS";

  /** The first descriptor that is handed to criu beside its streams and our socket. */
  static final int FIRST_FD = 4;

  private static final int SOCKET_FD = 3;
  private static final int TAIL_BYTES = 64 * 1024;
  private static final int TAIL_LINES = 4;
  private static final int LINE_LIMIT = 300;

  private Criu() {}

  /** Path of the program, from {@code $PATH}. */
  static String find() {
    String path = System.getenv("PATH");
    String found = Spawn.find("criu", path == null ? "" : path);
    if (found.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "criu is not in $PATH, and it takes that to checkpoint and restore; install it (package"
              + " \"criu\")");
    }
    return found;
  }

  /**
   * What criu has made.
   *
   * @param pid of the restored process; 0 after a dump
   * @param terminal the other end of its terminal, if it has one whose end was outside
   */
  record Outcome(int pid, Optional<Fd> terminal) {}

  /**
   * Has criu do something, and waits for its end.
   *
   * @param fds what it gets as {@link #FIRST_FD} and up
   * @param inChild is done in its process before it is executed
   * @param placed is told its pid, before it does anything
   * @throws CasemateException with the end of its log
   */
  static Outcome run(
      String program, CriuRequest request, List<Fd> fds, Runnable inChild, IntConsumer placed) {
    String log = request.options().logDirectory() + "/" + request.type().log;
    Fs.unlinkIfExists(log);
    Fd[] pair = UnixSocket.messagePair();
    try (CriuDialogue dialogue = new CriuDialogue(pair[0]);
        Fd theirs = pair[1];
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_ONLY);
        Fd output = EventFd.memory("criu")) {
      // A shell's job goes on at the terminal that criu has.
      List<Fd> all =
          new ArrayList<>(
              List.of(request.options().shellJob() ? Fd.STDIN : nothing, output, output, theirs));
      all.addAll(fds);
      int pid = Processes.fork(0);
      if (pid == 0) {
        become(program, request, all, inChild);
      }
      theirs.close();
      Optional<CriuAnswer> answer;
      int status;
      try {
        placed.accept(pid);
        answer = dialogue.ask(request);
      } finally {
        // It ends by that if it waits for us.
        dialogue.hangUp();
        status = Processes.waitFor(pid, 0).orElseThrow().exitStatus();
      }
      if (answer.isEmpty() || !answer.get().success() || status != 0) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "criu "
                + request.type().word
                + " failed with status "
                + status
                + ": "
                + reason(log, output, answer.map(CriuAnswer::message).orElse(""))
                + " (its log: "
                + log
                + "; \"criu check\" says whether it can do with this kernel)");
      }
      return new Outcome(answer.get().pid(), dialogue.takeTerminal());
    }
  }

  private static void become(String program, CriuRequest request, List<Fd> all, Runnable inChild) {
    try {
      Child.resetSignals();
      inChild.run();
      CriuDialogue.open(all.get(SOCKET_FD), request.options());
      for (Fd fd : Descriptors.keepOnly(all)) {
        fd.closeOnExec(false);
      }
      Processes.execute(
          program, List.of("criu", "swrk", Integer.toString(SOCKET_FD)), Processes.environment());
    } catch (Throwable e) {
      byte[] text = String.valueOf(e.getMessage()).getBytes(StandardCharsets.UTF_8);
      // It may be that the streams are not in their places yet; this one is known.
      all.get(1).write(text, 0, text.length);
    }
    Processes.exit(127);
  }

  /** The last errors of the log; where there are none, what it has printed, or told. */
  private static String reason(String log, Fd output, String told) {
    List<String> lines = new ArrayList<>();
    try (Fd file = Fs.open(log, OpenFlag.READ_ONLY | OpenFlag.NO_FOLLOW)) {
      Stat stat = Fs.stat(file);
      FileContent.seek(file, Math.max(0, stat.size() - TAIL_BYTES), 0);
      for (String line : Text.split(text(file, log), '\n')) {
        int error = line.indexOf("Error");
        if (error >= 0) {
          lines.add(shorten(line.substring(error)));
        }
      }
    } catch (LinuxException e) {
      // It has not come that far.
    }
    if (lines.isEmpty()) {
      FileContent.seek(output, 0, 0);
      for (String line : Text.split(text(output, "criu's output"), '\n')) {
        if (!line.isBlank()) {
          lines.add(shorten(line.strip()));
        }
      }
    }
    if (lines.isEmpty() && !told.isEmpty()) {
      lines.add(shorten(told));
    }
    return String.join("; ", lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
  }

  private static String text(Fd file, String subject) {
    try {
      return new String(
          FileContent.readBytes(file, subject, 2 * TAIL_BYTES), StandardCharsets.UTF_8);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EFBIG) {
        return "";
      }
      throw e;
    }
  }

  private static String shorten(String line) {
    return line.length() > LINE_LIMIT ? line.substring(0, LINE_LIMIT) + "…" : line;
  }

  /** The directory by which criu is to freeze a group's processes; empty if there is none. */
  static String freezer(Json.Obj cgroup) {
    if (cgroup.string("version").equals("v2")) {
      return cgroup.string("mountPoint") + PathText.clean(cgroup.string("path"));
    }
    for (Json.Obj one : cgroup.objects("hierarchies")) {
      if (one.string("controllers").equals("freezer")) {
        return one.string("mount") + one.string("path");
      }
    }
    return "";
  }

  /**
   * The directory of a container's group.
   *
   * @param folder name of its hierarchy's directory; without a group there, that is taken
   */
  static String group(Json.Obj cgroup, String folder) {
    if (cgroup.string("version").equals("v2")) {
      return cgroup.string("mountPoint") + PathText.clean(cgroup.string("path"));
    }
    for (Json.Obj one : cgroup.objects("hierarchies")) {
      if (PathText.name(one.string("mount")).equals(folder)) {
        return one.string("mount") + one.string("path");
      }
    }
    return "/sys/fs/cgroup/" + folder;
  }

  /** Tells where criu is to put restored processes. */
  static void place(CriuRequest request, Json.Obj cgroup) {
    if (cgroup.string("version").equals("v2")) {
      request.cgroupRoot("", PathText.clean(cgroup.string("path")));
    }
    for (Json.Obj one : cgroup.objects("hierarchies")) {
      for (String controller : Text.split(one.string("controllers"), ',')) {
        request.cgroupRoot(controller, one.string("path"));
      }
    }
    // The group of version 2 beside version 1.
    String unified = cgroup.string("unified");
    if (unified.startsWith(Cgroups.UNIFIED + "/")) {
      request.cgroupRoot("", unified.substring(Cgroups.UNIFIED.length()));
    }
  }
}
