/** Programs of a specification that run at points of a container's life. */
@NullMarked
package dev.casemate.hooks;

import org.jspecify.annotations.NullMarked;
