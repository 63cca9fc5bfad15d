/** containerd's task service, for every owner of a sandbox. */
@NullMarked
package dev.casemate.task;

import org.jspecify.annotations.NullMarked;
