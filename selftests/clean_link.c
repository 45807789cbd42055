// SPDX-License-Identifier: GPL-2.0-only
/*
 * Over a link that loses nothing, nothing is sent again.
 *
 * Runs with --reproducible on user-mode Linux only; elsewhere the machine may
 * stand still until a timer expires.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define BYTES	(8 << 20)

FIXTURE(clean_link) {
	struct hosts hosts;
	int fd[2];
};

FIXTURE_VARIANT(clean_link) {
	enum ends ends;
	enum family fam;
};

FIXTURE_VARIANT_ADD(clean_link, tcp_v4) { .ends = TCP_TO_TCP, .fam = V4 };
FIXTURE_VARIANT_ADD(clean_link, ferry_v4) { .ends = FERRY_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(clean_link, ferry_v6) { .ends = FERRY_TO_FERRY, .fam = V6 };
FIXTURE_VARIANT_ADD(clean_link, ferry_to_tcp_v4) {
	.ends = FERRY_TO_TCP, .fam = V4,
};

FIXTURE_VARIANT_ADD(clean_link, tcp_to_ferry_v4) {
	.ends = TCP_TO_FERRY, .fam = V4,
};

FIXTURE_SETUP(clean_link)
{
	if (!hosts_make_for(&self->hosts, 1500, variant->ends))
		SKIP(return, "no ferry command here");
}

FIXTURE_TEARDOWN(clean_link)
{
}

static void nothing_goes_again(struct __test_metadata *_metadata, int fd[2])
{
	EXPECT_EQ(0, retransmitted(fd[0]));
	EXPECT_EQ(0, retransmitted(fd[1]));
}

TEST_F(clean_link, without_delay)
{
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	ASSERT_TRUE(exchange(self->fd[0], self->fd[1], BYTES, SOON_MS));
	nothing_goes_again(_metadata, self->fd);
}

TEST_F(clean_link, with_a_rate_and_a_long_queue)
{
	hosts_netem(&self->hosts, "delay 20ms rate 50mbit limit 100000");
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	ASSERT_TRUE(exchange(self->fd[0], self->fd[1], BYTES, SOON_MS));
	nothing_goes_again(_metadata, self->fd);
}

/* Tails, each of which could have a probe, between all pairs of clock ticks. */
TEST_F(clean_link, with_pauses)
{
	__u64 pos = 0;
	int k, len;

	hosts_netem(&self->hosts, "delay 1500us limit 10000");
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	for (k = 0; k < 500; k++, pos += len) {
		len = 100 + k * 37 % 5000;
		ASSERT_TRUE(send_stream(self->fd[0], 1, pos, len));
		ASSERT_TRUE(recv_stream(self->fd[1], 1, pos, len));
		usleep(k * 700 % 23000);
	}
	nothing_goes_again(_metadata, self->fd);
}

TEST_HARNESS_MAIN
