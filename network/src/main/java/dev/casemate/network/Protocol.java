package dev.casemate.network;

import dev.casemate.linux.InetPort;

/** A transport protocol whose ports can be published. */
public enum Protocol {
  TCP("tcp", InetPort.TCP),
  UDP("udp", InetPort.UDP);

  private final String text;
  private final int number;

  Protocol(String text, int number) {
    this.text = text;
    this.number = number;
  }

  /** The number in the IP header. */
  public int number() {
    return number;
  }

  @Override
  public String toString() {
    return text;
  }
}
