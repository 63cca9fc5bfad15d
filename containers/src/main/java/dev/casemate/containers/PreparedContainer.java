package dev.casemate.containers;

import dev.casemate.image.Image;
import dev.casemate.image.ImageStore;
import dev.casemate.linux.Machine;
import dev.casemate.oci.Spec;

/** A completely described container that does not exist yet. */
public final class PreparedContainer {
  private final Casemate casemate;
  private final ContainerConfig config;
  private final Spec spec;
  private final long beganMicros;

  private PreparedContainer(
      Casemate casemate, ContainerConfig config, Spec spec, long beganMicros) {
    this.casemate = casemate;
    this.config = config;
    this.spec = spec;
    this.beganMicros = beganMicros;
  }

  static PreparedContainer of(Casemate casemate, Wishes wishes) {
    ContainerStore store = casemate.store();
    // What needs no image first: a pull may take minutes.
    ConfigPolicy policy = new ConfigPolicy(wishes, VmPolicy.options(wishes, store.paths()));
    Image image =
        ImageStore.open(store.paths().images(), wishes.registry, wishes.warnings)
            .resolve(wishes.image, wishes.pull, wishes.progress);
    String id = Machine.randomHex(32);
    SpecPolicy specs = new SpecPolicy(wishes, image.config());
    Spec spec = specs.spec(id, policy.hostname(id));
    SharedVolumes.warn(store, spec, wishes.warnings);
    return new PreparedContainer(
        casemate, policy.config(id, image, specs.command()), spec, wishes.beganMicros);
  }

  /** The record that it will have. */
  public ContainerConfig config() {
    return config;
  }

  /** The content of its bundle's {@code config.json}. */
  public Spec spec() {
    return spec;
  }

  /**
   * Creates the container's record and starts its VM, which begins to boot immediately.
   *
   * @throws dev.casemate.base.CasemateException ALREADY_EXISTS if its name is taken
   */
  public Container create() {
    SandboxClient client =
        SandboxLauncher.create(casemate.store()).launch(config, spec, beganMicros);
    return casemate.opened(new Container(casemate, client, config));
  }
}
