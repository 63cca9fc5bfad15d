package dev.casemate.hypervisor;

/**
 * What a machine offers to a driver.
 *
 * @param binary absolute path of the VMM
 * @param version as the VMM says it: {@code 7.2.22}
 * @param firmware the firmware that VMs start with; empty for the VMM's own choice
 * @param accelerator what {@code AUTO} means on this machine
 */
public record VmmInfo(String binary, String version, String firmware, Accelerator accelerator) {}
