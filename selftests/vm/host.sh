# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The host's own packages. Compilers for kernels and modules are not among
# them: those live in a root of their own for each suite (suites.sh), so that
# the host's version of anything does not matter.

# A program that shows that the package is there, and the package.
host_programs="
qemu-system-x86_64	qemu-system-x86
mmdebstrap		mmdebstrap
cpio			cpio
rsync			rsync
flock			util-linux
setarch			util-linux
gcc			gcc
make			make
"

need_host_programs() {
	local program package missing=()

	while read -r program package; do
		[ -n "$program" ] || continue
		PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
			missing+=("$package")
	done <<<"$host_programs"
	# gcc alone does not bring the C library's headers.
	[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
	[ ${#missing[@]} = 0 ] || under_lock host install_host_packages "${missing[@]}"
}

# Only whoever draws needs it.
need_gnuplot() {
	command -v gnuplot >/dev/null ||
		under_lock host install_host_packages gnuplot-nox
}

# What the examples with other people's event loops are built with.
need_event_loops() {
	pkg-config --exists libevent_core libuv 2>/dev/null ||
		under_lock host install_host_packages \
			pkg-config libevent-dev libuv1-dev
}

install_host_packages() {
	command -v apt-get >/dev/null ||
		die $E_HOST "missing on this machine, and there is no apt-get to install it: $*"
	step "installing $*" "20 to 60 s"
	quietly apt-update as_root apt-get update ||
		die $E_HOST "apt-get update failed"
	quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "$@" ||
		die $E_HOST "could not install $*"
}
