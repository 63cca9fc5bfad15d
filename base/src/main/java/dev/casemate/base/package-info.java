/** What every module needs: errors with a kind, JSON, time stamps, text that is safe to print. */
@NullMarked
package dev.casemate.base;

import org.jspecify.annotations.NullMarked;
