# recseq: a recommender trained inside PostgreSQL
#
#   make                 build the extension            (PG_CONFIG= picks the PostgreSQL)
#   make install         install it
#   make installcheck    regression and isolation tests against a server that runs
#   make test            every test, on a private server (root: installs what it needs through apt)
#   make test-versions   the regression, isolation and TAP tests on other versions of PostgreSQL: test/versions.sh
#   make coverage        which lines and branches the tests run: test/coverage.sh
#   make clients-test    of these, the programs of docs/clients.md alone
#   make package-test    the Debian package, the distribution and the Dockerfile, each built, installed and run: test/package.sh
#   make test-architectures  the unit tests on 64-bit ARM and s390x, by QEMU: test/architectures.sh
#   make scale           three servers that answer, and one of them killed: test/scale/run.sh
#   make dist            what PGXN distributes: build/recseq-VERSION.zip, of what is committed
#   make demo            train and recommend, on a private server; make demo-stop removes it
#   make superset        a dashboard of Apache Superset over it; make superset-stop stops it; make superset-test tries it out
#   make app             the web page over the demo's database
#   make bench           speed and quality beside the peers
#   make bench-large     how a training and answering scale, up to a million visitors and ten million items
#   make quality         how good the recommendations are: docs/quality.md
#   make quality-peers   other libraries' models on the same cases
#   make libnn           the network alone: build/libnn.a, without PostgreSQL; likewise librank and libmodel
#   make unit-tests      the programs that test these, plain and with sanitizers

PG_CONFIG ?= pg_config

# "make demo DATA=dir" means a directory of CSV files; PGXS means files to install by the same name.
DEMO_DATA := $(if $(filter command environment,$(firstword $(origin DATA))),$(DATA))

# Flags of who builds a package, from the command line or the environment: PGXS takes its own from here on.
given = $(if $(filter command environment,$(firstword $(origin $(1)))),$($(1)))
GIVEN_CFLAGS := $(call given,CFLAGS)
GIVEN_CPPFLAGS := $(call given,CPPFLAGS)

all:

# ---------------------------------------------------------------- the extension

EXTENSION = recseq
MODULE_big = recseq

# The version that CREATE EXTENSION installs, as in recseq.control.
EXTVERSION = 1.0

# Its script is made of these parts, in this order. To add objects, add a file here: plain CREATE, one COMMENT an object, REVOKE
# what is not for everybody.
SQL_PARTS = sql/types_and_tables.sql sql/functions.sql sql/evaluation.sql sql/progress.sql sql/jobs.sql sql/statistics.sql sql/similar.sql sql/vectors.sql sql/bi.sql \
	sql/versions.sql sql/kit.sql sql/retailrocket.sql
SQL_SCRIPT = sql/recseq--$(EXTVERSION).sql

DATA_built = $(SQL_SCRIPT)
# "make DATA=dir" is for the demo and no list of files to install.
override DATA =

# Folders of src: the rest, and the libraries, which know nothing of PostgreSQL. Each may use those after it (test/includes.pl).
GLUE = jobs evaluate train serve store data
LIBRARIES = model rank nn

GLUE_OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c $(GLUE:%=src/%/*.c)))
LIBRARY_SRCS = $(wildcard $(LIBRARIES:%=src/%/*.c))
LIBRARY_OBJS = $(LIBRARY_SRCS:src/%.c=build/%.o)
LIBRARY_HEADERS = $(wildcard $(LIBRARIES:%=src/%/*.h))
EXPORTS = src/recseq.map

OBJS = $(GLUE_OBJS) $(LIBRARY_OBJS)
EXTRA_CLEAN = build

# Input in test/sql and test/specs, expected output of both in expected/, in a database that has the extension. These lists
# are all of them; a part runs with
# make installcheck REGRESS="train recommend" ISOLATION=
REGRESS = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
REGRESS_OPTS = --inputdir=test --outputdir=build/regress --load-extension=$(EXTENSION)
ISOLATION = $(sort $(basename $(notdir $(wildcard test/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test --outputdir=build/isolation
# Up to PostgreSQL 15 a file in the output directory, ours by default, comes before the one in the input directory: without
# a directory of its own, pg_regress would take the extension's sql/retailrocket.sql for the test of that name.
REGRESS_PREP = build/regress/expected build/isolation/expected

# The tests build with WERROR=-Werror; who installs may have a compiler that finds more to warn about.
WERROR =

PG_CPPFLAGS = -Isrc
# PostgreSQL's headers and calling conventions are not clean under -Wextra in these two; and the code is C99.
PG_CFLAGS = -Wextra $(WERROR) -Wno-unused-parameter -Wno-sign-compare -Wno-declaration-after-statement
# Only the entry points leave the library, so that no name of the network can clash with the backend's or another module's.
SHLIB_LINK = -Wl,--version-script=$(EXPORTS) $(BLAS_LIBS) -lm

# Bitcode for the JIT would need clang, and the JIT inlines nothing here.
override with_llvm = no

# Debian's pg_config answers also where the server's headers are absent; so a header is looked for.
PGXS := $(if $(wildcard $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)/postgres.h),$(shell $(PG_CONFIG) --pgxs))
ifneq ($(PGXS),)
include $(PGXS)
else
all install installcheck:
	@echo >&2 "$(PG_CONFIG) finds no PostgreSQL to build for: install postgresql-server-dev-NN, or give PG_CONFIG=/path/to/pg_config"
	@exit 1
clean:
	rm -rf $(EXTRA_CLEAN)
endif

# PostgreSQL 16 and later hide what is not marked. Before, nobody would notice that the entry point of a process is not.
ifneq ($(filter 13 14 15,$(MAJORVERSION)),)
src/recseq.o src/jobs/launcher.o src/jobs/starter.o src/jobs/worker.o src/train/training.o src/train/second_stage.o: \
	override CFLAGS += -fvisibility=hidden \
	'-DPGDLLEXPORT=__attribute__((visibility("default")))'
endif

MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)

$(SQL_SCRIPT): $(SQL_PARTS) Makefile
	cat $(SQL_PARTS) > $@

$(GLUE_OBJS): $(wildcard src/*.h $(GLUE:%=src/%/*.h)) $(LIBRARY_HEADERS) Makefile

recseq.so: $(EXPORTS)

$(REGRESS_PREP):
	@mkdir -p $(@D)
	ln -s ../../expected $@

# ---------------------------------------------------------------- BLAS

# One BLAS thread a backend. Debian's serial OpenBLAS has a directory of its own; its rpath keeps the loader away from
# whichever (threaded) build the alternatives system points at. Elsewhere: make BLAS_LIBS=...
BLAS_DIR := $(firstword $(wildcard $(addsuffix /openblas-serial,\
	$(addprefix /usr/lib/,$(shell $(CC) -print-multiarch 2>/dev/null)))))
ifneq ($(BLAS_DIR),)
BLAS_LIBS ?= -L$(BLAS_DIR) -Wl,-rpath,$(BLAS_DIR) -lopenblas
BLAS_CPPFLAGS ?= -isystem $(subst /usr/lib/,/usr/include/,$(BLAS_DIR))
else
BLAS_LIBS ?= $(or $(shell pkg-config --libs openblas 2>/dev/null),-lopenblas)
BLAS_CPPFLAGS ?= $(shell pkg-config --cflags openblas 2>/dev/null)
endif

# ---------------------------------------------------------------- the libraries: no PostgreSQL in sight

LIBRARY_CPPFLAGS = -Isrc $(BLAS_CPPFLAGS) $(GIVEN_CPPFLAGS)
# Loops are vectorized only where nobody looks at errno or at traps. That comes after what a packager gives; and so does what
# keeps infinities, NaN and the order of sums, by which the same data gives the same model.
LIBRARY_MATH = -fno-fast-math -fno-math-errno -fno-trapping-math
LIBRARY_CFLAGS = -std=gnu11 -g -O3 -Wall -Wextra $(WERROR) $(GIVEN_CFLAGS) $(COPT) $(LIBRARY_MATH) -fPIC -fvisibility=hidden

# The sanitized twin, for the tests: the same sources and arithmetic, slower.
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ASAN_CFLAGS = $(filter-out -O3,$(LIBRARY_CFLAGS)) -O1 $(SANITIZE)

# On any other machine these two compile to nothing.
ifneq ($(filter x86_64%,$(MACHINE)),)
%/kernels_avx2.o: EXTRA_CFLAGS = -mavx2 -mfma
%/kernels_avx512.o: EXTRA_CFLAGS = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
endif

$(LIBRARY_OBJS): build/%.o: src/%.c $(LIBRARY_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_CPPFLAGS) $(LIBRARY_CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

$(LIBRARY_SRCS:src/%.c=build/asan/%.o): build/asan/%.o: src/%.c $(LIBRARY_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_CPPFLAGS) $(ASAN_CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

# In the order in which the linker needs them.
LIBRARY_ARCHIVES = $(LIBRARIES:%=build/lib%.a)
ASAN_ARCHIVES = $(LIBRARIES:%=build/asan/lib%.a)

define archive_rule
build/lib$(1).a: $(patsubst src/%.c,build/%.o,$(wildcard src/$(1)/*.c))
build/asan/lib$(1).a: $(patsubst src/%.c,build/asan/%.o,$(wildcard src/$(1)/*.c))
lib$(1): build/lib$(1).a
endef
$(foreach library,$(LIBRARIES),$(eval $(call archive_rule,$(library))))

$(LIBRARY_ARCHIVES) $(ASAN_ARCHIVES):
	rm -f $@
	$(AR) rcs $@ $^

# ---------------------------------------------------------------- their tests: test/unit/*_test.c, each a program that prints TAP

UNIT_TESTS = $(patsubst test/unit/%.c,%,$(wildcard test/unit/*_test.c))
UNIT_HELPERS = $(filter-out $(UNIT_TESTS:%=test/unit/%.c),$(wildcard test/unit/*.c))
UNIT_DEPS = $(UNIT_HELPERS) $(wildcard test/unit/*.h) $(LIBRARY_HEADERS) Makefile
UNIT_CPPFLAGS = -Itest/unit $(LIBRARY_CPPFLAGS)

build/unit/%: test/unit/%.c $(LIBRARY_ARCHIVES) $(UNIT_DEPS)
	@mkdir -p $(@D)
	$(CC) $(UNIT_CPPFLAGS) $(LIBRARY_CFLAGS) -o $@ $< $(UNIT_HELPERS) $(LIBRARY_ARCHIVES) $(BLAS_LIBS) -lm

build/asan/unit/%: test/unit/%.c $(ASAN_ARCHIVES) $(UNIT_DEPS)
	@mkdir -p $(@D)
	$(CC) $(UNIT_CPPFLAGS) $(ASAN_CFLAGS) -o $@ $< $(UNIT_HELPERS) $(ASAN_ARCHIVES) $(BLAS_LIBS) -lm

unit-tests: unit-tests-plain unit-tests-asan
unit-tests-plain: $(UNIT_TESTS:%=build/unit/%)
unit-tests-asan: $(UNIT_TESTS:%=build/asan/unit/%)

# ---------------------------------------------------------------- commands that bring their own server

# An explicit PG_CONFIG goes through to the scripts; without one they find, or as root install, a PostgreSQL.
RUN = MAKE='$(MAKE)' PG_CONFIG='$(if $(filter file default,$(origin PG_CONFIG)),,$(PG_CONFIG))'

demo:
	@$(RUN) DATA='$(DEMO_DATA)' app/demo.sh
demo-stop:
	@$(RUN) app/demo.sh stop
app:
	@$(RUN) DATA='$(DEMO_DATA)' PORT='$(PORT)' app/page.sh
test:
	@$(RUN) test/run.sh
test-versions:
	@$(RUN) test/versions.sh
coverage:
	@$(RUN) test/coverage.sh
clients-test:
	@$(RUN) test/clients/run.sh
bench:
	@$(RUN) DATA='$(DEMO_DATA)' bench/run.sh
bench-large:
	@$(RUN) bench/large.sh
quality:
	@$(RUN) DATA='$(DEMO_DATA)' bench/quality.sh
quality-peers:
	@$(RUN) DATA='$(DEMO_DATA)' bench/quality_peers.sh
package-test:
	@$(RUN) test/package.sh
scale:
	@$(RUN) test/scale/run.sh
test-architectures:
	@$(RUN) test/architectures.sh
superset:
	@$(RUN) PORT='$(PORT)' app/bi/superset.sh
superset-stop superset-test:
	@$(RUN) app/bi/superset.sh $(@:superset-%=%)

# ---------------------------------------------------------------- PGXN

DISTVERSION = $(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)

dist:
	@mkdir -p build
	git archive --format=zip --prefix=recseq-$(DISTVERSION)/ -o build/recseq-$(DISTVERSION).zip HEAD

.PHONY: $(LIBRARIES:%=lib%) unit-tests unit-tests-plain unit-tests-asan demo demo-stop test test-versions coverage bench bench-large quality quality-peers superset superset-stop superset-test clients-test app package-test dist scale test-architectures
