package dev.casemate.linux;

import org.graalvm.nativeimage.ImageInfo;

/**
 * Picks the door. {@code inImageCode()} is a constant for the image builder, so the other door does
 * not reach the executable.
 */
final class KernelChoice {
  private KernelChoice() {}

  static Kernel choose() {
    if (ImageInfo.inImageCode()) {
      return new NativeKernel();
    }
    return new ForeignKernel();
  }
}
