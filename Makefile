# Rohrpost - one makefile for everything, nothing recursive
#
#	make			programs into build/
#	make run		a private mail system on 127.0.0.1:2525
#	make demo		the same, sends itself two messages and ends
#	make check		every test; SAN=1: with ASan and UBSan
#	make bench		beside Debian's Postfix, where that is installed;
#				BENCH="relay4k slow": some of it
#	make install DESTDIR=	programs, configuration, manuals, unit
#	make deb		packages for Debian, into build/deb
#	make deps		installs missing Debian packages

CC	?= cc
BUILD	?= build
SAN	?= 0

ifeq ($(SAN),1)
BUILD	:= $(BUILD)/san
OPT	= -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	  -fno-omit-frame-pointer -DTASK_WATERMARK
# From a shared library gcc's UBSan would not write to the log of tests/run.
SAN_LIBS := $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
else
OPT	= -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wwrite-strings -Wvla -Werror=implicit-function-declaration
CFLAGS	= $(OPT)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -I. -I$(BUILD)/gen $(WARN) -fPIE \
	  -fstack-protector-strong -fno-common -pthread $(CFLAGS)
LDFLAGS	=
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread \
	  $(OPT) $(SAN_LIBS) $(LDFLAGS)
LIBS	= -ldb-5.3 -lcares -lpcre2-8 -lidn2 -lseccomp -lssl -lcrypto -ldl -lm

# One short line a step; V=1 shows the commands.
V	?= 0
ifeq ($(V),0)
Q	= @
say	= @echo "  $(1)	$(2)"
else
Q	=
say	= @:
endif

comma	:= ,

# --- libraries, lowest floor first
DEF	:= $(wildcard conf/*.def)
LIB_DIRS = util conf net table sasl milter mail server
LIB_SRC	:= $(foreach d,$(LIB_DIRS),$(wildcard $(d)/*.c))
LIB_ASM	:= $(wildcard util/*.S)
LIB_OBJ	:= $(LIB_SRC:%.c=$(BUILD)/%.o) $(LIB_ASM:%.S=$(BUILD)/%.o)
LIB	= $(BUILD)/librohrpost.a

# --- programs: a folder each, or a file each in services/ and commands/
# local/ holds three programs: NAME_main.c beside the shared files.  smtp is
# lmtp too, by its name; qmgr is called oqmgr in some a master.cf.
DAEMON_DIRS = master smtpd qmqpd cleanup qmgr smtp bounce postscreen tlsrpt
DAEMONS	:= $(foreach d,$(DAEMON_DIRS),$(if $(wildcard $(d)/*.c),$(d)))
LOCALS	:= $(patsubst local/%_main.c,%,$(wildcard local/*_main.c))
SERVICES := $(patsubst services/%.c,%,$(wildcard services/*.c))
COMMANDS := $(patsubst commands/%.c,%,$(wildcard commands/*.c))
REWRITE	:= $(if $(wildcard rewrite/*.c),trivial-rewrite)
OTHER_NAMES = lmtp oqmgr

BIN	= $(BUILD)/bin
# "postfix tls" and its like are scripts beside the daemons.
SCRIPTS	:= $(patsubst commands/postfix/%.sh,$(BIN)/postfix-%-script, \
	  $(wildcard commands/postfix/*.sh))
PROGRAMS := $(addprefix $(BIN)/,$(DAEMONS) $(LOCALS) $(SERVICES) \
	  $(COMMANDS) $(REWRITE) $(OTHER_NAMES)) $(SCRIPTS)

all: $(PROGRAMS) plugins

obj_of	= $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c $(1)/*/*.c))
link	= $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

define folder_program
$(BIN)/$(1): $$(call obj_of,$(1)) $$(LIB) | $(BIN)
	$$(call say,LINK,$$@)
	$$(Q)$$(link)
endef
$(foreach d,$(DAEMONS),$(eval $(call folder_program,$(d))))

$(SCRIPTS): $(BIN)/postfix-%-script: commands/postfix/%.sh | $(BIN)
	install -m 755 $< $@

$(BIN)/lmtp: $(BIN)/smtp
	ln -f $< $@
$(BIN)/oqmgr: $(BIN)/qmgr
	ln -f $< $@

$(BIN)/trivial-rewrite: $(call obj_of,rewrite) $(LIB) | $(BIN)
	$(call say,LINK,$@)
	$(Q)$(link)

LOCAL_SHARED := $(filter-out $(BUILD)/local/%_main.o,$(call obj_of,local))
$(BUILD)/liblocal.a: $(LOCAL_SHARED)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(addprefix $(BIN)/,$(LOCALS)): $(BIN)/%: $(BUILD)/local/%_main.o \
	    $(BUILD)/liblocal.a $(LIB) | $(BIN)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/liblocal.a $(LIB) $(LIBS)
$(addprefix $(BIN)/,$(SERVICES)): $(BIN)/%: $(BUILD)/services/%.o $(LIB) | $(BIN)
	$(call say,LINK,$@)
	$(Q)$(link)
$(addprefix $(BIN)/,$(COMMANDS)): $(BIN)/%: $(BUILD)/commands/%.o $(LIB) | $(BIN)
	$(call say,LINK,$@)
	$(Q)$(link)
# Scripts start these by the thousand: half of such a start is the loading of
# two libraries, unless they are within.
DB_A	:= $(wildcard $(shell $(CC) -print-file-name=libdb-5.3.a))
CARES_A	:= $(wildcard $(shell $(CC) -print-file-name=libcares.a))
$(addprefix $(BIN)/,postmap postalias): LIBS := \
	  $(if $(DB_A),-Wl$(comma)-u$(comma)db_create \
	  -Wl$(comma)-u$(comma)db_strerror $(DB_A)) $(CARES_A) $(LIBS)
# Only these ask web servers (net/https.h).
$(addprefix $(BIN)/,mtasts tlsrpt): LIBS += -lcurl -lz
$(BIN)/posttop: LIBS += $(shell pkg-config --libs ncursesw 2>/dev/null || \
	  echo -lncursesw)
# The load generators have their sessions in common.
$(addprefix $(BIN)/,smtp-source qmqp-source): $(call obj_of,commands/source)
$(addprefix $(BIN)/,smtp-sink qmqp-sink): $(call obj_of,commands/sink)
# A command may have a folder of its own name for more files.
$(foreach c,$(COMMANDS),$(eval $(BIN)/$(c): $(call obj_of,commands/$(c))))

$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $(LIB_OBJ)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BIN):
	mkdir -p $@

# Calls of OpenSSL's functions by name, see net/tls_lib.h.
$(BUILD)/gen/tls_names.h: net/tls_lib.def
	@mkdir -p $(@D)
	sed -n 's/^F(\(.*\))$$/#define \1 (*tls_lib.\1_)/p' $< >$@
$(filter $(BUILD)/net/tls%,$(LIB_OBJ)): $(BUILD)/gen/tls_names.h

# The parameters in the order of their names, for param_find().
$(BUILD)/gen/param_ids.h: $(DEF)
	@mkdir -p $(@D)
	sed -n -e 's/^PARAM_STR_AS(\([^,]*\), "\([^"]*\)",.*/\2 ID_\1,/p; t' \
	    -e 's/^PARAM_[A-Z]*(\([^,]*\),.*/\1 ID_\1,/p' $(DEF) | \
	    LC_ALL=C sort | sed 's/.* //' >$@
$(BUILD)/conf/param.o: $(BUILD)/gen/param_ids.h

# --- plug-ins: the client libraries of tables, loaded when such a table is used.
# Built where the library's headers are; without sanitizers, whose runtime is in
# the programs.
PLUGIN_PKG = sqlite:sqlite3 mysql:libmariadb pgsql:libpq ldap:ldap cdb:libcdb \
	  mongodb:libmongoc-1.0
pkg_of	= $(patsubst $(1):%,%,$(filter $(1):%,$(PLUGIN_PKG)))
PLUGINS	:= $(foreach p,$(patsubst table/plugin/%.c,%, \
	  $(wildcard table/plugin/*.c)), \
	  $(shell pkg-config --exists $(call pkg_of,$(p)) && echo $(p)))
PLUGIN_SO := $(PLUGINS:%=$(BUILD)/lib/postfix-%.so)

plugins: $(PLUGIN_SO)

$(PLUGIN_SO): $(BUILD)/lib/postfix-%.so: table/plugin/%.c table/client.h \
	    table/cdb_client.h
	@mkdir -p $(@D)
	$(call say,PLUGIN,$@)
	$(Q)$(CC) $(filter-out -fPIE -fsanitize% -fno-sanitize%, \
	    $(ALL_CFLAGS)) -fPIC -shared \
	    -fvisibility=hidden $$(pkg-config --cflags $(call pkg_of,$*)) \
	    -Wl,-z,relro,-z,now -o $@ $< \
	    $$(pkg-config --libs $(call pkg_of,$*))

# --- tests: tests/FOLDER/x_test.c are unit tests; tests/system has the rest
TEST_SRC := $(wildcard tests/*/*_test.c)
TESTS	:= $(TEST_SRC:%.c=$(BUILD)/%)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

# Tests of a program's folder may use what it is made of, but for its main().
define folder_tests
$(BUILD)/$(1).a: $$(call obj_of,$(1))
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
$(BUILD)/tests/$(1)/%: $(BUILD)/tests/$(1)/%.o $(BUILD)/$(1).a $$(LIB)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$< $(BUILD)/$(1).a $$(LIB) $$(LIBS)
endef
$(foreach d,$(DAEMONS),$(eval $(call folder_tests,$(d))))

$(BUILD)/tests/local/%: $(BUILD)/tests/local/%.o $(BUILD)/liblocal.a $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/liblocal.a $(LIB) $(LIBS)

# Fuzz targets: tests/FOLDER/x_fuzz.c, see tests/fuzz/README
FUZZERS	:= $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/*_fuzz.c))
FUZZ	?= smtp/reply
FUZZ_SECONDS ?= 60
FUZZ_CC	?= clang

$(FUZZERS): %: %.o $(BUILD)/tests/fuzz/driver.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

unit: $(TESTS) $(FUZZERS)
	tests/run $(TESTS) $(FUZZERS)

# With the coverage of the whole library, in a build of its own.
FUZZ_FLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	  -fno-sanitize-recover=undefined
FUZZ_TARGET = $(BUILD)/fuzz/$(subst /,-,$(FUZZ))

fuzz:
	@mkdir -p $(BUILD)/fuzz/corpus/$(FUZZ)
	$(MAKE) BUILD=$(BUILD)/fuzz CC="$(FUZZ_CC)" \
	    CFLAGS="$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link" \
	    $(BUILD)/fuzz/librohrpost.a
	$(FUZZ_CC) -std=gnu17 -D_GNU_SOURCE -I. $(FUZZ_FLAGS) \
	    -fsanitize=fuzzer -o $(FUZZ_TARGET) tests/$(FUZZ)_fuzz.c \
	    $(BUILD)/fuzz/librohrpost.a $(LIBS)
	$(FUZZ_TARGET) -max_total_time=$(FUZZ_SECONDS) $(FUZZ_OPTIONS) \
	    -timeout=20 -rss_limit_mb=1024 $(BUILD)/fuzz/corpus/$(FUZZ) \
	    $(wildcard tests/fuzz/corpus/$(FUZZ))

# Programs that system tests need.
HELPERS	:= $(BUILD)/tests/server/echo

# Packages first; then everything is built, with all processors.
ALL_CPUS = @+$(MAKE) --no-print-directory -j$(shell nproc)

check: deps deps-test
	$(ALL_CPUS) all man tests
	@BUILD=$(BUILD) SAN=$(SAN) tests/run $(TESTS) $(FUZZERS) tests/layers.sh $(wildcard tests/system/*.t)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

tests: $(TESTS) $(FUZZERS) $(HELPERS)

run: deps
	$(ALL_CPUS) all
	@BUILD=$(BUILD) conf/demo.sh run
demo: deps
	$(ALL_CPUS) all
	@BUILD=$(BUILD) conf/demo.sh demo

# --- speed: see tests/bench/README
bench: deps
	$(ALL_CPUS) all $(BUILD)/tests/bench/slow
	@BUILD=$(BUILD) tests/bench/bench $(BENCH)

# --- manual pages: written by hand, with what the code knows filled in
MAN_DIR	= $(BUILD)/man
MAN_SRC	:= $(wildcard man/*.[1-8])
MAN	:= $(MAN_SRC:man/%=$(MAN_DIR)/%) $(MAN_DIR)/postconf.5
# Other names of a page.
MAN_LINKS = $(addprefix $(MAN_DIR)/,defer.8 trace.8 lmtp.8 oqmgr.8 \
	  mailq.1 newaliases.1 main.cf.5 master.cf.5)
HTML	= $(BUILD)/doc/postconf.html

man: $(MAN) $(MAN_LINKS) $(HTML)

$(MAN_LINKS): | $(MAN_DIR)/params
$(MAN_DIR)/defer.8 $(MAN_DIR)/trace.8:; ln -sf bounce.8 $@
$(MAN_DIR)/lmtp.8:; ln -sf smtp.8 $@
$(MAN_DIR)/oqmgr.8:; ln -sf qmgr.8 $@
$(MAN_DIR)/mailq.1 $(MAN_DIR)/newaliases.1:; ln -sf sendmail.1 $@
$(MAN_DIR)/main.cf.5:; ln -sf postconf.5 $@
$(MAN_DIR)/master.cf.5:; ln -sf master.5 $@
$(MAN_DIR)/params: man/params.awk man/same.awk $(DEF)
	@mkdir -p $(MAN_DIR)
	cat $(DEF) | awk -f man/params.awk | LC_ALL=C sort | \
	    awk -f man/same.awk >$@.tmp
	mv $@.tmp $@
$(MAN_DIR)/postconf.5: man/postconf5.awk man/postconf.5.head \
	    man/postconf.5.tail $(MAN_DIR)/params
	(cat man/postconf.5.head; \
	    awk -f man/postconf5.awk $(MAN_DIR)/params; \
	    cat man/postconf.5.tail) >$@
# Which daemon reads which parameter, from the pages of daemons.
$(HTML): man/html.awk man/readers.sh $(MAN_DIR)/params
	@mkdir -p $(@D)
	for page in $(notdir $(wildcard man/*.8)); do \
	    man/readers.sh $$page | sed "s/^/$${page%.8} /"; \
	done >$@.readers
	awk -f man/html.awk $@.readers $(MAN_DIR)/params >$@
	rm $@.readers
$(MAN_DIR)/%: man/% man/page.awk man/readers.sh $(MAN_DIR)/params
	man/readers.sh $* >$@.names
	awk -f man/page.awk $@.names $(MAN_DIR)/params $< >$@
	rm $@.names

install: all man
	BUILD=$(BUILD) DESTDIR=$(DESTDIR) conf/install.sh

# Packages for Debian, into build/deb/.
deb: deps
	$(ALL_CPUS) all man
	BUILD=$(BUILD) conf/deb.sh $(BUILD)/deb

deps:
	@conf/deps.sh build
deps-test:
	@conf/deps.sh test

clean:
	rm -rf $(BUILD)

.PHONY: deps-test all plugins man tests unit check fuzz clean install deb deps run demo bench
.SECONDARY:
