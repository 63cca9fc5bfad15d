package dev.casemate.substitutions;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;

/** The JDK warns on standard error of the first use, which the library for zstd makes; a user who pulls an image cannot do anything about it. */
@TargetClass(className = "sun.misc.Unsafe")
final class Target_sun_misc_Unsafe {
    private Target_sun_misc_Unsafe() {}

    @Substitute
    private static void beforeMemoryAccess() {}
}
