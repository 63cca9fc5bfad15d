package dev.casemate.rpc;

/**
 * Who may have how many calls carried out at a time: each has a thread.
 *
 * <p>The bounds are generous, because the one connection of an honest containerd has a Wait that
 * blocks for every process of a pod (a VM takes 1024 containers, and each may have execs), and the
 * calls of all its users beside these. They are fair, because a client that has gone wrong must not
 * keep others from being answered: some calls are every connection's own, and beyond these it may
 * borrow as long as it has borrowed less than what is left. So one connection alone gets half of
 * what there is to borrow, and however many take all they can, something is left for the next.
 */
final class CallQuota {
  /** Calls at a time that no other connection can take away. */
  static final int OWN = 32;

  /** To be borrowed by all together: half of it for one is more than its processes need. */
  static final int SHARED = 4096;

  private final int own;
  private int left;

  CallQuota(int own, int shared) {
    this.own = own;
    this.left = shared;
  }

  /**
   * Takes a place for a call.
   *
   * @param inFlight the calls that the connection has under way
   * @return whether there is one; it is given back by {@link #giveBack}
   */
  synchronized boolean take(int inFlight) {
    if (inFlight < own) {
      return true;
    }
    if (inFlight - own >= left) {
      return false;
    }
    left--;
    return true;
  }

  /**
   * Gives a place back.
   *
   * @param inFlight the calls that the connection has under way, this one included
   */
  synchronized void giveBack(int inFlight) {
    if (inFlight > own) {
      left++;
    }
  }
}
