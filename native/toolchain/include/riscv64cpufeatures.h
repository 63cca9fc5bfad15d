/*
 * What a RISC-V processor can do. Never used in an x86 image, but the builder resolves the headers of every architecture and asks for the
 * fields' offsets; see amd64cpufeatures.h.
 */
#ifndef CASEMATE_RISCV64CPUFEATURES_H
#define CASEMATE_RISCV64CPUFEATURES_H

#include <stdbool.h>

typedef struct {
    bool fI, fM, fA, fF, fD, fC, fV;
} CPUFeatures;

#endif
