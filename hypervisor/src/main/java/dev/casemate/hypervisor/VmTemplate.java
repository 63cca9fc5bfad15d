package dev.casemate.hypervisor;

/**
 * A saved VM that others start as copies of, any number of them and at the same time; see {@link
 * VirtualMachine#saveTemplate}.
 *
 * @param memory path of a sparse file: the guest's memory
 * @param state path of what the driver wrote besides
 */
public record VmTemplate(String memory, String state) {
  /** What a copy's {@link VmExit#message} has if the driver ended it because of the template. */
  public static final String UNREADABLE = "the template cannot be read: ";
}
