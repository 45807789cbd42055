# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The guest's file system: a base archive, made once, and a small one for each
# run with the modules, the command and what --add brings. The kernel unpacks
# them one over the other. Archives hold no time, owner or inode number of the
# host, so the same input gives the same bytes.

# pack DIRECTORY: an archive of it on stdout.
pack() {
	find "$1" -exec touch -h -d @0 {} +
	(
		cd "$1"
		find . -mindepth 1 -print0 | LC_ALL=C sort -z |
			cpio --null --create --quiet --format=newc --reproducible \
				--owner=0:0
	)
}

need_base_archive() {
	local product

	need_root bookworm
	product=base-$({
		guest_programs
		guest_files
		declare -f make_base_archive fill_base
		root_of bookworm
	} | digest)
	provide "$product" make_base_archive
	base_archive=$cache/$product/cpio
}

make_base_archive() {
	local dir=$1

	need_host_programs
	mkdir -p "$dir/root"
	in_root bookworm bash -euo pipefail -c "$(declare -f fill_base)"'; fill_base "$@"' \
		bash "$dir/root" "$(guest_programs)" "$(guest_files)" || return
	pack "$dir/root" >"$dir/cpio" || return
	rm -rf "$dir/root"
}

# Runs inside the suite's root, where /usr is what the guest gets.
fill_base() {
	local to=$1 programs=$2 files=$3 name file

	cd "$to"
	mkdir -p dev etc ferry proc root run sys tmp var usr/bin usr/lib \
		usr/lib64 usr/local/bin
	ln -s usr/bin bin
	ln -s usr/bin sbin
	ln -s usr/lib lib
	ln -s usr/lib64 lib64
	ln -s bin usr/sbin
	ln -s /run var/run
	for name in $programs; do
		file=$(readlink -f "$(type -P "$name")") || {
			echo "there is no $name in the guest's packages" >&2
			exit 1
		}
		cp "$file" "usr/bin/${file##*/}"
		[ "${file##*/}" = "$name" ] || ln -sf "${file##*/}" "usr/bin/$name"
		[ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
		ldd "$file" 2>/dev/null || :
	done | grep -o '/[^ ]*' | sort -u >libraries
	for file in $files $(cat libraries); do
		[ -e "$file" ] || continue
		case $file in /lib*) file=/usr$file ;; esac
		mkdir -p ".${file%/*}"
		cp -rL "$file" ".${file%/*}/"
	done
	rm libraries
	cp "$(type -P busybox)" usr/bin/busybox
	for name in $(busybox --list); do
		[ -e "usr/bin/$name" ] || ln -s busybox "usr/bin/$name"
	done
	echo root:x:0:0:root:/root:/bin/sh >etc/passwd
	echo nobody:x:65534:65534:nobody:/:/bin/false >>etc/passwd
	printf 'root:x:0:\nnogroup:x:65534:\n' >etc/group
	printf '127.0.0.1 localhost ferry\n::1 localhost\n' >etc/hosts
	echo ferry >etc/hostname
	echo 'hosts: files' >etc/nsswitch.conf
	ln -s /proc/self/mounts etc/mtab
}

# The packages of --programs, unpacked and never set up: an archive of its own,
# which only the runs that ask for it carry.
need_programs_archive() {
	local product

	product=programs-$({
		program_packages
		declare -f make_programs_archive trim_programs
	} | digest)
	provide "$product" make_programs_archive
	programs_archive=$cache/$product/cpio
}

make_programs_archive() {
	local dir=$1 packages

	need_host_programs
	mkdir -p "$dir" || return
	packages=$(program_packages | tr ' ' ,)
	step "fetching the programs to run over Ferry" "1 to 3 min"
	bootstrap bookworm "$dir/root" programs --variant=extract \
		--include="$packages" || return
	as_root bash -euo pipefail -c "$(declare -f trim_programs); trim_programs '$dir/root'" ||
		return
	pack "$dir/root" >"$dir/cpio" || return
	as_root rm -rf "$dir/root"
}

# What a program does not need to run goes, and what is left is where the guest
# has it: all below /usr, and nothing in sbin.
trim_programs() {
	local dir

	cd "$1"
	for dir in bin sbin lib lib64; do
		[ ! -d "$dir" ] || [ -L "$dir" ] || cp -a "$dir" usr/
		rm -rf "$dir"
	done
	cp -an usr/sbin/. usr/bin/
	find . -maxdepth 1 -mindepth 1 ! -name usr -exec rm -rf {} +
	cd usr
	rm -rf sbin include share/{doc,man,locale,info,i18n,perl*,zoneinfo} \
		lib/x86_64-linux-gnu/{perl*,gconv} bin/perl*
	chmod -R u+rwX,go+rX .
}

# guest_path PATH: the same without the links that /bin, /lib and so on are in
# the guest, which an archive must not write through.
guest_path() {
	case $1 in
	/usr/sbin/*) echo "/usr/bin/${1#/usr/sbin/}" ;;
	/bin/* | /lib/* | /lib64/*) echo "/usr$1" ;;
	/sbin/*) echo "/usr/bin/${1#/sbin/}" ;;
	/*) echo "$1" ;;
	*) echo "/root/$1" ;;
	esac
}

# add_file DIRECTORY HOSTPATH[:GUESTPATH]
add_file() {
	local dir=$1 from=${2%%:*} to= file

	[ "$from" = "$2" ] || to=${2#*:}
	[ -n "$from" ] || die $E_USAGE "--add '$2' names no file"
	[ -e "$from" ] || die $E_FILE "--add: there is no '$from'"
	if [ -z "$to" ]; then
		to=$(realpath -s "$from")
		to=/root/${to##*/}
	fi
	case $to in */) to=$to${from##*/} ;; esac
	to=$dir$(guest_path "$to")
	mkdir -p "${to%/*}"
	if [ -d "$from" ]; then
		mkdir -p "$to"
		cp -a "$from/." "$to/"
	else
		cp -L --preserve=mode "$from" "$to"
	fi || die $E_FILE "--add: cannot copy '$from'"
	while IFS= read -r file; do
		add_libraries "$dir" "$file"
	done < <(find "$to" -type f -perm /111)
}

add_libraries() {
	local dir=$1 program=$2 list file to

	[ "$(head -c 4 "$program" | tail -c 3 | tr -d '\0')" = ELF ] || return 0
	list=$(ldd "$program" 2>/dev/null) || return 0
	! grep -F 'not found' <<<"$list" >&2 ||
		die $E_FILE "--add: '${program#"$dir"}' lacks a shared library on this machine"
	for file in $(grep -o '/[^ ]*' <<<"$list"); do
		to=$dir$(guest_path "$file")
		[ ! -e "$to" ] || continue
		mkdir -p "${to%/*}"
		cp -L --preserve=mode "$file" "$to"
		# Found here through the environment, it must be found there too.
		case $file in
		/lib* | /usr/lib*) ;;
		*) ln -sf "$file" "$dir/usr/lib/${file##*/}" 2>/dev/null ||
			{ mkdir -p "$dir/usr/lib" && ln -sf "$file" "$dir/usr/lib/${file##*/}"; } ;;
		esac
	done
}
