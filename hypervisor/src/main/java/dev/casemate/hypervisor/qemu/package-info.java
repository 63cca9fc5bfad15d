/** The driver for QEMU 7.2 and later. */
package dev.casemate.hypervisor.qemu;
