/**
 * The OCI runtime command line; what executes it stands behind {@link dev.casemate.runtime.Engine}.
 */
package dev.casemate.runtime;
