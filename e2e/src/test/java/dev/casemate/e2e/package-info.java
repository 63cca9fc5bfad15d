/** The product as its users have it: the native executable, real VMs, real registries. */
@org.jspecify.annotations.NullMarked
package dev.casemate.e2e;
