# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What in a kernel's log means that the kernel found fault with itself.

# Extended regular expressions, each the words that a checker begins with. A
# bare "Call Trace" is not among them: fault injection prints those too.
report_patterns() {
	cat <<-'END'
		WARNING:
		BUG:
		BUG [^ ]+ \(.*\):
		kernel BUG at
		Kernel panic
		(Oops|Oops!|.* Oops):
		general protection fault
		double fault
		Unable to handle kernel
		UBSAN:
		ODEBUG:
		(rcu: )?INFO: .*(possible|inconsistent|trying to register)
		(rcu: )?INFO: .*(blocked for more|detected|stall)
		DEBUG_LOCKS_WARN_ON
		watchdog: BUG
		kmemleak: [1-9][0-9]* new suspected memory leaks
		unreferenced object 0x
		ref_tracker: .*(leaked|has [0-9]+)
		leaked reference
		refcount_t:
		unregister_netdevice: waiting for
		list_(add|del) corruption
		(usercopy|detected buffer overflow)
		kobject_add_internal failed
		sysfs: cannot create duplicate
	END
}

# The same set as one expression, at the start of a message: that keeps text
# that merely quotes such words from counting.
report_expression() {
	printf '^(<[0-9]>)?(\\[ *[0-9.]+\\] ?)?(\\[ *[TC][0-9]+\\] )?(%s)' \
		"$(report_patterns | paste -sd '|')"
}

# What a user-mode kernel says before it has a console, or when it dies
# without one, comes from the process itself.
kernel_log() {
	cat "$run_dir/console" "$run_dir/machine" 2>/dev/null | tr -d '\r'
}

# print_report: what the console says from shortly before the first report on.
# Fails if there is none.
print_report() {
	local first

	first=$(kernel_log | grep -a -n -E "$(report_expression)" |
		awk -F : 'NR == 1 { print $1 }')
	if [ -z "$first" ]; then
		# Something that no pattern knows, but the kernel does: an oops,
		# a bad page, a warning, a soft lockup.
		local taint

		taint=$(sed -n 's/^taint //p' "$run_dir/status")
		[ $((${taint:-0} & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))) != 0 ] ||
			return 1
		first=1
	fi
	say "the kernel reported:"
	kernel_log | awk -v first="$first" 'NR >= first - 3 && NR < first + 300' >&2
}
