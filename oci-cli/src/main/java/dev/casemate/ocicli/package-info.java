/**
 * The OCI runtime command line; what executes it stands behind {@link dev.casemate.ocicli.Engine}.
 */
package dev.casemate.ocicli;
