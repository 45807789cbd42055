# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A small root directory for each of the distribution's suites: a kernel's
# headers want the compiler and the C library of their own suite. Commands run
# in one through in_root, which puts the root's /usr and /etc over the host's
# for that command alone: compilers are the suite's, while every other path
# (the working tree, the cache, /proc) stays what it is outside.

suite_of() {
	case $1 in
	6.1 | debug | uml) echo bookworm ;;
	6.12) echo trixie ;;
	7.2) echo forky ;;
	*) return 1 ;;
	esac
}

# The kernel that a suite is here for.
suite_kernel() {
	case $1 in
	bookworm) echo 6.1 ;;
	trixie) echo 6.12 ;;
	forky) echo 7.2 ;;
	esac
}

# What is in each root, besides the kernel's headers. bookworm's also builds
# kernels, checks sources and provides the guest's programs.
suite_packages() {
	echo gcc make libc6-dev kmod xz-utils zstd
	[ "$1" != bookworm ] ||
		echo bc bison flex libelf-dev libssl-dev perl sparse "$(guest_packages)"
}

# Runs inside a new root: the newest of the suite's kernels that has the
# version asked for. Headers are installed; the image is only laid down in
# /srv, where no boot loader or initramfs hook gets at it. Kernels from 6.19
# or so come in two packages, of which linux-image is but the sum.
kernel_hook() {
	cat <<-END
		cd /srv || exit
		version=$1
	END
	cat <<-'END'
		name=$(apt-cache pkgnames linux-headers-$version. |
			grep -E -- '[0-9.]+[^-]*(-[0-9]+)?-cloud-amd64$' |
			sort -V | tail -n 1)
		[ -n "$name" ] || {
			echo "there is no kernel $version in this suite"
			exit 1
		}
		release=${name#linux-headers-}
		apt-get install -y --no-install-recommends $name || exit
		for package in linux-image linux-binary linux-modules; do
			case $(apt-cache pkgnames $package-$release) in
			*$package-$release*) apt-get download $package-$release || exit ;;
			esac
		done
		echo $release >release
	END
}

# The mirror is the one that this machine uses: ask its apt.
mirrors() {
	local format="\$(SITE) \$(RELEASE) \$(LABEL)" targets

	targets=$(apt-get indextargets --format "$format" \
		'Created-By: Packages' 'Origin: Debian' 'Component: main')
	if [ -z "$targets" ]; then
		quietly apt-update as_root apt-get update || return
		targets=$(apt-get indextargets --format "$format" \
			'Created-By: Packages' 'Origin: Debian' 'Component: main')
	fi
	echo "$targets"
}

suite_sources() {
	local suite=$1 main security list

	list=$(mirrors) || return
	main=$(awk '$3 == "Debian" { print $1; exit }' <<<"$list")
	security=$(awk '$3 == "Debian-Security" { print $1; exit }' <<<"$list")
	[ -n "$main" ] ||
		die $E_HOST "apt on this machine names no Debian mirror to get $suite from"
	echo "deb $main $suite main"
	[ -z "$security" ] || echo "deb $security $suite-security main"
}

# root_of SUITE: the directory. Its name changes with what goes into it.
root_of() {
	echo "$cache/root-$1-$({
		suite_packages "$1"
		kernel_hook "$(suite_kernel "$1")"
	} | digest)"
}

need_root() {
	local root

	root=$(root_of "$1")
	provide "${root##*/}" make_root "$1"
}

# bootstrap SUITE DIRECTORY LOGNAME OPTION...: mmdebstrap, from this machine's
# mirror.
bootstrap() {
	local suite=$1 root=$2 log=$3 sources options=() option

	shift 3
	sources=$root.list
	suite_sources "$suite" >"$sources" || return
	# The same way to the mirror as the host's.
	while IFS= read -r option; do
		options+=("--aptopt=$option")
	done < <(apt-config dump | grep -E '^Acquire::[a-z]+::(Proxy|CaInfo)' || :)
	# A suite that is not updated any more may be past its date.
	quietly "$log" as_root mmdebstrap --mode=root \
		--aptopt='Acquire::Check-Valid-Until "false"' "${options[@]}" \
		"$@" "$suite" "$root" "$sources"
}

make_root() {
	local root=$1 suite=$2 packages

	need_host_programs
	packages=$(suite_packages "$suite" | tr -s ' \n' ,)
	kernel_hook "$(suite_kernel "$suite")" >"$root.hook"
	step "making a root of $suite with its compiler and kernel headers" "20 to 60 s"
	bootstrap "$suite" "$root" "root-$suite" --variant=apt \
		--include="${packages%,}" \
		--customize-hook="chroot \"\$1\" sh <'$root.hook'" ||
		die $E_KERNEL "could not make a root of $suite" \
			"with a kernel $(suite_kernel "$suite")"
}

# in_root SUITE COMMAND...
in_root() {
	local root isolate=(unshare --mount)

	root=$(root_of "$1")
	shift
	# Without root, a user namespace does, and files stay the user's.
	[ "$(id -u)" = 0 ] || isolate=(unshare --map-root-user --mount)
	# shellcheck disable=SC2016
	"${isolate[@]}" sh -c '
		root=$1
		shift
		mount --rbind "$root/etc" /etc &&
		mount --rbind "$root/usr" /usr || exit 1
		export PATH=/usr/sbin:/usr/bin LC_ALL=C
		hash -r
		exec "$@"
	' sh "$root" "$@"
}

# download SUITE DIRECTORY PACKAGE: the package's file, laid into DIRECTORY.
download() {
	local root

	root=$(root_of "$1")
	as_root cp /etc/resolv.conf "$root/etc/resolv.conf"
	# shellcheck disable=SC2016
	quietly "download-$3" as_root chroot "$root" sh -c \
		'apt-get update && cd /srv && apt-get download "$1"' sh "$3" ||
		die $E_HOST "could not download $3"
	as_root mv "$root/srv/$3"_*.deb "$2/"
}
