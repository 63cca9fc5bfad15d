/** The jail: what confines the VMM and the file-sharing daemon on the host. */
package dev.casemate.jail;
