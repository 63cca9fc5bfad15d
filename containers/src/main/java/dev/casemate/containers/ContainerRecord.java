package dev.casemate.containers;

/** A container as recorded on disk: its configuration and its state. */
public record ContainerRecord(ContainerConfig config, ContainerState state) {}
