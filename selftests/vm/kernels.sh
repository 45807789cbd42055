# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The kernels that the VM can boot, and how to build a module for each.
#
#   6.1 6.12 7.2   what the distribution ships, taken from its packages
#   debug uml      built here from the 6.1 source package with debug.config
#                  and uml.config
#   a path         a bzImage of the user's own, whose headers are installed
#
# need_kernel NAME makes sure that it is there and sets
#   kernel_image     what to boot
#   kernel_release   what uname -r will say
#   kernel_modules   a directory with lib/modules/$kernel_release, for the guest
#   kernel_dir       what make -C wants for a module (KDIR)
#   kernel_suite     the suite whose compiler it wants; empty: the host's

kernel_names="6.1 6.12 7.2 debug uml"

need_kernel() {
	kernel_name=$1
	kernel_suite=$(suite_of "$1") || kernel_suite=
	case $1 in
	6.1 | 6.12 | 7.2) need_stock_kernel "$1" ;;
	debug | uml) need_built_kernel "$1" ;;
	*) need_own_kernel "$1" ;;
	esac
}

need_stock_kernel() {
	local root product

	need_root "$kernel_suite"
	root=$(root_of "$kernel_suite")
	product=kernel-$1-$({
		guest_modules
		echo "$root"
		cat "$root/srv/release"
	} | digest)
	provide "$product" unpack_stock_kernel "$root"
	kernel_image=$cache/$product/vmlinuz
	kernel_release=$(<"$root/srv/release")
	kernel_modules=$cache/$product/modules
	kernel_dir=$(in_root "$kernel_suite" readlink -f "/lib/modules/$kernel_release/build")
}

unpack_stock_kernel() {
	local dir=$1 root=$2 release deb

	need_host_programs
	release=$(<"$root/srv/release")
	mkdir -p "$dir/all"
	for deb in "$root"/srv/linux-{image,binary,modules}-*.deb; do
		[ ! -e "$deb" ] || dpkg-deb -x "$deb" "$dir/all" || return
	done
	# Newer packages have merged /lib into /usr/lib, and /boot/vmlinuz too.
	if [ -d "$dir/all/usr/lib/modules" ]; then
		mkdir -p "$dir/all/lib/modules"
		cp -a "$dir/all/usr/lib/modules/." "$dir/all/lib/modules/" || return
	fi
	mv "$dir/all/boot/vmlinuz-$release" "$dir/vmlinuz" 2>/dev/null ||
		mv "$dir/all/lib/modules/$release/vmlinuz" "$dir/vmlinuz" || return
	choose_modules "$dir/all" "$dir/modules" "$release" || return
	rm -rf "$dir/all"
}

# choose_modules FROM TO RELEASE: of all the modules below FROM those that the
# guest wants, with their dependencies, uncompressed.
choose_modules() {
	local from=$1 to=$2 release=$3 file name target

	mkdir -p "$to/lib/modules/$release"
	# Newer packages lack the lists of what is built in.
	for name in modules.order modules.builtin modules.builtin.modinfo; do
		file=$from/lib/modules/$release/$name
		[ -e "$file" ] || touch "$file" || return
		cp "$file" "$to/lib/modules/$release/"
	done
	in_root bookworm depmod -b "$from" "$release" || return
	for name in $(guest_modules); do
		in_root bookworm modprobe -d "$from" -S "$release" \
			--show-depends "$name" 2>/dev/null || :
	done | awk '$1 == "insmod" { print $2 }' | sort -u |
		while IFS= read -r file; do
			target=$to/${file#"$from/"}
			mkdir -p "${target%/*}"
			case $file in
			*.xz) xz -dc "$file" >"${target%.xz}" ;;
			*.zst) in_root bookworm zstd -dcq "$file" >"${target%.zst}" ;;
			*) cp "$file" "$target" ;;
			esac || exit
		done || return
	in_root bookworm depmod -b "$to" "$release"
}

# The source package of 6.1, unpacked, for the kernels that are built here,
# the selftest headers and checkpatch.
need_source() {
	need_root bookworm
	provide source-6.1 unpack_source
	source_dir=$cache/source-6.1
}

unpack_source() {
	local dir=$1

	mkdir -p "$dir"
	step "fetching the source of Linux 6.1" "30 s"
	download bookworm "$dir" linux-source-6.1 || return
	dpkg-deb --fsys-tarfile "$dir"/linux-source-6.1_*.deb |
		tar -xO ./usr/src/linux-source-6.1.tar.xz |
		tar -xJ -C "$dir" --strip-components=1 || return
	as_root rm "$dir"/linux-source-6.1_*.deb
}

need_built_kernel() {
	local product

	need_source
	product=kernel-$1-$(grep '^CONFIG' "$vm_dir/$1.config" | digest)
	provide "$product" "build_$1_kernel"
	kernel_dir=$cache/$product
	kernel_modules=
	case $1 in
	uml) kernel_image=$kernel_dir/linux ;;
	debug) kernel_image=$kernel_dir/arch/x86/boot/bzImage ;;
	esac
	kernel_release=$(<"$kernel_dir/include/config/kernel.release")
}

build_debug_kernel() {
	step "building the debug kernel" "5 to 8 min"
	build_kernel debug "$1" tinyconfig bzImage
}

build_uml_kernel() {
	step "building the uml kernel" "3 to 5 min"
	build_kernel uml "$1" defconfig linux
}

# build_kernel NAME DIRECTORY BASECONFIG TARGET
build_kernel() {
	local name=$1 dir=$2 base=$3 target=$4 arch=x86 fragment

	[ "$name" != uml ] || arch=um
	fragment=$dir/fragment.config
	mkdir -p "$dir"
	grep '^CONFIG' "$vm_dir/$name.config" >"$fragment"
	# Reproducible: nothing of who built it when and where goes into it.
	# shellcheck disable=SC2016
	quietly "build-$name" in_root bookworm nice sh -c '
		set -e
		source=$1 dir=$2 arch=$3 base=$4 target=$5
		export KBUILD_BUILD_TIMESTAMP="Thu Jan  1 00:00:00 UTC 2026"
		export KBUILD_BUILD_USER=ferry KBUILD_BUILD_HOST=ferry
		make() { command make -C "$source" O="$dir" ARCH="$arch" "$@"; }
		make "$base"
		cd "$dir"
		"$source/scripts/kconfig/merge_config.sh" -m .config fragment.config
		make olddefconfig
		while IFS= read -r option; do
			case $option in
			*=n) ! grep -q "^${option%n}" .config ;;
			*) grep -Fqx "$option" .config ;;
			esac || { echo "$option did not stick"; exit 1; }
		done <fragment.config
		make -j2 "$target" modules
		# What building modules against it needs stays.
		find . -type f ! -path "./scripts/*" ! -path "./tools/*" \
			\( -name "*.[oa]" -o -name "*.ko" -o -name ".*.cmd" \) -delete
	' sh "$source_dir" "$dir" "$arch" "$base" "$target" ||
		die $E_KERNEL "could not build the $name kernel"
}

# The version is in the image itself; see Documentation/x86/boot.rst in the
# kernel's source.
need_own_kernel() {
	local offset product

	kernel_image=$1
	[ -f "$1" ] ||
		die $E_KERNEL "no kernel '$1': neither one of $kernel_names nor a file"
	[ "$(dd if="$1" bs=1 skip=$((0x202)) count=4 status=none | tr -d "\0")" = HdrS ] ||
		die $E_KERNEL "$1 is not a bzImage"
	offset=$(od -An -tu2 -j $((0x20e)) -N 2 "$1")
	kernel_release=$(dd if="$1" bs=1 skip=$((offset + 0x200)) count=100 status=none |
		tr '\0' '\n' | awk 'NR == 1 { print $1 }')
	[ -n "$kernel_release" ] || die $E_KERNEL "$1 does not say its version"
	kernel_dir=/lib/modules/$kernel_release/build
	need_root bookworm
	product=kernel-own-$({
		guest_modules
		sha256sum "$1"
	} | digest)
	provide "$product" choose_own_modules
	kernel_modules=$cache/$product
}

choose_own_modules() {
	local installed=/lib/modules/$kernel_release

	mkdir -p "$1"
	[ -d "$installed" ] || return 0
	# A copy, for in_root hides the host's /lib.
	mkdir -p "$1/all/lib/modules"
	cp -a "$installed" "$1/all/lib/modules/" || return
	choose_modules "$1/all" "$1" "$kernel_release" || return
	rm -rf "$1/all"
}

# kernel_make ARGS...: the kernel's make, as a module's build calls it.
kernel_make() {
	# Type information for BPF wants a vmlinux, which headers do not bring.
	local args=(-C "$kernel_dir" CONFIG_DEBUG_INFO_BTF_MODULES=)

	case $kernel_name in
	uml) args+=(ARCH=um) ;;
	# What the rest of the debug kernel does without, to be faster.
	debug) args+=(UBSAN_SANITIZE=y KCOV_INSTRUMENT=y) ;;
	esac
	if [ -n "$kernel_suite" ]; then
		in_root "$kernel_suite" make "${args[@]}" "$@"
	elif [ -e "$kernel_dir/Makefile" ]; then
		make "${args[@]}" "$@"
	else
		die $E_KERNEL "no headers to build ferry.ko for $kernel_release:" \
			"$kernel_dir is missing"
	fi
}
