/**
 * What all fuzz targets share, and the tests that run them. A target itself is in the package of
 * the parser that it feeds.
 */
@org.jspecify.annotations.NullMarked
package dev.casemate.fuzz;
