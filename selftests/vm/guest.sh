# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the guest consists of: the packages and programs of its user space and
# the distribution kernels' modules that tests use. To give every run one more
# of them, add it here; to give it to one run, use --add.

# Packages, installed in bookworm's root, that guest_programs come from.
guest_packages() {
	echo busybox-static dash bash coreutils util-linux mount procps kmod iproute2 \
		iputils-ping ethtool nftables tcpdump strace
}

# Packages, with those that they need, for runs with --programs: what
# selftests/programs runs over Ferry.
program_packages() {
	echo socat iperf3 curl nginx-light openssl python3-minimal \
		libpython3-stdlib redis-server redis-tools openssh-server \
		openssh-client microsocks
}

# The programs. Whatever else busybox has an applet for is there too, but
# never in place of one of these.
guest_programs() {
	cat <<-'END'
		bash dash sh
		cat chmod cmp cp cut date dd df du echo env expr false head id kill ln
		ls mkdir mkfifo mktemp mv nproc od paste pwd readlink realpath rm rmdir
		seq sha256sum sleep sort split stat stdbuf stty sync tail tee test
		timeout touch tr true truncate tty uname uniq wc yes base64 cksum comm
		basename dirname numfmt printf
		dmesg flock mount mountpoint nsenter setsid taskset umount unshare
		chrt prlimit setpriv
		pgrep pkill ps sysctl
		kmod depmod insmod lsmod modinfo modprobe rmmod
		bridge ip ss tc nstat ping ethtool nft tcpdump strace
		awk grep sed diff find xargs
	END
}

# Files that these programs read, below /usr and /etc.
guest_files() {
	cat <<-'END'
		/etc/iproute2
		/etc/protocols
		/etc/services
		/usr/lib/x86_64-linux-gnu/tc
		/usr/libexec/coreutils
		/usr/lib/x86_64-linux-gnu/libnss_files.so.2
	END
}

# Kernel modules, without their dependencies, which come along. Names that a
# kernel has built in, or lacks, are passed over.
guest_modules() {
	cat <<-'END'
		virtio_pci virtio_console
		veth dummy bridge tun tap ifb macvlan ipvlan vxlan vrf fou fou6 sit
		ip_gre ip6_gre ip_tunnel ip6_tunnel ipip udp_tunnel ip6_udp_tunnel
		sch_netem sch_tbf sch_fq sch_fq_codel sch_fq_pie sch_htb sch_red
		sch_prio sch_ingress sch_codel sch_cake sch_sfq sch_etf
		cls_bpf cls_u32 cls_matchall cls_flower cls_basic
		act_bpf act_gact act_mirred act_pedit act_csum act_police act_skbedit
		tcp_bbr tcp_dctcp tcp_vegas tcp_westwood
		inet_diag tcp_diag udp_diag raw_diag unix_diag af_packet_diag
		netlink_diag af_packet
		nf_tables nft_ct nft_nat nft_masq nft_reject_inet nft_limit nft_log
		nft_numgen nft_compat nft_chain_nat nf_nat nf_conntrack nf_reject_ipv4
		nf_reject_ipv6 x_tables xt_tcpudp xt_bpf ip_tables iptable_filter
		mptcp_diag sctp sctp_diag tls
		md5 sha1_generic sha256_generic sha512_generic hmac cmac aes_generic
		gcm ccm ghash-generic libcrc32c crc32c_generic
		nbd loop fuse
	END
}
