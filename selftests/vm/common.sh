# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script in this directory shares: where things are, how to speak
# to the user, how to become root, and how something that takes long to make
# is made once and kept.
#
# Everything that is made is kept under ${XDG_CACHE_HOME:-~/.cache}/ferry, and
# nothing outside of it is needed again but the host's packages. Deleting the
# directory is always safe while no VM is running: it is made anew on demand.

set -euo pipefail
umask 022

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$vm_dir/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ferry
prog=${0##*/}

# The runner's own exit codes. They sit just below the shell's 126 and up,
# where tests and programs rarely go; 124 is what timeout(1) uses.
readonly E_HOST=118 E_DIED=119 E_USAGE=120 E_FILE=121 E_KERNEL=122
readonly E_MODULE=123 E_TIMEOUT=124 E_REPORT=125
export E_HOST E_DIED E_USAGE E_FILE E_KERNEL E_MODULE E_TIMEOUT E_REPORT

say() {
	echo "$prog: $*" >&2
}

die() {
	local code=$1

	shift
	say "$@"
	exit "$code"
}

# Announce something that takes a while, so that nobody wonders.
step() {
	say "$1 (usually $2)"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die $E_HOST "this needs root: '$*'; run it as root, or install sudo"
	fi
}

# quietly LOGNAME COMMAND...: run it with its output in a log, which is shown
# only when it fails. On a terminal the last line is shown as it goes.
quietly() {
	local log=$cache/log/$1 status=0

	shift
	mkdir -p "$cache/log"
	if [ -t 2 ]; then
		"$@" 2>&1 </dev/null | tee "$log" | show_progress || status=$?
	else
		"$@" >"$log" 2>&1 </dev/null || status=$?
	fi
	if [ $status != 0 ]; then
		tail -n 40 "$log" >&2
		say "the whole log of this is $log"
	fi
	return $status
}

show_progress() {
	local line width

	width=$(tput cols 2>/dev/null || echo 80)
	while IFS= read -r line; do
		printf '\r\033[K%.*s' $((width - 1)) "${line//[[:cntrl:]]/ }" >&2
	done
	printf '\r\033[K' >&2
}

# under_lock NAME FUNCTION ARGS...: one process at a time; the rest wait.
under_lock() {
	local name=$1 fd status=0

	shift
	mkdir -p "$cache/lock"
	exec {fd}>"$cache/lock/$name"
	if ! flock -w 3 "$fd"; then
		say "waiting for another run that is making $name"
		flock "$fd"
	fi
	"$@" || status=$?
	exec {fd}>&-
	return $status
}

# provide NAME FUNCTION ARGS...: make sure that $cache/NAME is there, made by
# FUNCTION $cache/NAME ARGS... It counts as made only once its stamp is
# written, after everything else; what an interrupted run left is thrown away.
provide() {
	[ -e "$cache/$1.made" ] || under_lock "$1" provide_locked "$@"
}

provide_locked() {
	local name=$1 function=$2

	shift 2
	[ ! -e "$cache/$name.made" ] || return 0
	as_root rm -rf "${cache:?}/$name"
	"$function" "$cache/$name" "$@" || return
	touch "$cache/$name.made"
}

# A short name for the contents of files and strings, for things that have to
# be made again when what they are made of changes.
digest() {
	sha256sum | cut -c 1-12
}
