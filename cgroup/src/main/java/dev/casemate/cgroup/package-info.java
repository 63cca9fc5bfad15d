/** Control groups, version 1 and 2: membership, limits, devices, statistics. */
@NullMarked
package dev.casemate.cgroup;

import org.jspecify.annotations.NullMarked;
