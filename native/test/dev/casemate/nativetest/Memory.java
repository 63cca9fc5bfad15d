package dev.casemate.nativetest;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** What {@code System.gc()} gives back, and that nothing is lost by it. */
final class Memory {
    /** Of the image's own heap, which is a part of the executable: 4 MiB that nobody has read yet. */
    private static final int[] NUMBERS = numbers();

    private static final int PAGE = 1024;

    private Memory() {}

    private static int[] numbers() {
        int[] numbers = new int[1 << 20];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = i;
        }
        return numbers;
    }

    static boolean unchangedPagesAreGivenBack() throws Exception {
        long sum = 0;
        for (int number : NUMBERS) {
            sum += number;
        }
        long read = residentKib("RssFile:");
        System.gc();
        long given = read - residentKib("RssFile:");
        if (sum == (1L << 19) * ((1 << 20) - 1) && given > 3 << 10) {
            return true;
        }
        System.out.println("sum " + sum + ", given back " + given + " KiB of " + read);
        return false;
    }

    /** The heap's chunks have half a mebibyte each: what is kept of them must not have the pages of the garbage around it. */
    static boolean garbageIsGivenBack() throws Exception {
        System.gc();
        long before = residentKib("RssAnon:");
        byte[][] kept = new byte[64][];
        for (int i = 0; i < 1 << 14; i++) {
            kept[i % kept.length] = new byte[512];
        }
        System.gc();
        long grown = residentKib("RssAnon:") - before;
        if (grown < 448 && kept[0].length == 512) {
            return true;
        }
        System.out.println("32 KiB of objects keep " + grown + " KiB");
        return false;
    }

    /** So that the caller gives back more, and not only after a minute. */
    static boolean workEndsIdling() throws Exception {
        Thread idle = Thread.ofPlatform().start(() -> Libc.idle(60_000));
        Thread.sleep(300);
        boolean idled = idle.isAlive();
        Libc.worked();
        return idled && idle.join(java.time.Duration.ofSeconds(20));
    }

    /** Told by the call itself: whoever looks from inside maps the code again that it looks with. */
    static boolean codeIsGivenBack() throws Exception {
        AtomicLong released = new AtomicLong();
        Thread idle = Thread.ofPlatform().start(() -> released.set(Libc.idle(200)));
        idle.join();
        if (released.get() > 64) {
            return true;
        }
        System.out.println("given back " + released.get() + " pages");
        return false;
    }

    /** Pages become changed ones while they are given back: every change must be there afterwards. */
    static boolean noChangeIsLost() throws Exception {
        AtomicBoolean writing = new AtomicBoolean(true);
        Thread writer = Thread.ofPlatform().start(() -> {
            for (int round = 0; round < PAGE; round += 64) {
                for (int i = round; i < NUMBERS.length; i += PAGE) {
                    NUMBERS[i] = -1;
                    Thread.onSpinWait();
                }
                pause();
            }
            writing.set(false);
        });
        int collections = 0;
        while (writing.get()) {
            System.gc();
            collections++;
        }
        writer.join();
        int lost = 0;
        for (int i = 0; i < NUMBERS.length; i++) {
            lost += NUMBERS[i] == (i % 64 == 0 ? -1 : i) ? 0 : 1;
        }
        if (lost == 0 && collections > 1) {
            return true;
        }
        System.out.println(lost + " lost in " + collections + " collections");
        return false;
    }

    private static void pause() {
        try {
            Thread.sleep(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static long residentKib(String kind) throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(kind)) {
                return Long.parseLong(line.substring(kind.length(), line.length() - 2).strip());
            }
        }
        return 0;
    }
}
