package dev.casemate.substitutions;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;
import com.oracle.svm.core.heap.Heap;

/**
 * The runtime handles references (weak ones that were cleared, files that were forgotten) in a thread of its own, which our images do not
 * have: they must be able to fork. So whoever asks for a collection handles them.
 */
@TargetClass(System.class)
final class Target_java_lang_System {
    private Target_java_lang_System() {}

    @Substitute
    public static void gc() {
        Runtime.getRuntime().gc();
        Heap.getHeap().doReferenceHandling();
    }
}
