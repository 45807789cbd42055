# SPDX-License-Identifier: GPL-2.0-only
#
# What a person types. The module itself is built by module/Kbuild.
#
# KDIR is the kernel to build for: the running one if its headers are there,
# else the VM's default, whose headers and compiler the VM's machinery fetches.

KDIR ?= $(patsubst %/,%,$(dir $(wildcard /lib/modules/$(shell uname -r)/build/Makefile)))
PREFIX ?= /usr/local
INSTALL ?= install
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' module/dkms.conf)

vm := selftests/vm
kbuild := $(if $(KDIR),$(MAKE) -C $(KDIR),$(vm)/kmake 6.1)
dkms_dir := $(DESTDIR)/usr/src/ferry-$(VERSION)

export PREFIX DESTDIR

.PHONY: all module userspace check test test-all run bench bench-wan vm install \
	install-module install-source install-userspace uninstall deb clean help

all: module userspace ## Build the module and everything in userspace (the default)

module: ## Build module/ferry.ko, for the kernel that KDIR= names
	+$(kbuild) M=$(CURDIR)/module modules

userspace: ## Build the library, tools and examples
	@command -v $(CC) >/dev/null || $(vm)/fetch host
	+$(MAKE) -C userspace

check: ## Run W=1, sparse and checkpatch over the tree; any output is a failure
	+$(vm)/check

test: ## Run the tests on 6.1 and debug and the unit tests, or those of KERNEL=
	selftests/test

test-all: ## Run all tests on all kernels
	selftests/test --all

run: ## Send FILE= over a link of RATE= DELAY= LOSS=, by Ferry and by TCP, on KERNEL=, and draw SVG=
	@mkdir -p selftests/build
	selftests/transfer --svg $(or $(SVG),selftests/build/run.svg)

bench: ## Measure Ferry and TCP side by side; BENCHFLAGS=--json for JSON
	selftests/bench $(BENCHFLAGS)

bench-wan: ## Goodput and fairness beside TCP over bad links; BENCHFLAGS=--help
	selftests/bench-wan $(BENCHFLAGS)

vm: userspace ## Open a shell in a virtual machine with ferry, its tools and the programs ADD=, on KERNEL=; or run COMMAND=
	$(vm)/run $(if $(KERNEL),--kernel $(KERNEL)) \
		--add userspace/build/ferry:/usr/local/bin/ferry \
		--add userspace/build/ferryize/ferryize:/usr/local/bin/ferryize \
		--add userspace/build/ferryize/libferryize.so:/usr/local/lib/ferry/libferryize.so \
		$(ADD:%=--add %) $(if $(COMMAND),-- '$(COMMAND)')

install: install-module install-source install-userspace ## Install it all below DESTDIR and PREFIX

install-module: module
	$(if $(KDIR)$(DESTDIR),,$(error There are no headers of the running kernel \
		to build for: install them, or name a kernel with KDIR=))
	+$(kbuild) M=$(CURDIR)/module INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates/ferry modules_install
	$(if $(DESTDIR),,depmod $$(cat $(KDIR)/include/config/kernel.release))

# Where DKMS looks for it.
install-source:
	$(INSTALL) -d $(dkms_dir)
	$(INSTALL) -m 644 module/dkms.conf Kbuild COPYING $(dkms_dir)/
	cd module && find . -name '*.[chS]' ! -name '*.mod.c' -o -name Kbuild | \
		xargs -I @ $(INSTALL) -D -m 644 @ $(dkms_dir)/module/@
	$(INSTALL) -D -m 644 uapi/linux/ferry.h $(dkms_dir)/uapi/linux/ferry.h

install-userspace: userspace
	$(INSTALL) -D -m 644 uapi/linux/ferry.h \
		$(DESTDIR)$(PREFIX)/include/linux/ferry.h
	+$(MAKE) -C userspace install

deb: ## Build Debian packages into userspace/build/deb
	userspace/deb/build

uninstall: ## Remove what install has installed
	for dir in $(wildcard $(DESTDIR)/lib/modules/*/updates/ferry); do \
		rm -r $$dir && kernel=$${dir%/updates/ferry} && \
		$(if $(DESTDIR),:,depmod $$(basename $$kernel)) || exit; \
	done
	rm -rf $(dkms_dir)
	rm -f $(DESTDIR)$(PREFIX)/include/linux/ferry.h
	+$(MAKE) -C userspace uninstall

clean: ## Remove what building has left in the tree
	find module \( -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name .module-common.o \
		-o -name modules.order -o -name Module.symvers \) -delete
	+$(MAKE) -C userspace clean
	+$(MAKE) -C selftests clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile
