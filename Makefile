# What people type; meson does the work. `make help` lists it all.
BUILD ?= build
FUZZ_SECONDS ?= 60
FUZZ ?=
SOURCES = $(wildcard src/*/*.[ch] sim/*.[ch] include/posse/*.h tests/*/*.[ch] fuzz/*.[ch] bench/*.[ch])

.PHONY: all run test soak help bench rustock model fuzz asan ubsan tsan docs format lint clean install

all: $(BUILD)/build.ninja  ## build the release binary, build/posse
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) -Dtests=false

run:  ## install what is missing, build, judge the mail in samples/, start the daemon with every door on 127.0.0.1
	@scripts/deps.sh build
	@$(MAKE) --no-print-directory all
	@POSSE_HOME=$(BUILD)/no-home $(BUILD)/posse scan --explain samples/ham samples/spam || test $$? -eq 1
	@scripts/run.sh $(BUILD)

test:  ## install what tests need, build, run every test
	@scripts/deps.sh build test
	@scripts/test.sh $(BUILD)

soak: all  ## the daemon under random clients, reloads and SIGKILLs for SOAK_SECONDS (1800); make test does 120 of them
	@SOAK_SECONDS=$${SOAK_SECONDS:-1800} tests/soak/run.sh $(BUILD)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

bench: all  ## measure accuracy and speed, all of bench/*/run; bench-NAME for one of them
	@for run in bench/*/run; do "$$run" || exit 1; done

rustock: all  ## the Rustock scenario from its first look to its end: mail, flows, case, dossier, notices, watch
	@bench/case/rustock

bench-%: all
	@bench/$*/run

model: all  ## rebuild the model that ships from the corpora
	@models/rebuild $(BUILD)

fuzz:  ## run each fuzz harness (or FUZZ="NAME ...") for FUZZ_SECONDS (60) of processor time under ASan and UBSan
	@scripts/deps.sh build test
	@scripts/fuzz.sh build-fuzz $(FUZZ_SECONDS) $(FUZZ)

asan:  ## unit tests under AddressSanitizer
	@scripts/sanitize.sh address

ubsan:  ## unit tests under UndefinedBehaviorSanitizer
	@scripts/sanitize.sh undefined

tsan:  ## threads under ThreadSanitizer
	@scripts/sanitize.sh thread

docs:  ## manual pages as HTML in build/docs
	@mkdir -p $(BUILD)/docs
	@for f in docs/man/*.[1-8]; do mandoc -Thtml -Ostyle=mandoc.css "$$f" > $(BUILD)/docs/$$(basename "$$f").html || exit 1; done
	@ls $(BUILD)/docs

format:  ## put the sources into the house's layout
	@clang-format -i $(SOURCES)

lint:  ## floors, names, globals, manual pages
	@tests/lint/run.sh $(BUILD)

clean:  ## remove all that was built
	@rm -rf $(BUILD) build-asan build-ubsan build-tsan build-sanitized build-fuzz

install: all  ## install; honours DESTDIR, and meson configure build -Dprefix=...
	@meson install -C $(BUILD) --no-rebuild
