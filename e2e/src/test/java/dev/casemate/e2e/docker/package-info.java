/** dockerd, which starts containers through the shim. */
package dev.casemate.e2e.docker;
