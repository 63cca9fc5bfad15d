# Casemate: `make help` says what there is. Recipes live in scripts/, one file a job.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# pom.xml says which modules there are; the executables are made of all but the tests' own.
MODULES := $(filter-out e2e fuzz house test-support,$(shell sed -n 's,^ *<module>\(.*\)</module>$$,\1,p' pom.xml))
SOURCES := $(shell find $(MODULES) -path '*/src/main/*' -type f 2>/dev/null) $(wildcard */pom.xml) pom.xml
NATIVE  := $(shell find native -type f -not -path 'native/test/*' 2>/dev/null)

.PHONY: help packages classes build hostile-agent sbom guest demo test test-quick e2e engine-tests kvm-lab bench-exits fuzz check pins reproducible format bench clean install

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

packages: ## install the Debian packages that building and running need
	@scripts/packages.sh

build/.classes: $(SOURCES)
	@scripts/classes.sh
	@mkdir -p build && touch $@

classes: packages build/.classes ## compile the Java code

build/casemate-agent: build/.classes $(NATIVE)
	@scripts/image.sh agent

build/casemate: build/.classes $(NATIVE)
	@scripts/image.sh casemate

build/casemate-cell: build/.classes $(NATIVE)
	@scripts/image.sh cell-cli

# The guest that attacks the host: for the end-to-end tests, and part of nothing else.
HOSTILE := $(wildcard agent/src/test/java/dev/casemate/agent/Hostile*.java)

build/hostile-agent: build/.classes $(NATIVE) $(HOSTILE)
	@scripts/classes.sh
	@scripts/image.sh hostile

hostile-agent: packages build/hostile-agent ## compile the agent that attacks the host, for the tests

# All three lists are written at once; the guest's is written with the guest.
build/casemate.cdx.json: build/casemate-agent build/casemate-cell build/casemate scripts/sbom.sh scripts/Sbom.java scripts/maven.list
	@scripts/sbom.sh

sbom: packages build/casemate.cdx.json ## list what the executables are made of: build/NAME.cdx.json (CycloneDX)

build: packages build/casemate-agent build/casemate-cell build/casemate build/casemate.cdx.json ## compile the three static native executables

guest: build ## build the guest: kernel and initramfs
	@scripts/guest.sh

demo: build ## run a container in a VM of its own and say what happened
	@scripts/demo.sh

check: packages ## formatting, Error Prone, NullAway, house rules
	@scripts/check.sh

test: packages ## everything: check, unit tests, demo, end-to-end tests
	@scripts/test.sh

test-quick: packages ## check, unit tests that start no VM, and one VM
	@scripts/test.sh quick

e2e: build guest hostile-agent ## the end-to-end tests alone
	@scripts/maven.sh -Pe2e -pl e2e -am -DskipUnitTests '-Dit.test=dev.casemate.e2e.*Test' verify

engine-tests: build guest hostile-agent ## containerd, Docker and pods with the shim, all of it; ENGINE_RUNTIME=runc runs the same tests against runc
	@scripts/engines.sh
	@scripts/maven.sh -Pe2e -pl e2e -am -DskipUnitTests '-Dit.test=dev.casemate.e2e.containerd.*Test,dev.casemate.e2e.docker.*Test,dev.casemate.e2e.cri.*Test' verify

kvm-lab: build guest ## the same life of a container under KVM: here, or in a VM that emulates it
	@scripts/engines.sh
	@scripts/kvm-lab.sh

bench-exits: build guest ## count what a start, an exec, idling and a stop cost under KVM, by reason, port and address
	@scripts/engines.sh
	@scripts/bench-exits.sh

fuzz: ## feed one parser for long: make fuzz TARGET=JsonFuzz SECONDS=600; without TARGET, list them
	@env -u SECONDS scripts/fuzz.sh $(TARGET) $(if $(TARGET),$(or $(SECONDS),600) $(SEED))

pins: packages ## refresh scripts/maven.list, the SHA-256 of everything that Maven downloads
	@scripts/pins.sh

reproducible: build ## build everything a second time and compare; takes as long as the first time
	@scripts/reproducible.sh

bench: build ## measure, and print the figures of docs/performance.md
	@scripts/bench.sh

format: ## format the sources
	@scripts/maven.sh -q spotless:apply

install: build ## install to /usr/local/bin
	@install -m 0755 build/casemate build/casemate-agent build/casemate-cell /usr/local/bin/
	@echo "installed /usr/local/bin/casemate, casemate-agent and casemate-cell"

clean: ## remove what was built in this tree (not the toolchain, images and guests)
	@rm -rf build */target
