package dev.casemate.sandbox;

import dev.casemate.hypervisor.VmEvent;
import dev.casemate.hypervisor.VmListener;
import java.util.ArrayList;
import java.util.List;

/**
 * Holds back a VM's events until the VM has proved itself. A copy of a template that ends before
 * its agent has answered is replaced by a VM that boots, and its end concerns nothing else.
 */
final class Trial implements VmListener {
  private final VmListener listener;
  private final List<VmEvent> held = new ArrayList<>();
  private boolean accepted;

  Trial(VmListener listener) {
    this.listener = listener;
  }

  @Override
  public synchronized void event(VmEvent event) {
    if (accepted) {
      listener.event(event);
    } else {
      held.add(event);
    }
  }

  synchronized boolean isAccepted() {
    return accepted;
  }

  /** Events pass from now on, those that were held back first. */
  synchronized void accept() {
    accepted = true;
    held.forEach(listener::event);
    held.clear();
  }
}
