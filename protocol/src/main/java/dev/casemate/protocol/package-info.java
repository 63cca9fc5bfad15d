/** Protocol buffer messages of the agent, of containerd's task service and of the sandbox process. */
package dev.casemate.protocol;
