package dev.casemate.substitutions;

import com.oracle.svm.core.heap.VMOperationInfos;
import com.oracle.svm.core.thread.JavaVMOperation;
import com.oracle.svm.core.thread.VMOperation;
import org.graalvm.nativeimage.c.function.CFunction;

/**
 * Gives back the pages of the executable that are mapped and unchanged: {@code casemate_release_unchanged} in {@code casemate.c}. The
 * image's heap is among them, so every thread that runs Java code is stopped meanwhile; those in system calls stop when they return.
 */
final class UnchangedPages extends JavaVMOperation {
    private UnchangedPages() {
        super(VMOperationInfos.get(UnchangedPages.class, "Release unchanged pages", VMOperation.SystemEffect.SAFEPOINT));
    }

    static void release() {
        new UnchangedPages().enqueue();
    }

    @Override
    protected void operate() {
        releaseUnchanged();
    }

    @CFunction(value = "casemate_release_unchanged", transition = CFunction.Transition.NO_TRANSITION)
    private static native long releaseUnchanged();
}
