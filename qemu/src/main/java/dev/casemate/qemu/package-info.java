/** The VMM driver for QEMU. */
@NullMarked
package dev.casemate.qemu;

import org.jspecify.annotations.NullMarked;
