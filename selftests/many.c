// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many connections at once: all of them open, each carrying its own bytes
 * both ways, also between Ferry and TCP; and more of them than a listener's
 * backlog has room for.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "ktest.h"
#include "ways.h"

#define MANY 200
#define BYTES 20000

FIXTURE(many) {
	int proto;
};

FIXTURE_VARIANT(many) {
	bool ferry;
	enum family fam;
};

FIXTURE_VARIANT_ADD(many, tcp_v4) { .ferry = false, .fam = V4 };
FIXTURE_VARIANT_ADD(many, tcp_v6) { .ferry = false, .fam = V6 };
FIXTURE_VARIANT_ADD(many, ferry_v4) { .ferry = true, .fam = V4 };
FIXTURE_VARIANT_ADD(many, ferry_v6) { .ferry = true, .fam = V6 };

FIXTURE_SETUP(many)
{
	struct rlimit files = { 4096, 4096 };

	self->proto = proto_of(variant->ferry);
	setrlimit(RLIMIT_NOFILE, &files);
	own_namespace();
}

FIXTURE_TEARDOWN(many)
{
}

/* Accept until @want connections are there; -1 when they do not come. */
static int accept_all(int l, int *fd, int want)
{
	int n;

	for (n = 0; n < want; n++)
		fd[n] = accept_one(l);
	return n;
}

static void all_at_once(struct __test_metadata *_metadata, enum family fam,
			int way)
{
	struct addr at = enter_server(fam, way);
	int l = listen_at(&at, ends_proto(ends_of(way), 1), MANY);
	int client[MANY], server[MANY], by_port[MANY];
	int i, k;

	enter_client(way);
	for (i = 0; i < MANY; i++) {
		client[i] = open_socket(fam, ends_proto(ends_of(way), 0));
		set_nonblocking(client[i], true);
		if (connect(client[i], &at.sa, at.len))
			ASSERT_EQ(EINPROGRESS, errno);
	}
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(POLLOUT, wait_for(client[i], POLLOUT, SOON_MS));
		ASSERT_EQ(0, get_int(client[i], SOL_SOCKET, SO_ERROR));
		set_nonblocking(client[i], false);
	}
	ASSERT_EQ(MANY, accept_all(l, server, MANY));

	/* Connections may be accepted in any order: match them by address. */
	for (i = 0; i < MANY; i++) {
		struct addr mine = local_addr(client[i]);

		by_port[i] = -1;
		for (k = 0; k < MANY; k++) {
			struct addr theirs = remote_addr(server[k]);

			if (port_of(&theirs) == port_of(&mine))
				by_port[i] = server[k];
		}
		ASSERT_LE(0, by_port[i]);
	}

	for (i = 0; i < MANY; i++) {
		ASSERT_TRUE(send_stream(client[i], 2 * i, 0, BYTES));
		ASSERT_TRUE(send_stream(by_port[i], 2 * i + 1, 0, BYTES));
	}
	for (i = MANY - 1; i >= 0; i--) {
		ASSERT_TRUE(recv_stream(by_port[i], 2 * i, 0, BYTES));
		ASSERT_TRUE(recv_stream(client[i], 2 * i + 1, 0, BYTES));
	}
	for (i = 0; i < MANY; i++) {
		char c;

		ASSERT_EQ(0, shutdown(client[i], SHUT_WR));
		ASSERT_EQ(0, recv(by_port[i], &c, 1, 0));
		close(by_port[i]);
		ASSERT_EQ(0, recv(client[i], &c, 1, 0));
		close(client[i]);
	}
}

TEST_F(many, all_open_at_once_and_none_mixed_up)
{
	/* The first two ways are those of one protocol. */
	all_at_once(_metadata, variant->fam, variant->ferry);
}

TEST_F(many, one_after_another)
{
	struct addr at = loopback(variant->fam, 0);
	int l = listen_at(&at, self->proto, 8);
	int i;

	for (i = 0; i < 2 * MANY; i++) {
		int fd = dial(&at, self->proto);
		int peer;
		char c;

		ASSERT_LE(0, fd)
			TH_LOG("connection %d: %s", i, errno_name(errno));
		peer = accept_one(l);
		ASSERT_EQ(1, send(fd, &i, 1, 0));
		ASSERT_EQ(1, recv(peer, &c, 1, 0));
		ASSERT_EQ((char)i, c);
		/* Each side is the first to close in turn. */
		close(i & 1 ? fd : peer);
		ASSERT_EQ(0, recv(i & 1 ? peer : fd, &c, 1, 0));
		close(i & 1 ? peer : fd);
	}
}

static int connected(const int *fd, int n)
{
	int count = 0;
	int i;

	for (i = 0; i < n; i++)
		if (wait_for(fd[i], POLLOUT, 0) == POLLOUT)
			count++;
	return count;
}

static bool queue_holds_three(void *listener)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return !getsockopt(*(int *)listener, SOL_TCP, TCP_INFO, &info, &len) &&
	       info.tcpi_unacked == 3;
}

/*
 * With room for two the queue takes three, as Linux counts; whoever finds it
 * full is not told so and gets in on a later try.  The clients speak first: a
 * server that forgets half-open connections when it has too many of them
 * hears again only from who has something to say.
 */
TEST_F(many, full_backlog_delays_but_does_not_refuse)
{
	struct addr at = loopback(variant->fam, 0);
	int l = listen_at(&at, self->proto, 2);
	struct pollfd p[9];
	int fd[8], peer[8];
	int i, n;

	for (i = 0; i < 8; i++) {
		/* A SYN that comes before it is full may still get in. */
		if (i == 3)
			ASSERT_TRUE(wait_until(queue_holds_three, &l, SOON_MS));
		fd[i] = open_socket(variant->fam, self->proto);
		set_nonblocking(fd[i], true);
		if (connect(fd[i], &at.sa, at.len))
			ASSERT_EQ(EINPROGRESS, errno);
	}
	n = connected(fd, 8);
	EXPECT_EQ(3, n)
		TH_LOG("a backlog of 2 held %d connections", n);

	p[8].fd = l;
	p[8].events = POLLIN;
	for (i = 0; i < 8; i++) {
		p[i].fd = fd[i];
		p[i].events = POLLOUT;
	}
	for (n = 0; n < 8;) {
		ASSERT_LT(0, poll(p, 9, SOON_MS))
			TH_LOG("%d of 8 were accepted", n);
		for (i = 0; i < 8; i++) {
			if (!p[i].revents)
				continue;
			ASSERT_EQ(POLLOUT, p[i].revents);
			ASSERT_EQ(1, send(fd[i], "x", 1, 0));
			p[i].fd = -1;
		}
		if (p[8].revents) {
			peer[n] = accept(l, NULL, NULL);
			ASSERT_LE(0, peer[n]);
			n++;
		}
	}
	for (i = 0; i < 8; i++) {
		char c;

		ASSERT_NE(0, wait_for(peer[i], POLLIN, SOON_MS));
		EXPECT_EQ(1, recv(peer[i], &c, 1, 0));
		EXPECT_EQ('x', c);
	}
}

static int accept_and_count(void *arg)
{
	int l = *(int *)arg;
	int n = 0;

	for (;;) {
		int fd = accept(l, NULL, NULL);
		char c;

		if (fd < 0)
			return 255;
		if (recv(fd, &c, 1, 0) != 1 || c == 'q')
			return n;
		n++;
		if (send(fd, &c, 1, 0) != 1)
			return 254;
		close(fd);
	}
}

TEST_F(many, four_processes_share_a_listener)
{
	struct addr at = loopback(variant->fam, 0);
	int l = listen_at(&at, self->proto, 16);
	int i, total = 0;
	pid_t child[4];

	for (i = 0; i < 4; i++)
		child[i] = spawn(accept_and_count, &l);
	for (i = 0; i < 100; i++) {
		int fd = dial(&at, self->proto);
		char c;

		ASSERT_LE(0, fd);
		ASSERT_EQ(1, send(fd, "x", 1, 0));
		ASSERT_NE(0, wait_for(fd, POLLIN, SOON_MS));
		ASSERT_EQ(1, recv(fd, &c, 1, 0));
		close(fd);
	}
	for (i = 0; i < 4; i++) {
		int fd = dial(&at, self->proto);

		ASSERT_LE(0, fd);
		ASSERT_EQ(1, send(fd, "q", 1, 0));
	}
	for (i = 0; i < 4; i++) {
		int n = reap(child[i], SOON_MS);

		ASSERT_LE(0, n);
		ASSERT_GT(254, n);
		total += n;
	}
	EXPECT_EQ(100, total);
}

FIXTURE(many_mixed) {
	int unused;
};

FIXTURE_VARIANT(many_mixed) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(many_mixed, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(many_mixed, v6) { .fam = V6 };

FIXTURE_SETUP(many_mixed)
{
	struct rlimit files = { 4096, 4096 };

	(void)self;
	if (ways() < WAYS)
		SKIP(return, "nothing between Ferry and TCP");
	setrlimit(RLIMIT_NOFILE, &files);
}

FIXTURE_TEARDOWN(many_mixed)
{
}

TEST_F(many_mixed, all_open_at_once_and_none_mixed_up)
{
	int i;

	for (i = 2; i < ways(); i++)
		all_at_once(_metadata, variant->fam, i);
}

TEST_HARNESS_MAIN
