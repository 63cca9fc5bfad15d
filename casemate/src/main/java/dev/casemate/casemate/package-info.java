/** The host's executable: picks the role. */
package dev.casemate.casemate;
