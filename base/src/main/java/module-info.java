/** What every module needs: errors with a kind, JSON, time stamps, text that is safe to print. */
@org.jspecify.annotations.NullMarked
module dev.casemate.base {
  requires static org.jspecify;
  requires transitive dev.casemate.linux;

  exports dev.casemate.base;
}
