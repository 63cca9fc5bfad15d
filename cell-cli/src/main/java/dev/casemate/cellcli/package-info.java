/** The executable casemate-cell: the OCI command line over the cell. */
@NullMarked
package dev.casemate.cellcli;

import org.jspecify.annotations.NullMarked;
