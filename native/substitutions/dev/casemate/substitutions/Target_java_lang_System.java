package dev.casemate.substitutions;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;
import com.oracle.svm.core.genscavenge.HeapParameters;
import com.oracle.svm.core.heap.Heap;
import org.graalvm.word.UnsignedWord;
import org.graalvm.word.WordFactory;

/**
 * The runtime handles references (weak ones that were cleared, files that were forgotten) in a thread of its own, which our images do not
 * have: they must be able to fork. So whoever asks for a collection handles them.
 *
 * <p>Who asks for one will be idle for a while. So memory that the heap would keep for the next allocations goes back to the operating
 * system, and with it the pages of the executable, which a collection has read whole: the image's heap is where it begins to look.
 */
@TargetClass(System.class)
final class Target_java_lang_System {
    private Target_java_lang_System() {}

    @Substitute
    public static void gc() {
        UnsignedWord kept = HeapParameters.getMaximumHeapFree();
        // Zero would mean: as the policy says.
        HeapParameters.setMaximumHeapFree(WordFactory.unsigned(1));
        // The first collection copies what is alive into chunks that it has just emptied, and these keep their old content beyond it: up to
        // half a megabyte each. By the second one they have been given back, and it copies into fresh memory.
        Runtime.getRuntime().gc();
        Runtime.getRuntime().gc();
        HeapParameters.setMaximumHeapFree(kept);
        Heap.getHeap().doReferenceHandling();
        UnchangedPages.release();
    }
}
