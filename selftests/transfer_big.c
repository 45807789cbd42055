// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gigabyte through a link that loses, reorders, duplicates and corrupts one
 * packet in a hundred each, which must arrive byte by byte as it was sent.
 *
 * FERRY_BIG_MB is the number of megabytes (1024).
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

FIXTURE(big) {
	struct hosts hosts;
	__u64 bytes;
};

FIXTURE_VARIANT(big) {
	enum ends ends;
	enum family fam;
};

FIXTURE_VARIANT_ADD(big, ferry_v4) { .ends = FERRY_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(big, ferry_v6) { .ends = FERRY_TO_FERRY, .fam = V6 };
FIXTURE_VARIANT_ADD(big, ferry_to_tcp_v4) { .ends = FERRY_TO_TCP, .fam = V4 };
FIXTURE_VARIANT_ADD(big, tcp_to_ferry_v4) { .ends = TCP_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(big, ferry_to_tcp_v6) { .ends = FERRY_TO_TCP, .fam = V6 };
FIXTURE_VARIANT_ADD(big, tcp_to_ferry_v6) { .ends = TCP_TO_FERRY, .fam = V6 };

FIXTURE_SETUP(big)
{
	const char *mb = getenv("FERRY_BIG_MB");

	self->bytes = (mb && *mb ? strtoull(mb, NULL, 0) : 1024) << 20;
	if (!hosts_make_for(&self->hosts, 1500, variant->ends))
		SKIP(return, "no ferry command here");
}

FIXTURE_TEARDOWN(big)
{
}

struct sender {
	int fd;
	__u64 bytes;
};

static int send_all(void *arg)
{
	const struct sender *s = arg;

	if (!send_stream(s->fd, 1, 0, s->bytes))
		return 1;
	return shutdown(s->fd, SHUT_WR) != 0;
}

TEST_F_TIMEOUT(big, every_byte_arrives_as_sent, 7200)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	struct sender s = { .bytes = self->bytes };
	long long start;
	pid_t child;
	int fd[2];
	char c;

	hosts_netem(&self->hosts,
		    "delay 200us loss 1%% reorder 1%% duplicate 1%% corrupt 1%% limit 10000");
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, fd);
	s.fd = fd[0];
	start = now_ms();
	child = spawn(send_all, &s);
	ASSERT_TRUE(recv_stream(fd[1], 1, 0, self->bytes));
	ASSERT_NE(0, wait_for(fd[1], POLLIN, 6 * SOON_MS));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	ASSERT_EQ(0, reap(child, SOON_MS));
	ASSERT_EQ(0, getsockopt(fd[0], SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_LT(0, info.tcpi_total_retrans)
		TH_LOG("the link was not as bad as it should have been");
	TH_LOG("%llu bytes in %lld ms, %u segments sent again",
	       (unsigned long long)self->bytes, now_ms() - start,
	       info.tcpi_total_retrans);
}

TEST_HARNESS_MAIN
