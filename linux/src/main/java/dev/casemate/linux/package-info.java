/**
 * System calls and the kernel's other interfaces: files, mounts, namespaces, processes, sockets,
 * netlink.
 */
package dev.casemate.linux;
