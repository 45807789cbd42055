// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose address and port a connection has when the program leaves the port to
 * connect(), speaks for an address that is not this host's, or lets a program
 * of BPF say which listener of a group is meant.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define PORT 7000

static void note_name(struct transcript *t, const char *what, int fd)
{
	struct addr name = local_addr(fd);

	note(t, "%s: %s", what, addr_text(&name));
}

/* ------------------------------------------------------------------ */
/* An address now, a port when connect() knows the peer */

static int bound_to(struct transcript *t, int proto, const struct addr *a,
		    bool no_port)
{
	int fd = open_socket_for(a, proto);

	set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, no_port);
	note_ret(t, "bind", bind(fd, &a->sa, a->len));
	note_name(t, "bound", fd);
	return fd;
}

static void late_port(struct transcript *t, int proto, enum family fam)
{
	struct addr to[2] = { loopback(fam, PORT), loopback(fam, PORT + 1) };
	struct addr mine = loopback(fam, 0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd[4], l[2], i;

	for (i = 0; i < 2; i++)
		l[i] = listen_at(&to[i], proto, 4);
	/* There is one port, and each of these has it with another peer. */
	for (i = 0; i < 2; i++) {
		fd[i] = bound_to(t, proto, &mine, true);
		note_ret(t, "connect", connect(fd[i], &to[i].sa, to[i].len));
		note_name(t, "connected", fd[i]);
	}
	fd[2] = bound_to(t, proto, &mine, true);
	note_ret(t, "the same peer", connect(fd[2], &to[0].sa, to[0].len));
	note_name(t, "not connected", fd[2]);
	/* Who wants a port at once finds it taken. */
	fd[3] = open_socket(fam, proto);
	note_ret(t, "bind at once", bind(fd[3], &mine.sa, mine.len));
	note_ret(t, "undo", connect(fd[0], &none, sizeof(none)));
	note_name(t, "undone", fd[0]);
	note_ret(t, "listen", listen(fd[0], 1));
	close(fd[3]);
	/* What it has chosen it gets at once. */
	mine = loopback(fam, PORT + 2);
	fd[3] = bound_to(t, proto, &mine, true);
	for (i = 0; i < 4; i++)
		abort_connection(fd[i]);
	close(l[0]);
	close(l[1]);
}

TEST(port_of_connect)
{
	struct transcript log[2] = { 0 };
	int i;

	own_namespace();
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000");
	for (i = 0; i < 2; i++) {
		late_port(&log[i], proto_of(i), V4);
		late_port(&log[i], proto_of(i), V6);
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
	EXPECT_NE(NULL, strstr(log[0].text, "bound: 127.0.0.1:0\n"));
	EXPECT_NE(NULL, strstr(log[0].text, "EADDRNOTAVAIL"));
}

/* ------------------------------------------------------------------ */
/* Addresses of others */

static const struct option {
	const char *what;
	int level, name;
} v4_options[] = {
	{ "IP_TRANSPARENT", IPPROTO_IP, IP_TRANSPARENT },
	{ "IP_FREEBIND", IPPROTO_IP, IP_FREEBIND },
	{ "neither", IPPROTO_IP, 0 },
}, v6_options[] = {
	{ "IPV6_TRANSPARENT", IPPROTO_IPV6, IPV6_TRANSPARENT },
	{ "IPV6_FREEBIND", IPPROTO_IPV6, IPV6_FREEBIND },
	{ "neither", IPPROTO_IPV6, 0 },
};

static int socket_with(enum family fam, int proto, const struct option *o)
{
	int fd = open_socket(fam, proto);

	if (o->name)
		set_int(fd, o->level, o->name, 1);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* Soon enough, if nobody answers. */
	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 3);
	return fd;
}

/* A byte each way; and who the two think they are. */
static void note_pair(struct transcript *t, int here, int there)
{
	struct addr a = remote_addr(there);
	char c;

	note_name(t, "  here", here);
	note(t, "  its peer sees: %s", addr_text(&a));
	note_ret(t, "  send", send(here, "x", 1, 0));
	note_ret(t, "  recv", recv(there, &c, 1, 0));
	note_ret(t, "  send", send(there, "y", 1, 0));
	note_ret(t, "  recv", recv(here, &c, 1, 0));
}

/* Host 0 speaks and listens in the name of an address that is nobody's. */
static void speak_for(struct transcript *t, const struct hosts *h, int proto,
		      enum family fam, const struct option *o)
{
	struct addr stranger = addr_of(fam == V4 ? "192.0.2.9" : "fd02::9",
				       PORT);
	struct addr to = host_addr(1, fam, PORT);
	int l, fd, peer, err;

	note(t, "%s", o->what);
	hosts_enter(h, 1);
	l = listen_at(&to, proto, 3);
	hosts_enter(h, 0);
	fd = socket_with(fam, proto, o);
	note_ret(t, "bind", bind(fd, &stranger.sa, stranger.len));
	err = connect(fd, &to.sa, to.len);
	note_ret(t, "connect", err);
	if (!err) {
		peer = accept_one(l);
		if (o->name)
			note_pair(t, fd, peer);
		close(peer);
	}
	abort_connection(fd);
	close(l);
	/* Without the option nobody would answer. */
	if (o->name != IP_TRANSPARENT && o->name != IPV6_TRANSPARENT)
		return;
	l = socket_with(fam, proto, o);
	stranger = any(fam, PORT + 1);
	if (bind(l, &stranger.sa, stranger.len) || listen(l, 1))
		die("listener");
	hosts_enter(h, 1);
	stranger = addr_of(fam == V4 ? "192.0.2.9" : "fd02::9", PORT + 1);
	to = host_addr(1, fam, PORT + 2);
	fd = socket_with(fam, proto, &v4_options[2]);
	if (bind(fd, &to.sa, to.len))
		die("bind");
	err = connect(fd, &stranger.sa, stranger.len);
	note_ret(t, "connect to a stranger", err);
	if (!err) {
		peer = accept_one(l);
		note_pair(t, peer, fd);
		close(peer);
	}
	abort_connection(fd);
	close(l);
}

TEST(connections_of_a_stranger)
{
	struct transcript log[2] = { 0 };
	struct hosts h;
	unsigned int k;
	int i;

	hosts_make(&h, 1500);
	/* What host 1 sends to the stranger comes to host 0, and stays there. */
	hosts_enter(&h, 1);
	run_batch("ip", "route add 192.0.2.0/24 via 10.0.0.1\n"
			"route add fd02::/64 via fd00::1\n");
	hosts_enter(&h, 0);
	run("ip rule add iif " LINK " lookup 100");
	run("ip route add local 192.0.2.0/24 dev lo table 100");
	run("ip -6 rule add iif " LINK " lookup 100");
	run("ip -6 route add local fd02::/64 dev lo table 100");
	for (i = 0; i < 2; i++) {
		int proto = proto_of(i);

		for (k = 0; k < ARRAY_SIZE(v4_options); k++) {
			speak_for(&log[i], &h, proto, V4, &v4_options[k]);
			speak_for(&log[i], &h, proto, V6, &v6_options[k]);
		}
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
	EXPECT_NE(NULL, strstr(log[0].text, "sees: 192.0.2.9:7000"));
	EXPECT_NE(NULL, strstr(log[0].text, "here: [fd02::9]:7001"));
}

/* ------------------------------------------------------------------ */
/* A group of listeners and its program */

/* Returns the length of a segment's data and @more: an index in the group. */
static int program_of(int more)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_0,
		  .src_reg = BPF_REG_1 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = more },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_program(BPF_PROG_TYPE_SOCKET_FILTER, 0, code,
			    ARRAY_SIZE(code));
}

static void chosen_by_program(struct transcript *t, int proto, enum family fam)
{
	struct addr at = loopback(fam, PORT);
	int l[3], k, n, i;

	for (k = 0; k < 3; k++) {
		l[k] = open_socket(fam, proto);
		set_int(l[k], SOL_SOCKET, SO_REUSEPORT, 1);
		if (bind(l[k], &at.sa, at.len) || listen(l[k], 8))
			die("listener");
	}
	for (n = 0; n < 3; n++) {
		int program = program_of(n);

		note_ret(t, "attach",
			 setsockopt(l[1], SOL_SOCKET,
				    SO_ATTACH_REUSEPORT_EBPF, &program,
				    sizeof(program)));
		close(program);
		for (i = 0; i < 4; i++) {
			int fd = dial(&at, proto);

			if (!wait_for(l[n], POLLIN, SOON_MS))
				die("listener %d did not get it", n);
			close(accept_one(l[n]));
			close(fd);
		}
		note(t, "listener %d got all", n);
	}
	for (k = 0; k < 3; k++)
		close(l[k]);
}

TEST(a_program_chooses_the_listener)
{
	struct transcript log[2] = { 0 };
	int i;

	own_namespace();
	for (i = 0; i < 2; i++) {
		chosen_by_program(&log[i], proto_of(i), V4);
		chosen_by_program(&log[i], proto_of(i), V6);
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
	EXPECT_NE(NULL, strstr(log[0].text, "attach: 0\nlistener 2 got all"));
}

TEST_HARNESS_MAIN
