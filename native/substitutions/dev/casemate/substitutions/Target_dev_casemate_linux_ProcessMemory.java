package dev.casemate.substitutions;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;
import java.util.function.BooleanSupplier;

/** What Casemate's own long-lived processes can ask for besides {@code System.gc()}; other images do not have the class. */
@TargetClass(className = ProcessMemoryIsThere.NAME, onlyWith = ProcessMemoryIsThere.class)
final class Target_dev_casemate_linux_ProcessMemory {
    private Target_dev_casemate_linux_ProcessMemory() {}

    @Substitute
    private static void releaseUnchanged() {
        UnchangedPages.release();
    }
}

final class ProcessMemoryIsThere implements BooleanSupplier {
    static final String NAME = "dev.casemate.linux.ProcessMemory";

    @Override
    public boolean getAsBoolean() {
        try {
            Class.forName(NAME, false, ProcessMemoryIsThere.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }
}
