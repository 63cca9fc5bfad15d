package dev.casemate.nativetest;

import java.io.File;
import java.io.FileInputStream;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Ordinary Java threads in an image whose runtime has no threads of its own. */
final class Threads {
    private static final int COUNT = 8;

    private Threads() {}

    static boolean onlyOneAtStart() throws Exception {
        return Files.readString(Path.of("/proc/self/status")).contains("\nThreads:\t1\n");
    }

    /** A deep recursion: as deep as a stack of 8 MiB allows on the main thread, of 1 MiB on another, and ends in StackOverflowError. */
    static boolean stacksAreDeep() throws Exception {
        int[] depths = new int[2];
        depths[0] = depth();
        Thread thread = Thread.ofPlatform().start(() -> depths[1] = depth());
        thread.join();
        if (depths[0] > 60_000 && depths[1] > 7_000) {
            return true;
        }
        System.out.println("depth of the main thread's stack " + depths[0] + ", of another's " + depths[1]);
        return false;
    }

    private static int depth() {
        int[] depth = new int[1];
        try {
            recurse(depth);
        } catch (StackOverflowError expected) {
            return depth[0];
        }
        return -1;
    }

    private static int recurse(int[] depth) {
        depth[0]++;
        return recurse(depth) + depth[0];
    }

    interface Body {
        void run(int index) throws Exception;
    }

    private static void inParallel(Body body) throws InterruptedException {
        Thread[] threads = new Thread[COUNT];
        for (int i = 0; i < COUNT; i++) {
            int index = i;
            threads[i] = Thread.ofPlatform().start(() -> {
                try {
                    body.run(index);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static final Object MONITOR = new Object();
    private static int counter;

    static boolean synchronizedBlocks() throws Exception {
        inParallel(index -> {
            for (int i = 0; i < 50_000; i++) {
                synchronized (MONITOR) {
                    counter++;
                }
            }
        });
        return counter == COUNT * 50_000;
    }

    static boolean monitorWaitAndNotify() throws Exception {
        boolean[] told = new boolean[1];
        Thread waiter = Thread.ofPlatform().start(() -> {
            synchronized (told) {
                while (!told[0]) {
                    try {
                        told.wait();
                    } catch (InterruptedException e) {
                        return;
                    }
                }
                told[0] = false;
            }
        });
        Thread.sleep(20);
        synchronized (told) {
            told[0] = true;
            told.notifyAll();
        }
        waiter.join(5000);
        return !told[0];
    }

    static boolean parkAndUnpark() throws Exception {
        Thread parked = Thread.ofPlatform().start(LockSupport::park);
        Thread.sleep(20);
        LockSupport.unpark(parked);
        parked.join(5000);
        return !parked.isAlive();
    }

    static boolean interrupts() throws Exception {
        AtomicInteger interrupted = new AtomicInteger();
        Thread sleeper = Thread.ofPlatform().start(() -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                interrupted.incrementAndGet();
            }
        });
        sleeper.interrupt();
        sleeper.join(5000);
        return interrupted.get() == 1;
    }

    static boolean concurrentHashMap() throws Exception {
        ConcurrentHashMap<Integer, Integer> map = new ConcurrentHashMap<>();
        inParallel(index -> {
            for (int i = 0; i < 10_000; i++) {
                map.merge(i, 1, Integer::sum);
            }
        });
        return map.size() == 10_000 && map.values().stream().allMatch(value -> value == COUNT);
    }

    static boolean reentrantLockAndCondition() throws Exception {
        ReentrantLock lock = new ReentrantLock();
        Condition full = lock.newCondition();
        int[] arrived = new int[1];
        inParallel(index -> {
            lock.lock();
            try {
                arrived[0]++;
                if (arrived[0] == COUNT) {
                    full.signalAll();
                }
                while (arrived[0] < COUNT) {
                    full.await();
                }
            } finally {
                lock.unlock();
            }
        });
        return arrived[0] == COUNT;
    }

    /** Collections need all threads to stop at safepoints, with no thread that would see to it. */
    static boolean collectionsWithThreadsRunning() throws Exception {
        AtomicInteger done = new AtomicInteger();
        inParallel(index -> {
            for (int i = 0; i < 3; i++) {
                if (Processes.allocateAndCollect()) {
                    done.incrementAndGet();
                }
            }
        });
        return done.get() == COUNT * 3;
    }

    static boolean sleepsAsLongAsTold() throws Exception {
        long start = System.nanoTime();
        Thread.sleep(50);
        long millis = (System.nanoTime() - start) / 1_000_000;
        return millis >= 50 && millis < 5000;
    }

    static boolean virtualThreads() throws Exception {
        AtomicInteger done = new AtomicInteger();
        Thread[] threads = new Thread[1000];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.ofVirtual().start(() -> {
                try {
                    Thread.sleep(1);
                } catch (InterruptedException e) {
                    return;
                }
                done.incrementAndGet();
            });
        }
        for (Thread thread : threads) {
            thread.join(5000);
        }
        return done.get() == threads.length;
    }

    static boolean weakReferencesAreCleared() {
        WeakReference<Object> reference = new WeakReference<>(new Object());
        System.gc();
        return reference.get() == null;
    }

    /**
     * The JDK's own cleaner, which closes forgotten files, runs in the thread that collects. (Cleaners made by Cleaner.create() have
     * threads of their own, and do not run in such an image.)
     */
    static boolean forgottenFilesAreClosed() throws Exception {
        int before = openFiles();
        for (int i = 0; i < 10; i++) {
            new FileInputStream("/dev/null").read();
        }
        int forgotten = openFiles() - before;
        System.gc();
        System.gc();
        return forgotten >= 9 && openFiles() - before <= 1;
    }

    private static int openFiles() {
        return new File("/proc/self/fd").list().length;
    }
}
