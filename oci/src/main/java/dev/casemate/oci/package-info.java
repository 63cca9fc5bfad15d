/** JSON and the OCI runtime and image specifications as records. */
package dev.casemate.oci;
