/*
 * Part of libchelper: finds out what the processor can do, and refuses to run an image on a processor that lacks something the image
 * was compiled for. Without the check such an image dies of SIGILL, at an arbitrary later point.
 *
 * Sources: Intel SDM volume 2A "CPUID", AMD APM volume 3 appendix E. A feature that needs state which the kernel must save (AVX,
 * AVX-512, APX) counts only if XCR0 says that the kernel saves it.
 */
#include <cpuid.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "amd64cpufeatures.h"

struct registers {
    unsigned eax, ebx, ecx, edx;
};

#define XCR0_AVX 0x06u       /* SSE and YMM state */
#define XCR0_AVX512 0xe6u    /* and opmask, ZMM_Hi256, Hi16_ZMM */
#define XCR0_APX (1u << 19)  /* the 16 further general registers */

static bool bit(unsigned word, int number) {
    return (word >> number) & 1;
}

/* All zeroes if the processor does not have the leaf. */
static struct registers cpuid(unsigned leaf, unsigned subleaf) {
    struct registers r = {0, 0, 0, 0};
    unsigned highest = __get_cpuid_max(leaf & 0x80000000u, NULL);
    if (highest >= leaf && highest != 0) {
        __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    }
    return r;
}

/* XCR0, or 0 if the kernel has not switched XSAVE on (xgetbv would then be an illegal instruction). */
static uint64_t enabled_state(struct registers leaf1) {
    if (!bit(leaf1.ecx, 27)) {
        return 0;
    }
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static void basic_features(CPUFeatures *f, struct registers leaf1) {
    f->fTSC = bit(leaf1.edx, 4);
    f->fCX8 = bit(leaf1.edx, 8);
    f->fCMOV = bit(leaf1.edx, 15);
    f->fFLUSH = bit(leaf1.edx, 19);
    f->fMMX = bit(leaf1.edx, 23);
    f->fFXSR = bit(leaf1.edx, 24);
    f->fSSE = bit(leaf1.edx, 25);
    f->fSSE2 = bit(leaf1.edx, 26);
    f->fHT = bit(leaf1.edx, 28) && ((leaf1.ebx >> 16) & 0xff) > 1;
    f->fSSE3 = bit(leaf1.ecx, 0);
    f->fCLMUL = bit(leaf1.ecx, 1);
    f->fSSSE3 = bit(leaf1.ecx, 9);
    f->fSSE4_1 = bit(leaf1.ecx, 19);
    f->fSSE4_2 = bit(leaf1.ecx, 20);
    f->fPOPCNT = bit(leaf1.ecx, 23);
    f->fAES = bit(leaf1.ecx, 25);
    f->fHV = bit(leaf1.ecx, 31);
}

static void extended_features(CPUFeatures *f) {
    struct registers ext1 = cpuid(0x80000001u, 0);
    f->fLZCNT = bit(ext1.ecx, 5);
    f->fSSE4A = bit(ext1.ecx, 6);
    f->fAMD_3DNOW_PREFETCH = bit(ext1.ecx, 8);
    f->fRDTSCP = bit(ext1.edx, 27);
    f->fTSCINV_BIT = bit(cpuid(0x80000007u, 0).edx, 8);
    f->fTSCINV = f->fTSC && f->fTSCINV_BIT;
}

static void structured_features(CPUFeatures *f, struct registers leaf7, struct registers leaf7_1) {
    f->fBMI1 = bit(leaf7.ebx, 3);
    f->fBMI2 = bit(leaf7.ebx, 8);
    f->fERMS = bit(leaf7.ebx, 9);
    f->fRTM = bit(leaf7.ebx, 11);
    f->fADX = bit(leaf7.ebx, 19);
    f->fFLUSHOPT = bit(leaf7.ebx, 23);
    f->fCLWB = bit(leaf7.ebx, 24);
    f->fSHA = bit(leaf7.ebx, 29);
    f->fPKU = bit(leaf7.ecx, 3);
    f->fOSPKE = bit(leaf7.ecx, 4);
    f->fCET_SS = bit(leaf7.ecx, 7);
    f->fGFNI = bit(leaf7.ecx, 8);
    f->fRDPID = bit(leaf7.ecx, 22);
    f->fFSRM = bit(leaf7.edx, 4);
    f->fSERIALIZE = bit(leaf7.edx, 14);
    f->fCET_IBT = bit(leaf7.edx, 20);
    f->fSHA512 = bit(leaf7_1.eax, 0);
}

static void avx_features(CPUFeatures *f, struct registers leaf1, struct registers leaf7, struct registers leaf7_1) {
    f->fAVX = bit(leaf1.ecx, 28);
    f->fFMA = f->fAVX && bit(leaf1.ecx, 12);
    f->fF16C = f->fAVX && bit(leaf1.ecx, 29);
    f->fAVX2 = f->fAVX && bit(leaf7.ebx, 5);
    f->fAVX_IFMA = f->fAVX && bit(leaf7_1.eax, 23);
    f->fAVX512_VAES = f->fAVX && bit(leaf7.ecx, 9);
    f->fAVX512_VPCLMULQDQ = f->fAVX && bit(leaf7.ecx, 10);
    /* Xeon Phi (the only one with AVX512ER) has no use for VZEROUPPER and is slow at it. */
    f->fVZEROUPPER = f->fAVX && !bit(leaf7.ebx, 27);
}

static void avx512_features(CPUFeatures *f, struct registers leaf7, struct registers leaf7_1) {
    f->fAVX512F = bit(leaf7.ebx, 16);
    if (!f->fAVX512F) {
        return;
    }
    f->fAVX512DQ = bit(leaf7.ebx, 17);
    f->fAVX512_IFMA = bit(leaf7.ebx, 21);
    f->fAVX512PF = bit(leaf7.ebx, 26);
    f->fAVX512ER = bit(leaf7.ebx, 27);
    f->fAVX512CD = bit(leaf7.ebx, 28);
    f->fAVX512BW = bit(leaf7.ebx, 30);
    f->fAVX512VL = bit(leaf7.ebx, 31);
    f->fAVX512_VBMI = bit(leaf7.ecx, 1);
    f->fAVX512_VBMI2 = bit(leaf7.ecx, 6);
    f->fAVX512_VNNI = bit(leaf7.ecx, 11);
    f->fAVX512_BITALG = bit(leaf7.ecx, 12);
    f->fAVX512_VPOPCNTDQ = bit(leaf7.ecx, 14);
    f->fAVX512_FP16 = bit(leaf7.edx, 23);
    if (bit(leaf7_1.edx, 19)) {
        unsigned version = cpuid(0x24, 0).ebx & 0xff;
        f->fAVX10_1 = version >= 1;
        f->fAVX10_2 = version >= 2;
    }
}

void determineCPUFeatures(CPUFeatures *f) {
    memset(f, 0, sizeof *f);
    struct registers leaf1 = cpuid(1, 0);
    struct registers leaf7 = cpuid(7, 0);
    struct registers leaf7_1 = leaf7.eax >= 1 ? cpuid(7, 1) : (struct registers){0, 0, 0, 0};
    uint64_t state = enabled_state(leaf1);
    basic_features(f, leaf1);
    extended_features(f);
    structured_features(f, leaf7, leaf7_1);
    if ((state & XCR0_AVX) == XCR0_AVX) {
        avx_features(f, leaf1, leaf7, leaf7_1);
        if ((state & XCR0_AVX512) == XCR0_AVX512) {
            avx512_features(f, leaf7, leaf7_1);
        }
    }
    f->fAPX_F = bit(leaf7_1.edx, 21) && (state & XCR0_APX) != 0;
}

/*
 * The mask is a CPUFeatures with every byte negated: 0xfe where the image needs the feature, 0xff elsewhere (CPUFeatureAccessFeatureBase).
 * So "present or not needed" is that byte | mask == 0xff. Returns 0 if the processor has all.
 */
int checkCPUFeatures(const uint8_t *negated_requirements) {
    CPUFeatures features;
    determineCPUFeatures(&features);
    const uint8_t *present = (const uint8_t *)&features;
    for (size_t i = 0; i < sizeof features; i++) {
        if ((present[i] | negated_requirements[i]) != 0xff) {
            return 1;
        }
    }
    return 0;
}

/* Runs before the heap and the thread exist, so it may use nothing but the kernel. */
int checkCPUFeaturesOrExit(const uint8_t *negated_requirements, const char *message) {
    if (checkCPUFeatures(negated_requirements) != 0) {
        (void)!write(STDERR_FILENO, message, strlen(message));
        (void)!write(STDERR_FILENO, "\n", 1);
        _exit(1);
    }
    return 0;
}
