package dev.casemate.cell;

import dev.casemate.linux.Fd;
import java.util.List;
import java.util.Optional;

/**
 * A process that the engine has made. It is the caller's child: the caller waits for it.
 *
 * @param pid in the caller's pid namespace
 * @param terminal the master of its terminal, now the caller's to close
 * @param warnings what the kernel refused but the process can live without
 */
public record CellProcess(int pid, Optional<Fd> terminal, List<String> warnings) {}
