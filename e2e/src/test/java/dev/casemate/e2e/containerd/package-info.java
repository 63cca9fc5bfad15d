/** containerd with {@code ctr}: its task service and events, through the shim. */
package dev.casemate.e2e.containerd;
