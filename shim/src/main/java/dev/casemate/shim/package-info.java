/** containerd's shim, version 2 of its protocol: {@code containerd-shim-casemate-v2}. */
package dev.casemate.shim;
