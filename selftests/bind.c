// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may have a port, and which of several listeners gets a connection: TCP's
 * answers and Ferry's, over every combination of what matters.
 */
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif

#define PORT 7000

FIXTURE(bind) {
	struct transcript log[2];
};

FIXTURE_SETUP(bind)
{
	own_namespace();
	/* Two addresses of each family beside the loopback's. */
	run_batch("ip", "link add dummy0 type dummy\n"
			"link set dummy0 up\n"
			"address add 10.1.0.1/24 dev dummy0\n"
			"address add 10.1.0.2/24 dev dummy0\n"
			"address add fd01::1/64 dev dummy0 nodad\n"
			"address add fd01::2/64 dev dummy0 nodad\n");
	await_address("fd01::2");
}

FIXTURE_TEARDOWN(bind)
{
}

static const struct place {
	const char *what;
	const char *address;
	bool v6only;
} places[] = {
	{ "any4",	"0.0.0.0",		false },
	{ "a4",		"10.1.0.1",		false },
	{ "b4",		"10.1.0.2",		false },
	{ "any6",	"::",			false },
	{ "only6",	"::",			true },
	{ "a6",		"fd01::1",		false },
	{ "b6",		"fd01::2",		false },
	{ "a4mapped",	"::ffff:10.1.0.1",	false },
	{ "any4mapped",	"::ffff:0.0.0.0",	false },
};

#define ADDR	 1
#define PORT_TOO 2
#define DEVICE	 4

/* A bound socket, or -1 and errno. */
static int claim(int proto, const struct place *p, int how, __u16 port)
{
	struct addr a = addr_of(p->address, port);
	int fd = open_socket_for(&a, proto);
	int err;

	if (a.sa.sa_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, p->v6only);
	if (how & ADDR)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (how & PORT_TOO)
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (how & DEVICE &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "dummy0", 7))
		die("SO_BINDTODEVICE");
	if (bind(fd, &a.sa, a.len)) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/*
 * TCP looks for any IPv4 address in IPv6 notation only under that name, so a
 * single one in that notation does not meet it.  It should.
 */
static bool tcp_errs(const struct place *first, const struct place *second)
{
	return !strcmp(first->what, "any4mapped") &&
	       !strcmp(second->what, "a4mapped");
}

/*
 * On the debug kernel, where a socket takes milliseconds, a quarter of the pairs
 * of options must do for two places, another quarter each time.
 */
static bool too_many(int first, int second, int how1, int how2)
{
	return slowness() > 2 && (how1 ^ how2) % 4 != first * second % 4;
}

/*
 * Two sockets want the same port: each with every address, every set of
 * options, and the first one listening or not.  What bind() and listen() of
 * the second say is written down.
 */
static void contend(struct transcript *t, int proto)
{
	unsigned int i, k;
	int how1, how2, listening;

	for (i = 0; i < ARRAY_SIZE(places); i++)
	for (k = 0; k < ARRAY_SIZE(places); k++)
	for (how1 = 0; how1 < 8; how1++)
	for (how2 = 0; how2 < 8; how2++)
	for (listening = 0; listening < 2; listening++) {
		int a, b, bound, heard = -2;

		if (tcp_errs(&places[i], &places[k]) ||
		    too_many(i, k, how1, how2))
			continue;
		a = claim(proto, &places[i], how1, PORT);
		if (a < 0) {
			note(t, "%s %d: %s", places[i].what, how1,
			     errno_name(errno));
			continue;
		}
		if (listening && listen(a, 1))
			die("listen");
		b = claim(proto, &places[k], how2, PORT);
		bound = b < 0 ? errno : 0;
		if (b >= 0)
			heard = listen(b, 1) ? errno : 0;
		note(t, "%s %d%s, %s %d: bind %s, listen %s", places[i].what,
		     how1, listening ? " listening" : "", places[k].what, how2,
		     bound ? errno_name(bound) : "ok",
		     heard == -2 ? "-" : heard ? errno_name(heard) : "ok");
		if (b >= 0)
			close(b);
		close(a);
	}
}

TEST_F(bind, two_sockets_want_one_port)
{
	int i;

	for (i = 0; i < 2; i++)
		contend(&self->log[i], proto_of(i));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[1].text,
			       "any4 0, any4 0: bind EADDRINUSE"));
	EXPECT_NE(NULL, strstr(self->log[1].text,
			       "any4 1, any4 1: bind ok, listen ok"));
	EXPECT_NE(NULL, strstr(self->log[1].text,
			       "any4 0, only6 0: bind ok, listen ok"));
}

/* An option counts from when it is set, on either socket. */
TEST_F(bind, options_set_after_bind)
{
	int i, fam;

	for (i = 0; i < 2; i++)
	for (fam = V4; fam <= V6; fam++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(fam, 0);
		int one = open_socket(fam, proto_of(i));
		int two = open_socket(fam, proto_of(i));
		int three = open_socket(fam, proto_of(i));

		ASSERT_EQ(0, bind(one, &at.sa, at.len));
		at = local_addr(one);
		note_ret(t, "bind to a bound port", bind(two, &at.sa, at.len));
		EXPECT_STREQ("EADDRINUSE", errno_name(errno));
		set_int(two, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "with SO_REUSEADDR here alone",
			 bind(two, &at.sa, at.len));
		set_int(one, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "with SO_REUSEADDR on both",
			 bind(two, &at.sa, at.len));
		note_ret(t, "listen of the first", listen(one, 1));
		note_ret(t, "listen of the second", listen(two, 1));
		set_int(three, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "bind with a listener there",
			 bind(three, &at.sa, at.len));
		close(one);
		close(two);
		note_ret(t, "bind once they have gone",
			 bind(three, &at.sa, at.len));
		close(three);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Another user must not share a port that is not his. */
TEST_F(bind, of_different_users)
{
	int i, how1, how2, listening;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];

		for (how1 = 0; how1 < 4; how1++)
		for (how2 = 0; how2 < 4; how2++)
		for (listening = 0; listening < 2; listening++) {
			int a, b;

			a = claim(proto_of(i), &places[0], how1, PORT);
			ASSERT_LE(0, a);
			if (listening)
				ASSERT_EQ(0, listen(a, 1));
			if (seteuid(1000))
				die("seteuid");
			b = claim(proto_of(i), &places[0], how2, PORT);
			note(t, "%d %d %d: %s", how1, listening, how2,
			     b < 0 ? errno_name(errno) : "ok");
			if (b >= 0) {
				note_ret(t, "listen", listen(b, 1));
				close(b);
			}
			if (seteuid(0))
				die("seteuid");
			close(a);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[1].text, "2 1 2: EADDRINUSE"));
}

/* A connection to @at, whose end that the listener accepted closes first. */
static void leave_time_wait(int proto, struct addr *at, int l)
{
	int fd = dial(at, proto), peer;
	char c;

	if (fd < 0)
		die("connect");
	peer = accept_one(l);
	close(peer);
	if (recv(fd, &c, 1, 0))
		die("recv");
	close(fd);
}

/* What is left of a server that has gone: TIME_WAIT on its port. */
TEST_F(bind, after_a_server_has_gone)
{
	unsigned int k;
	int i, how1, how2, open;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		__u16 port = PORT;

		for (how1 = 0; how1 < 4; how1++)
		for (open = 0; open < 2; open++) {
			struct addr at = addr_of("10.1.0.1", ++port);
			int l = claim(proto_of(i), &places[1], how1, port);
			int fd = -1, peer = -1;

			ASSERT_LE(0, l);
			ASSERT_EQ(0, listen(l, 4));
			leave_time_wait(proto_of(i), &at, l);
			if (open) {
				fd = dial(&at, proto_of(i));
				peer = accept_one(l);
			}
			close(l);
			for (k = 0; k < ARRAY_SIZE(places); k++)
			for (how2 = 0; how2 < 4; how2++) {
				int b = claim(proto_of(i), &places[k], how2,
					      port);

				note(t, "%d%s, %s %d: %s", how1,
				     open ? " open" : "", places[k].what, how2,
				     b < 0 ? errno_name(errno) : "ok");
				if (b >= 0) {
					note_ret(t, "listen", listen(b, 1));
					close(b);
				}
			}
			if (open) {
				close(fd);
				close(peer);
			}
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[1].text, "0, a4 1: EADDRINUSE"));
	EXPECT_NE(NULL, strstr(self->log[1].text, "1, a4 1: ok"));
}

/* Addresses and ports that nobody may have, or only some may. */
TEST_F(bind, what_is_refused)
{
	int i;

	for (i = 0; i < 2; i++) {
		static const struct place foreign4 = { "", "192.0.2.9", false };
		static const struct place foreign6 = { "", "fd02::9", false };
		struct transcript *t = &self->log[i];
		int proto = proto_of(i), fd;
		struct addr a;

		note_ret(t, "foreign", claim(proto, &foreign4, 0, PORT) < 0 ?
			 -1 : 0);
		note_ret(t, "foreign6", claim(proto, &foreign6, 0, PORT) < 0 ?
			 -1 : 0);
		a = addr_of("192.0.2.9", PORT);
		fd = open_socket(V4, proto);
		set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
		note_ret(t, "freebind", bind(fd, &a.sa, a.len));
		note_ret(t, "listen", listen(fd, 1));
		note_ret(t, "again", bind(fd, &a.sa, a.len));
		close(fd);
		fd = open_socket(V4, proto);
		set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
		note_ret(t, "transparent", bind(fd, &a.sa, a.len));
		note_ret(t, "listen", listen(fd, 1));
		close(fd);
		a = addr_of("fd02::9", PORT);
		fd = open_socket(V6, proto);
		set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
		note_ret(t, "freebind6", bind(fd, &a.sa, a.len));
		close(fd);
		a = addr_of("224.0.0.1", PORT);
		fd = open_socket(V4, proto);
		note_ret(t, "multicast", bind(fd, &a.sa, a.len));
		close(fd);
		a = addr_of("10.1.0.1", 80);
		if (seteuid(1000))
			die("seteuid");
		fd = open_socket(V4, proto);
		note_ret(t, "privileged", bind(fd, &a.sa, a.len));
		close(fd);
		if (seteuid(0))
			die("seteuid");
		fd = open_socket(V6, proto);
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		a = addr_of("::ffff:10.1.0.1", PORT);
		note_ret(t, "mapped, v6 only", bind(fd, &a.sa, a.len));
		a = addr_of("10.1.0.1", PORT);
		note_ret(t, "v4 address", bind(fd, &a.sa, a.len));
		a = addr_of("fd01::1", PORT);
		note_ret(t, "short", bind(fd, &a.sa, 10));
		note_ret(t, "at last", bind(fd, &a.sa, a.len));
		note_ret(t, "v6 only, too late",
			 setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 },
				    sizeof(int)));
		close(fd);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[1].text, "EADDRNOTAVAIL"));
	EXPECT_NE(NULL, strstr(self->log[1].text, "EACCES"));
}

/* bind() to port 0 until there is none; and who gets one of the next. */
TEST_F(bind, any_port)
{
	int i, k, how;

	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40019");
	for (i = 0; i < 2; i++) {
		for (how = 0; how < 4; how++) {
			struct transcript *t = &self->log[i];
			int fd[64], n, other;

			for (n = 0; n < 64; n++) {
				fd[n] = claim(proto_of(i), &places[1], how, 0);
				if (fd[n] < 0)
					break;
			}
			note(t, "%d: %d sockets, then %s", how, n,
			     errno_name(errno));
			for (k = 0; k < (int)ARRAY_SIZE(places); k++) {
				other = claim(proto_of(i), &places[k], how, 0);
				note(t, "  %s: %s", places[k].what, other < 0 ?
				     errno_name(errno) : "ok");
				if (other >= 0)
					close(other);
			}
			while (n--)
				close(fd[n]);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[1].text,
			       "0: 20 sockets, then EADDRINUSE"));
}

/* ------------------------------------------------------------------ */
/* Which listener gets the connection */

static const char * const targets[] = {
	"10.1.0.1", "10.1.0.2", "127.0.0.1", "fd01::1", "fd01::2", "::1",
};

/* Connect to each target and write down who gets it. */
static void who_gets_it(struct transcript *t, int proto, const int *l,
			int count)
{
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(targets); k++) {
		struct addr at = addr_of(targets[k], PORT);
		struct pollfd p[8];
		int i, fd = dial(&at, proto);

		if (fd < 0) {
			note(t, "  %s: %s", targets[k], errno_name(errno));
			continue;
		}
		for (i = 0; i < count; i++)
			p[i] = (struct pollfd){ .fd = l[i], .events = POLLIN };
		if (poll(p, count, SOON_MS) != 1)
			die("no listener has it");
		for (i = 0; i < count; i++) {
			if (!p[i].revents)
				continue;
			note(t, "  %s: listener %d", targets[k], i);
			close(accept(l[i], NULL, NULL));
		}
		close(fd);
	}
}

/*
 * Two listeners of all kinds that can be there at once, each before and after
 * the other.  Traffic between addresses of this host comes in on lo, and so
 * the device is lo.
 */
static void compete(struct transcript *t, int proto)
{
	unsigned int i, k;
	int how1, how2;

	for (i = 0; i < ARRAY_SIZE(places); i++)
	for (k = 0; k < ARRAY_SIZE(places); k++)
	for (how1 = 0; how1 < 2; how1++)
	for (how2 = 0; how2 < 2; how2++) {
		int l[2];

		if (tcp_errs(&places[i], &places[k]))
			continue;
		/* The test before has left TIME_WAIT on the port. */
		l[0] = claim(proto, &places[i], ADDR, PORT);
		if (l[0] < 0 || listen(l[0], 4))
			die("listener");
		if (how1 && setsockopt(l[0], SOL_SOCKET, SO_BINDTODEVICE, "lo",
				       3))
			die("SO_BINDTODEVICE");
		l[1] = claim(proto, &places[k], ADDR, PORT);
		if (l[1] >= 0) {
			if (how2 && setsockopt(l[1], SOL_SOCKET,
					       SO_BINDTODEVICE, "lo", 3))
				die("SO_BINDTODEVICE");
			if (!listen(l[1], 4)) {
				note(t, "%s %d, %s %d", places[i].what, how1,
				     places[k].what, how2);
				who_gets_it(t, proto, l, 2);
			}
			close(l[1]);
		}
		close(l[0]);
	}
}

TEST_F(bind, the_better_of_two_listeners)
{
	int i;

	for (i = 0; i < 2; i++)
		compete(&self->log[i], proto_of(i));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[1].text, "any4 0, a6 0"));
}

/* In a group each gets some; a filter decides if there is one. */
TEST_F(bind, a_group_shares)
{
	/* The number of the listener is the first byte of the data. */
	struct sock_filter code[] = {
		{ BPF_RET | BPF_K, 0, 0, 2 },
	};
	struct sock_fprog filter = { ARRAY_SIZE(code), code };
	int i, k, n;

	for (i = 0; i < 2; i++) {
		struct addr at = addr_of("10.1.0.1", PORT);
		int l[4], got[4] = { 0 };
		struct pollfd p[4];

		for (k = 0; k < 4; k++) {
			l[k] = claim(proto_of(i), &places[k & 1], PORT_TOO,
				     PORT);
			ASSERT_LE(0, l[k]);
			ASSERT_EQ(0, listen(l[k], 64));
			p[k] = (struct pollfd){ .fd = l[k], .events = POLLIN };
		}
		for (n = 0; n < 128; n++) {
			int fd;

			if (n == 64)
				ASSERT_EQ(0, setsockopt(l[1], SOL_SOCKET,
							SO_ATTACH_REUSEPORT_CBPF,
							&filter,
							sizeof(filter)));
			if (n == 64)
				memset(got, 0, sizeof(got));
			fd = dial(&at, proto_of(i));
			ASSERT_LE(0, fd);
			ASSERT_EQ(1, poll(p, 4, SOON_MS));
			for (k = 0; k < 4; k++) {
				if (!p[k].revents)
					continue;
				got[k]++;
				close(accept(l[k], NULL, NULL));
			}
			close(fd);
			if (n != 63 && n != 127)
				continue;
			/* The two of the better address only. */
			EXPECT_EQ(0, got[0] + got[2]);
			EXPECT_EQ(64, got[1] + got[3]);
			if (n == 63) {
				EXPECT_LT(8, got[1]);
				EXPECT_LT(8, got[3]);
			}
		}
		/* There is no third one: the hash decides then. */
		EXPECT_LT(8, got[1]);
		EXPECT_LT(8, got[3]);
		code[0].k = 1;
		ASSERT_EQ(0, setsockopt(l[1], SOL_SOCKET,
					SO_ATTACH_REUSEPORT_CBPF, &filter,
					sizeof(filter)));
		for (n = 0; n < 16; n++) {
			int fd = dial(&at, proto_of(i));

			ASSERT_LE(0, fd);
			ASSERT_NE(0, wait_for(l[3], POLLIN, SOON_MS));
			close(accept(l[3], NULL, NULL));
			close(fd);
		}
		code[0].k = 2;
		for (k = 0; k < 4; k++)
			close(l[k]);
	}
}

TEST_HARNESS_MAIN
