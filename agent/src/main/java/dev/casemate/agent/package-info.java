/**
 * The guest's PID 1: sandbox set-up, storage, network, containers, their streams and statistics.
 */
package dev.casemate.agent;
