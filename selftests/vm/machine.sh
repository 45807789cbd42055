# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The machine that a kernel runs on: QEMU, or for user-mode Linux just a
# process. Both get the same settings and leave the same files in $run_dir:
#
#   console   what the kernel said
#   out, err  the command's stdout and stderr, byte for byte
#   status    lines from init: "exit N", "module MESSAGE", "taint N", "end"
#
# Output goes into files, not pipes: a file never makes the machine wait for
# its reader, so a slow reader cannot change what happens inside.

# A fixed moment, the guest's date in reproducible runs: 2026-01-01.
readonly epoch=1767225600

# Boots that hang under KVM have been seen where /dev/kvm exists, so what
# counts is that a stock kernel comes up. The answer is good until the
# machine or its kernel changes.
kvm_works() {
	local verdict

	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	verdict=kvm-$({
		cat /proc/sys/kernel/random/boot_id
		uname -r
	} | digest)
	provide "$verdict" probe_kvm
	[ "$(<"$cache/$verdict")" = yes ]
}

probe_kvm() {
	local kernel dir

	step "probing whether a kernel boots under KVM" "at most 10 s, once"
	kernel=$(set +u; need_kernel 6.1 && echo "$kernel_image") || return
	dir=$(mktemp -d) || return
	mkdir "$dir/root"
	# Any init will do: a kernel that gets as far as not finding one works.
	pack "$dir/root" >"$dir/cpio"
	{
		timeout -k 1 10 qemu-system-x86_64 -accel kvm -cpu host -m 256 \
			-kernel "$kernel" -initrd "$dir/cpio" -nic none -display none \
			-no-reboot -monitor none -serial "file:$dir/console" \
			-append 'console=ttyS0 panic=-1' >/dev/null </dev/null || :
	} 2>/dev/null
	if grep -q 'Kernel panic' "$dir/console" 2>/dev/null; then
		echo yes >"$1"
	else
		echo no >"$1"
		say "KVM does not boot a kernel here; using emulation"
	fi
	rm -rf "$dir"
}

# What init has to know, as assignments for the shell.
machine_settings() {
	if [ "$kernel_name" = uml ]; then
		cat <<-END
			port_out=/dev/ttyS1 port_err=/dev/ttyS2 port_status=/dev/ttyS3
			tty=/dev/tty1 raw_ports=1 halt=1
		END
	else
		cat <<-END
			port_out=/dev/vport0p1 port_err=/dev/vport0p2
			port_status=/dev/vport0p3 tty=/dev/ttyS1 raw_ports= halt=
		END
	fi
	[ -z "$interactive" ] || cat <<-END
		interactive=1
		terminal='${TERM:-dumb}'
		terminal_size='$(stty size 2>/dev/null | sed 's/\(.*\) \(.*\)/rows \1 cols \2/')'
	END
}

# Sets machine_command.
prepare_machine() {
	: >"$run_dir/console"
	: >"$run_dir/out"
	: >"$run_dir/err"
	: >"$run_dir/status"
	if [ "$kernel_name" = uml ]; then
		prepare_uml
	else
		prepare_qemu
	fi
}

prepare_qemu() {
	local append="console=ttyS0 panic=-1 oops=panic rdinit=/ferry/init"
	local port

	# q35, because the older machine's tables keep a kernel with KASAN busy
	# for half a minute.
	machine_command=(qemu-system-x86_64 -machine q35 -nodefaults
		-no-user-config -nic none -display none -no-reboot -m "$mem" -smp "$smp"
		-kernel "$kernel_image" -initrd "$run_dir/cpio"
		-chardev "file,id=console,path=$run_dir/console" -serial chardev:console
		-device "virtio-serial-pci,ioeventfd=off")
	for port in 1:out 2:err 3:status; do
		machine_command+=(
			-chardev "file,id=${port#*:},path=$run_dir/${port#*:}"
			-device "virtserialport,nr=${port%:*},chardev=${port#*:}")
	done
	[ -z "$interactive" ] ||
		machine_command+=(-chardev "stdio,id=tty,signal=off" -serial chardev:tty)
	if [ -n "$reproducible" ]; then
		append+=" nokaslr"
		# The seed reaches the guest as what its processor's RDRAND says.
		machine_command+=(-accel "tcg,thread=single" -cpu "qemu64,+rdrand"
			-icount "shift=1,sleep=off" -seed "$seed"
			-rtc "base=2026-01-01,clock=vm")
	elif kvm_works; then
		machine_command+=(-accel kvm -cpu host)
	else
		machine_command+=(-accel "tcg,thread=multi")
		# Its counters are one, the host's.  Not believing that, a kernel
		# would ask an emulated device for the time of every packet.
		append+=" tsc=reliable"
	fi
	machine_command+=(-append "$append")
}

prepare_uml() {
	local args

	# It starts in $run_dir, so no name on the command line, which the guest
	# can see, differs from run to run.
	args=("mem=${mem}M" initrd=cpio uml_dir=uml/ umid=ferry
		rdinit=/ferry/init console=ttyS0 con=null ssl0=null,fd:3 ssl1=null,fd:4
		ssl2=null,fd:5 ssl3=null,fd:6 panic=-1 oops=panic)
	[ -z "$interactive" ] || args+=("con1=fd:7,fd:8")
	if [ -n "$reproducible" ]; then
		need_uml_seed
		args+=(time-travel=inf-cpu "time-travel-start=${epoch}000000000")
		machine_command=(env -i -C "$run_dir" PATH=/usr/bin:/bin HOME=/
			"LD_PRELOAD=$uml_seed" "FERRY_SEED=$seed"
			setarch -R "$kernel_image" "${args[@]}")
	else
		machine_command=(env -C "$run_dir" "$kernel_image" "${args[@]}")
	fi
}

# User-mode Linux asks the host's C library for the random bytes that seed the
# guest's generator; in a reproducible run they come from --seed.
need_uml_seed() {
	local product

	product=uml-seed-$(digest <"$vm_dir/uml-seed.c")
	provide "$product" build_uml_seed
	uml_seed=$cache/$product/uml-seed.so
}

build_uml_seed() {
	need_host_programs
	mkdir -p "$1"
	gcc -O2 -Wall -shared -fPIC -o "$1/uml-seed.so" "$vm_dir/uml-seed.c"
}

# Run the machine and stream its output until it ends. Sets machine_status.
run_machine() {
	local limit=() followers=() pid

	machine_status=0
	if [ -n "$interactive" ]; then
		[ "$timeout" = 0 ] || limit=(timeout --foreground -k 5 "$timeout")
		"${limit[@]}" "${machine_command[@]}" 7<&0 8>&1 3>"$run_dir/console" \
			4>"$run_dir/out" 5>"$run_dir/err" 6>"$run_dir/status" ||
			machine_status=$?
		return
	fi
	timeout -k 5 "$timeout" "${machine_command[@]}" \
		3>>"$run_dir/console" 4>>"$run_dir/out" 5>>"$run_dir/err" \
		6>>"$run_dir/status" </dev/null >"$run_dir/machine" 2>&1 &
	pid=$!
	machine_pid=$pid
	tail -c +1 -s 0.05 -f --pid=$pid "$run_dir/out" &
	followers+=($!)
	tail -c +1 -s 0.05 -f --pid=$pid "$run_dir/err" >&2 &
	followers+=($!)
	[ -z "$verbose" ] || {
		tail -c +1 -s 0.05 -f --pid=$pid "$run_dir/console" >&2 &
		followers+=($!)
	}
	# The shell's own word about a machine that was killed is of no use.
	{ wait "$pid" || machine_status=$?; } 2>/dev/null
	machine_pid=
	wait "${followers[@]}" || :
}
