/** Kubernetes pods as a kubelet asks containerd for them: the Container Runtime Interface. */
package dev.casemate.e2e.cri;
