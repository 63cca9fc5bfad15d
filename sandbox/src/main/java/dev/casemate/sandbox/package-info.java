/** Sandboxes: a VM, its agent, its containers, and the process that owns them. */
package dev.casemate.sandbox;
