/** Both ways between a specification and the message in which the agent gets it. */
@NullMarked
package dev.casemate.specmapping;

import org.jspecify.annotations.NullMarked;
