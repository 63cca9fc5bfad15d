/** What the host and the guest must agree on; the messages themselves are in the packages below. */
@NullMarked
package dev.casemate.protocol;

import org.jspecify.annotations.NullMarked;
