// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many connections as there is memory for, on one port of the server; and
 * what connect() says when there is no port left for another.
 *
 * FERRY_CONNECTIONS in the environment says how many are many.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/* Connections from one client address; a search among more is long. */
#define PER_ADDRESS 10000

FIXTURE(scale) {
	struct transcript log[2];
};

FIXTURE_SETUP(scale)
{
}

FIXTURE_TEARDOWN(scale)
{
}

/* From the n-th client address; the port is chosen by connect(). */
static int dial_from(unsigned int n, const struct addr *to, int proto)
{
	char text[32];
	struct addr from;
	int fd = open_socket_for(to, proto);

	snprintf(text, sizeof(text), "127.1.0.%u", n + 1);
	from = addr_of(text, 0);
	set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (bind(fd, &from.sa, from.len))
		die("bind to %s", text);
	if (connect(fd, &to->sa, to->len)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* The line of a hash in /proc/net/ferry_hash. */
static void hash_stat(const char *name, unsigned int *chains,
		      unsigned int *entries, unsigned int *longest)
{
	char text[1024], line[32];
	const char *p;

	if (!read_file("/proc/net/ferry_hash", text, sizeof(text)))
		die("/proc/net/ferry_hash");
	snprintf(line, sizeof(line), "%s ", name);
	p = strstr(text, line);
	if (!p || sscanf(p + strlen(line), "%u %u %u", chains, entries,
			 longest) != 3)
		die("no %s in /proc/net/ferry_hash", name);
}

/* Kernel memory in small objects, in bytes. */
static long long slab_bytes(void)
{
	char text[4096];
	long long kb = 0;
	const char *p;

	if (!read_file("/proc/meminfo", text, sizeof(text)))
		die("/proc/meminfo");
	p = strstr(text, "\nSlab:");
	if (!p || sscanf(p + 6, "%lld", &kb) != 1)
		die("no Slab in /proc/meminfo");
	return kb * 1024;
}

/* One port of the server has them all; TCP shows what that costs. */
TEST_F_TIMEOUT(scale, one_port_serves_them_all, 3600)
{
	const unsigned int n = from_environment("FERRY_CONNECTIONS",
						slowness() > 2 ? 1000 : 5000);
	struct rlimit files = { 2 * n + 100, 2 * n + 100 };
	unsigned int i, entries, longest, start = 0, chains = 0;
	int *client, *server, which;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	client = calloc(n, sizeof(*client));
	server = calloc(n, sizeof(*server));
	for (which = 0; which < 2; which++) {
		int proto = proto_of(which), l;
		struct addr at = loopback(V4, 0);
		long long begin, opened, slab;

		own_namespace();
		if (which) {
			hash_stat("connections", &start, &entries, &longest);
			ASSERT_EQ(0, entries);
		}
		l = listen_at(&at, proto, 128);
		slab = slab_bytes();
		begin = now_ms();
		for (i = 0; i < n; i++) {
			client[i] = dial_from(i / PER_ADDRESS, &at, proto);
			ASSERT_LE(0, client[i])
				TH_LOG("connection %u: %s", i,
				       errno_name(errno));
			server[i] = accept_one(l);
		}
		opened = now_ms();
		slab = slab_bytes() - slab;

		/* Each is found, and is the right one. */
		for (i = 0; i < n; i++)
			ASSERT_EQ(sizeof(i),
				  send(client[i], &i, sizeof(i), 0));
		for (i = 0; i < n; i++) {
			unsigned int got = 0;

			ASSERT_TRUE(wait_for(server[i], POLLIN, SOON_MS))
				TH_LOG("connection %u stands still", i);
			ASSERT_EQ(sizeof(got),
				  recv(server[i], &got, sizeof(got), 0));
			ASSERT_EQ(i, got);
		}
		TH_LOG("%s: %u connections in %lld ms, a message each in %lld",
		       proto_name(proto), n, opened - begin,
		       now_ms() - opened);
		TH_LOG("%lld bytes a connection, with both ends' files",
		       slab / n);
		if (which) {
			hash_stat("connections", &chains, &entries, &longest);
			TH_LOG("%u chains, before %u, the longest has %u",
			       chains, start, longest);
			EXPECT_EQ(2 * n, entries);
			EXPECT_LT(start, chains);
			/* As many chains as entries: few share one. */
			EXPECT_GE(16, longest);
		}
		for (i = 0; i < n; i++) {
			close(server[i]);
			close(client[i]);
		}
		close(l);
	}
	free(client);
	free(server);
}

static int bytes_in_slab(const char *name)
{
	char path[80], text[32];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/object_size", name);
	if (!read_file(path, text, sizeof(text)))
		die("%s", path);
	return atoi(text);
}

/*
 * What a flood or many short connections cost: at most 256 bytes each.  Where
 * the kernel puts checks into every timer, no more than TCP's.
 */
TEST(mini_sockets_are_small)
{
	static const char * const names[][2] = {
		{ "ferry_request", "request_sock_TCP" },
		{ "ferry_timewait", "tw_sock_TCP" },
	};
	unsigned int i;

	if (ferry() == IPPROTO_TCP)
		SKIP(return, "the sizes are Ferry's");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		int size = bytes_in_slab(names[i][0]);

		EXPECT_GE(slowness() > 1 ? bytes_in_slab(names[i][1]) : 256,
			  size)
			TH_LOG("%s: %d", names[i][0], size);
	}
}

#define FEW 40

/* Every port of a small range is used, for each peer anew, and then none. */
TEST_F(scale, no_port_left)
{
	int fd[3 * FEW], peer[3 * FEW];
	int i, k, n;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int proto = proto_of(i);
		struct addr at[2];
		int l[2];

		own_namespace();
		write_file("/proc/sys/net/ipv4/ip_local_port_range",
			   "40001 40040");
		for (k = 0; k < 2; k++) {
			at[k] = loopback(V4, 30000 + k);
			l[k] = listen_at(&at[k], proto, 128);
		}
		n = 0;
		for (k = 0; k < 2; k++) {
			int before = n;

			for (;;) {
				fd[n] = dial(&at[k], proto);
				if (fd[n] < 0)
					break;
				peer[n++] = accept_one(l[k]);
				ASSERT_GT(3 * FEW, n);
			}
			note(t, "listener %d: %d, then %s", k, n - before,
			     errno_name(errno));
			EXPECT_EQ(EADDRNOTAVAIL, errno);
			EXPECT_EQ(FEW, n - before);
		}
		/* From another address there are as many again. */
		fd[n] = dial_from(0, &at[0], proto);
		note(t, "from another address: %d", fd[n] >= 0);
		ASSERT_LE(0, fd[n]);
		peer[n++] = accept_one(l[0]);
		/* The server closes first and keeps the TIME_WAIT. */
		close(peer[0]);
		close(fd[0]);
		while (--n > 0) {
			close(peer[n]);
			close(fd[n]);
		}
		for (k = 0; k < 2; k++)
			close(l[k]);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* The ports that connect() takes one after the other do not tell the next. */
TEST_F(scale, ports_are_not_a_series)
{
	int fd[64], peer[64], delta[64];
	int i, k, same = 0;
	struct addr at;
	int l;

	own_namespace();
	at = loopback(V4, 0);
	l = listen_at(&at, ferry(), 64);
	for (i = 0; i < 64; i++) {
		struct addr a;

		fd[i] = dial(&at, ferry());
		ASSERT_LE(0, fd[i]);
		peer[i] = accept_one(l);
		a = local_addr(fd[i]);
		ASSERT_LE(32768, port_of(&a));
		delta[i] = port_of(&a);
		for (k = 0; k < i; k++)
			ASSERT_NE(delta[k], port_of(&a));
	}
	for (i = 2; i < 64; i++)
		same += delta[i] - delta[i - 1] == delta[i - 1] - delta[i - 2];
	EXPECT_GT(48, same);
	for (i = 0; i < 64; i++) {
		close(peer[i]);
		close(fd[i]);
	}
	close(l);
}

/* A range of the socket's own, where the kernel knows of such. */
TEST_F(scale, own_range_of_ports)
{
	int i, k;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int proto = proto_of(i);
		/* Of an odd number TCP now and then leaves one out. */
		unsigned int range = 50004u << 16 | 50001;
		struct addr at;
		int l, fd[8];

		own_namespace();
		at = loopback(V4, 0);
		l = listen_at(&at, proto, 16);
		for (k = 0; k < 8; k++) {
			struct addr a;

			fd[k] = open_socket(V4, proto);
			if (setsockopt(fd[k], IPPROTO_IP, IP_LOCAL_PORT_RANGE,
				       &range, sizeof(range))) {
				if (errno == ENOPROTOOPT)
					SKIP(return, "IP_LOCAL_PORT_RANGE");
				die("IP_LOCAL_PORT_RANGE");
			}
			if (connect(fd[k], &at.sa, at.len)) {
				note_ret(t, "connect", -1);
				continue;
			}
			a = local_addr(fd[k]);
			EXPECT_LE(50001, port_of(&a));
			EXPECT_GE(50004, port_of(&a));
		}
		close(l);
		for (k = 0; k < 8; k++)
			close(fd[k]);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_HARNESS_MAIN
