// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random data both ways at once over a link that loses, reorders, duplicates
 * and corrupts, which must arrive byte by byte as it was sent.
 *
 * FERRY_TEST_MB sets how many megabytes Ferry moves each way over IPv4; the
 * other variants move an eighth of that.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

FIXTURE(bad_link) {
	struct hosts hosts;
	__u64 bytes;
};

FIXTURE_VARIANT(bad_link) {
	enum ends ends;
	enum family fam;
	int mtu;
	int share;
	bool one_by_one;	/* a loss takes one segment, not a burst */
};

FIXTURE_VARIANT_ADD(bad_link, tcp_v4) {
	.ends = TCP_TO_TCP, .fam = V4, .mtu = 1500, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_v4) {
	.ends = FERRY_TO_FERRY, .fam = V4, .mtu = 1500, .share = 1,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_v6) {
	.ends = FERRY_TO_FERRY, .fam = V6, .mtu = 1500, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_mapped) {
	.ends = FERRY_TO_FERRY, .fam = MAPPED, .mtu = 1500, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_jumbo) {
	.ends = FERRY_TO_FERRY, .fam = V4, .mtu = 9000, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_small_mtu) {
	.ends = FERRY_TO_FERRY, .fam = V6, .mtu = 1280, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_one_by_one) {
	.ends = FERRY_TO_FERRY, .fam = V4, .mtu = 1500, .share = 8,
	.one_by_one = true,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_to_tcp_v4) {
	.ends = FERRY_TO_TCP, .fam = V4, .mtu = 1500, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, ferry_to_tcp_v6) {
	.ends = FERRY_TO_TCP, .fam = V6, .mtu = 1500, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, tcp_to_ferry_v4) {
	.ends = TCP_TO_FERRY, .fam = V4, .mtu = 1500, .share = 8,
};

FIXTURE_VARIANT_ADD(bad_link, tcp_to_ferry_v6) {
	.ends = TCP_TO_FERRY, .fam = V6, .mtu = 1500, .share = 8,
};

FIXTURE_SETUP(bad_link)
{
	const char *mb = getenv("FERRY_TEST_MB");
	__u64 total = mb && *mb ? strtoull(mb, NULL, 0) : 32;
	int i;

	self->bytes = (total << 20) / variant->share;
	if (!hosts_make_for(&self->hosts, variant->mtu, variant->ends))
		SKIP(return, "no ferry command here");
	for (i = 0; i < 2 && variant->one_by_one; i++) {
		hosts_enter(&self->hosts, i);
		run("ip link set " LINK " gso_max_segs 1");
	}
	hosts_enter(&self->hosts, 0);
}

FIXTURE_TEARDOWN(bad_link)
{
}

/*
 * A fraction of a millisecond of delay: enough for netem to let some segments
 * overtake others, and not so much that the round trips decide how long the
 * test takes.
 *
 * Half a megabyte may be no more than a score of bursts, all of which a link
 * that loses one in twenty can let through.  So it goes on until one is lost.
 */
TEST_F_TIMEOUT(bad_link, every_byte_arrives_as_sent, 1500)
{
	unsigned int again, rounds = 0;
	long long start;
	int fd[2];

	hosts_netem(&self->hosts,
		    "delay 300us loss 5%% reorder 10%% duplicate 2%% corrupt 2%% limit 10000");
	start = now_ms();
	do {
		hosts_connect_ends(&self->hosts, variant->fam, variant->ends,
				   fd);
		ASSERT_TRUE(exchange(fd[0], fd[1], self->bytes,
				     60000 * slowness()));
		again = retransmitted(fd[0]) + retransmitted(fd[1]);
		close(fd[0]);
		close(fd[1]);
	} while (!again && ++rounds < 50);
	TH_LOG("%u times %llu bytes each way in %lld ms, %u segments sent again",
	       rounds + !!again, (unsigned long long)self->bytes,
	       now_ms() - start, again);
	EXPECT_LT(0, again)
		TH_LOG("the link was not as bad as it should have been");
}

/*
 * On a machine that stalls the timer sends again what has arrived; clean_link.c
 * is about that.
 */
TEST_F_TIMEOUT(bad_link, a_good_link_loses_nothing, 600)
{
	int fd[2];

	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, fd);
	ASSERT_TRUE(exchange(fd[0], fd[1], self->bytes, 60000 * slowness()));
	EXPECT_GE(20, lost_segments(fd[0]) + lost_segments(fd[1]))
		TH_LOG("%u and %u segments sent again, %u and %u of them lost",
		       retransmitted(fd[0]), retransmitted(fd[1]),
		       lost_segments(fd[0]), lost_segments(fd[1]));
}

TEST_HARNESS_MAIN
