/*
 * What a AArch64 processor can do. Never used in an x86 image, but the builder resolves the headers of every architecture and asks for the
 * fields' offsets; see amd64cpufeatures.h.
 */
#ifndef CASEMATE_AARCH64CPUFEATURES_H
#define CASEMATE_AARCH64CPUFEATURES_H

#include <stdbool.h>

typedef struct {
    bool fFP, fASIMD, fEVTSTRM, fAES, fPMULL, fSHA1, fSHA2, fCRC32, fLSE, fDCPOP, fSHA3, fSHA512, fSVE, fSVE2, fSTXR_PREFETCH, fA53MAC,
        fDMB_ATOMICS, fPACA, fSVEBITPERM, fFPHP, fASIMDHP;
} CPUFeatures;

#endif
