# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ferry.ko, and the other modules of this tree, built for the chosen kernel
# from the working tree as it is now. The sources are copied into the cache
# and built there, so that any number of kernels can be built for side by side
# and the working tree stays clean; nothing is built twice.

module_sources() {
	find "$tree/module" "$tree/uapi" -type f \
		\( -name '*.[chS]' -o -name Kbuild -o -name Makefile \) \
		! -name '*.mod.c'
}

have_module_sources() {
	[ -e "$tree/module/Kbuild" ] && [ -e "$tree/module/main.c" ]
}

# stage_module DIRECTORY: put our modules, and the kernel's that the guest
# wants, below DIRECTORY/usr/lib/modules (/lib is a link in the guest), ready
# for modprobe.
stage_module() {
	local to=$1/usr/lib/modules/$kernel_release

	mkdir -p "$to"
	[ -z "$kernel_modules" ] || cp -a "$kernel_modules/." "$1/usr/"
	if [ -n "$no_module" ]; then
		:
	elif have_module_sources; then
		# A copy for each tree, kernel and configuration.
		under_lock "module-$(module_digest)" build_module "$to" || return
	else
		say "warning: there is no module/main.c yet; running without ferry.ko"
	fi
	# What depmod expects even of a kernel that has no modules of its own.
	touch "$to"/modules.{order,builtin,builtin.modinfo}
	in_root bookworm depmod -b "$1/usr" "$kernel_release"
}

module_digest() {
	echo "$tree $kernel_image $kernel_release" | digest
}

build_module() {
	local to=$1 dir sum file

	dir=$cache/module-$(module_digest)
	sum=$(module_sources | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cat | digest)
	if [ ! -e "$dir/built-$sum" ]; then
		mkdir -p "$dir"
		rm -f "$dir"/built-*
		rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='.*' \
			--exclude='*.mod' --exclude='*.mod.c' --exclude=modules.order \
			--exclude=Module.symvers "$tree/module" "$tree/uapi" "$dir/" ||
			return
		# Only what the compiler has to complain about is worth showing.
		kernel_make -s -j"$(nproc)" M="$dir/module" modules >&2 || {
			say "ferry.ko does not build for $kernel_release"
			return $E_MODULE
		}
		touch "$dir/built-$sum"
	fi
	mkdir -p "$to/updates"
	while IFS= read -r file; do
		cp "$file" "$to/updates/" || return
	done < <(find "$dir/module" -name '*.ko')
}
