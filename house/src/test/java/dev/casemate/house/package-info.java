/** The house rules as tests. */
@NullMarked
package dev.casemate.house;

import org.jspecify.annotations.NullMarked;
