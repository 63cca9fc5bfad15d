package dev.casemate.guest;

import java.nio.file.Path;
import java.util.List;

/**
 * What to build.
 *
 * @param name in the store: letters, digits, '.', '_' and '-', up to 64
 * @param agent the agent's executable, static, which becomes {@code /init}
 * @param kernel where the kernel comes from
 * @param extraFeatures groups of {@link ModuleGroups#optional} to take in as well
 */
public record GuestSpec(String name, Path agent, KernelSource kernel, List<String> extraFeatures) {

  /** The default guest: Debian's newest cloud kernel, no extra features. */
  public static GuestSpec standard(Path agent) {
    return new GuestSpec(GuestStore.DEFAULT_NAME, agent, KernelSource.newestDebian(), List.of());
  }
}
