package dev.casemate.nativetest;

/**
 * What Casemate needs of a native image, tried in one. Says "ok" or "FAILED" for each and exits with the number of failures. As the
 * first process of a virtual machine, which holds nothing but this file, it tries only the processes.
 */
public final class NativeTest {
    private static int failures;

    private NativeTest() {}

    interface Check {
        boolean passes() throws Exception;
    }

    public static void main(String[] args) {
        check("one thread at start", Threads::onlyOneAtStart);
        check("no descriptor but 0, 1, 2", Processes::onlyStandardDescriptors);
        check("all arguments arrive", () -> args.length == 0 || args.length == 3 && args[0].equals("-Xmx1g"));
        processes();
        if (Libc.syscall(Libc.SYS_GETPID, 0, 0, 0, 0, 0, 0) == 1) {
            powerOff();
        }
        threads();
        check("unchanged pages are given back", Memory::unchangedPagesAreGivenBack);
        check("garbage is given back", Memory::garbageIsGivenBack);
        check("casemate_idle: gives code back", Memory::codeIsGivenBack);
        check("casemate_worked: ends casemate_idle", Memory::workEndsIdling);
        check("no change is lost by giving back", Memory::noChangeIsLost);
        libraries();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("ok shutdown hooks")));
        System.out.println(failures == 0 ? "all passed" : failures + " FAILED");
        System.exit(failures);
    }

    private static void processes() {
        check("casemate_syscall: write", Processes::writes);
        check("casemate_syscall: negative errno", Processes::returnsNegativeErrno);
        check("casemate_syscall: getpid", Processes::sameProcessId);
        check("fork: allocation and collection in the child", Processes::forkedChildRunsJava);
        check("fork: in a forked child", Processes::forkedChildCanFork);
        check("fork: unshare(CLONE_NEWUSER) in the child", Processes::unsharesUserNamespace);
        check("fork: with CLONE_NEWUSER", Processes::clonesIntoUserNamespace);
        check("SIGTERM ends the process", Processes::diesOfSignal);
    }

    private static void threads() {
        check("synchronized", Threads::synchronizedBlocks);
        check("wait and notify", Threads::monitorWaitAndNotify);
        check("park and unpark", Threads::parkAndUnpark);
        check("interrupt", Threads::interrupts);
        check("sleep", Threads::sleepsAsLongAsTold);
        check("ConcurrentHashMap", Threads::concurrentHashMap);
        check("ReentrantLock and Condition", Threads::reentrantLockAndCondition);
        check("collections with threads running", Threads::collectionsWithThreadsRunning);
        check("virtual threads", Threads::virtualThreads);
        check("weak references", Threads::weakReferencesAreCleared);
        check("forgotten files are closed", Threads::forgottenFilesAreClosed);
        check("deep stacks", Threads::stacksAreDeep);
    }

    private static void libraries() {
        check("SHA-256", Libraries::sha256);
        check("SecureRandom", Libraries::secureRandom);
        check("GZIP", Libraries::gzip);
        check("file names in UTF-8", Libraries::utf8FileNames);
        check("AF_UNIX", Libraries::unixSocket);
        check("resolver", Libraries::resolvesLocalhost);
        check("HttpClient", Libraries::httpClient);
        check("TLS", Libraries::tls);
    }

    private static void check(String name, Check check) {
        boolean passed = false;
        try {
            passed = check.passes();
        } catch (Throwable t) {
            t.printStackTrace(System.out);
        }
        System.out.println((passed ? "ok " : "FAILED ") + name);
        failures += passed ? 0 : 1;
    }

    /** reboot(LINUX_REBOOT_CMD_RESTART): the virtual machine is started such that it ends instead. */
    private static void powerOff() {
        System.out.println(failures == 0 ? "all passed as first process" : failures + " FAILED as first process");
        Libc.syscall(169, 0xfee1deadL, 672274793L, 0x1234567L, 0, 0, 0);
    }
}
