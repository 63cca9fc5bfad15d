/** {@code casemate-cell} as its users have it: by hand, and under Docker, Podman and containerd. */
@org.jspecify.annotations.NullMarked
package dev.casemate.e2e.cell;
