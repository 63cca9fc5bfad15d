/** The containers of casemate run: records, launcher, sandbox process, client. */
@NullMarked
package dev.casemate.containers;

import org.jspecify.annotations.NullMarked;
