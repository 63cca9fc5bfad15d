package dev.casemate.containers;

/** A container as it lies on disk: what it is, and where it is in its life. */
public record ContainerRecord(ContainerConfig config, ContainerState state) {}
