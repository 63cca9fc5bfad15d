/** The VMM interface and its drivers. */
package dev.casemate.hypervisor;
