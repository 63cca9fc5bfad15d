/** The wire format of Protocol Buffers: what generated messages read and write with. */
@NullMarked
package dev.casemate.protobuf;

import org.jspecify.annotations.NullMarked;
