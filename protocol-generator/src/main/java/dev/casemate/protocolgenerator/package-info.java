/** Turns descriptor sets that protoc wrote into Java records; runs at build time only. */
package dev.casemate.protocolgenerator;
