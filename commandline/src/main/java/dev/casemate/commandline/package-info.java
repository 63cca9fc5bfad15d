/** The toolkit of both command lines: options, help, tables, sizes, output. */
@NullMarked
package dev.casemate.commandline;

import org.jspecify.annotations.NullMarked;
