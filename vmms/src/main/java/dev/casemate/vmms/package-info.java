/** The VMM drivers of this build: the only place that names them. */
@NullMarked
package dev.casemate.vmms;

import org.jspecify.annotations.NullMarked;
