/**
 * Engines (containerd, dockerd) that the end-to-end tests start for themselves, and what they leave
 * behind.
 */
package dev.casemate.e2e.engine;
