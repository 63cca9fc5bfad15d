/** System call filters: the OCI specification compiled to BPF. */
@NullMarked
package dev.casemate.seccomp;

import org.jspecify.annotations.NullMarked;
