/** The commands for people. */
package dev.casemate.cli;
