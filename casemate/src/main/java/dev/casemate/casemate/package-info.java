/** The host's executable: picks the role. */
@org.jspecify.annotations.NullMarked
package dev.casemate.casemate;
