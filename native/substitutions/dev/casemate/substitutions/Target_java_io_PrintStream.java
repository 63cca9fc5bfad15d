package dev.casemate.substitutions;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;
import java.io.PrintStream;
import java.util.Locale;

/** See {@link SmallFormatter} for why. {@code printf} calls {@code format}. */
@TargetClass(PrintStream.class)
final class Target_java_io_PrintStream {
    private Target_java_io_PrintStream() {}

    @Substitute
    public PrintStream format(String format, Object... arguments) {
        return ((PrintStream) (Object) this).append(SmallFormatter.format(format, arguments));
    }

    @Substitute
    @SuppressWarnings("unused")
    public PrintStream format(Locale locale, String format, Object... arguments) {
        return ((PrintStream) (Object) this).append(SmallFormatter.format(format, arguments));
    }
}
