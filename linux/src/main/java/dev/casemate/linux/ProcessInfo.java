package dev.casemate.linux;

/**
 * A process of a container.
 *
 * @param containerPid its pid in the container's own pid namespace
 * @param state {@code R}, {@code S}, {@code D}, {@code Z}, {@code T} …
 * @param startTicks clock ticks since boot
 * @param cpuTicks clock ticks of user and system time
 * @param tty the terminal's device number, 0 if it has none
 * @param commandLine arguments, blank-separated; {@code [comm]} if there are none
 */
public record ProcessInfo(
    int pid,
    int ppid,
    int containerPid,
    int uid,
    String state,
    long startTicks,
    long cpuTicks,
    int tty,
    long residentBytes,
    String command,
    String commandLine) {}
