/** Tar archives: reading, writing, and unpacking below a root that an archive cannot leave. */
package dev.casemate.archive;
