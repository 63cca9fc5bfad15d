package dev.casemate.ocicli;

import org.jspecify.annotations.Nullable;

/** One call of the program: the options that come before the command, and the engine. */
public final class Session {
  /** Makes the engine, once a command needs it. */
  public interface Engines {
    Engine open(Session session);
  }

  private final String program;
  private final String root;
  private final boolean ownRoot;
  private final Log log;
  private final boolean rootless;
  private final boolean systemdCgroup;
  private final Engines engines;
  private @Nullable Engine engine;

  Session(
      String program,
      String root,
      boolean ownRoot,
      Log log,
      boolean rootless,
      boolean systemdCgroup,
      Engines engines) {
    this.program = program;
    this.root = root;
    this.ownRoot = ownRoot;
    this.log = log;
    this.rootless = rootless;
    this.systemdCgroup = systemdCgroup;
    this.engines = engines;
  }

  public String program() {
    return program;
  }

  /** The directory that the state of containers is kept in. */
  public String root() {
    return root;
  }

  /** Whether the caller has named the root, with {@code --root}. */
  boolean ownRoot() {
    return ownRoot;
  }

  public Log log() {
    return log;
  }

  /** Whether control groups that cannot be made are no error. */
  public boolean rootless() {
    return rootless;
  }

  public boolean systemdCgroup() {
    return systemdCgroup;
  }

  Engine engine() {
    Engine open = engine;
    if (open == null) {
      open = engines.open(this);
      engine = open;
    }
    return open;
  }
}
