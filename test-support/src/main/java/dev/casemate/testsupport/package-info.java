/** What the tests of several modules share; no product code uses it. */
@org.jspecify.annotations.NullMarked
package dev.casemate.testsupport;
