/** Builds the guest's kernel and initramfs. */
package dev.casemate.guest;
