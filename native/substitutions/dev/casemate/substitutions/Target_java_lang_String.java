package dev.casemate.substitutions;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;
import java.util.Locale;

/** See {@link SmallFormatter} for why. */
@TargetClass(String.class)
final class Target_java_lang_String {
    private Target_java_lang_String() {}

    @Substitute
    public static String format(String format, Object... arguments) {
        return SmallFormatter.format(format, arguments);
    }

    @Substitute
    @SuppressWarnings("unused")
    public static String format(Locale locale, String format, Object... arguments) {
        return SmallFormatter.format(format, arguments);
    }

    @Substitute
    public String formatted(Object... arguments) {
        return SmallFormatter.format(toString(), arguments);
    }
}
