// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a connection sets by itself: the send buffer, which follows the
 * congestion window; the receive buffer, which follows what is read in a round
 * trip; and whether small writes wait for each other.
 *
 * Runs with --reproducible on user-mode Linux only, where a link has the rate
 * and the delay that it is given, and one's own work takes no time.
 */
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define MBIT		200
#define RTT_MS		50
/* What is on its way when the link is full. */
#define PIPE		(MBIT * 1000000 / 8 / 1000 * RTT_MS)
#define BYTES		(32 << 20)

FIXTURE(tuning) {
	struct hosts hosts;
	int fd[2];
};

FIXTURE_VARIANT(tuning) {
	enum ends ends;
	enum family fam;
};

FIXTURE_VARIANT_ADD(tuning, tcp_v4) { .ends = TCP_TO_TCP, .fam = V4 };
FIXTURE_VARIANT_ADD(tuning, ferry_v4) { .ends = FERRY_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(tuning, ferry_v6) { .ends = FERRY_TO_FERRY, .fam = V6 };
FIXTURE_VARIANT_ADD(tuning, ferry_to_tcp_v4) {
	.ends = FERRY_TO_TCP, .fam = V4,
};

FIXTURE_VARIANT_ADD(tuning, tcp_to_ferry_v4) {
	.ends = TCP_TO_FERRY, .fam = V4,
};

/* The same on both hosts, over both protocols. */
static void set_buffers(const struct hosts *h, const char *rmem,
			const char *wmem)
{
	int i;

	for (i = 1; i >= 0; i--) {
		hosts_enter(h, i);
		set_sysctls("rmem", rmem);
		set_sysctls("wmem", wmem);
	}
}

FIXTURE_SETUP(tuning)
{
	if (!hosts_make_for(&self->hosts, 1500, variant->ends))
		SKIP(return, "no ferry command here");
	set_buffers(&self->hosts, "4096 131072 8388608", "4096 16384 8388608");
	hosts_netem(&self->hosts, "delay %dms rate %dmbit limit 10000",
		    RTT_MS / 2, MBIT);
}

FIXTURE_TEARDOWN(tuning)
{
}

static int send_all(void *arg)
{
	const int *fd = arg;

	return !send_stream(*fd, 1, 0, BYTES);
}

static bool carry(int fd[2])
{
	pid_t child = spawn(send_all, &fd[0]);

	return recv_stream(fd[1], 1, 0, BYTES) && !reap(child, SOON_MS);
}

static int sndbuf(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_SNDBUF);
}

static int rcvbuf(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_RCVBUF);
}

TEST_F(tuning, buffers_grow_to_what_the_path_holds)
{
	long long start;

	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	EXPECT_GT(PIPE / 4, sndbuf(self->fd[0]));
	EXPECT_GT(PIPE / 4, rcvbuf(self->fd[1]));
	start = now_ms();
	ASSERT_TRUE(carry(self->fd));
	EXPECT_LT(PIPE, sndbuf(self->fd[0]));
	EXPECT_LT(PIPE, rcvbuf(self->fd[1]));
	/* Neither has held the sender up for long. */
	EXPECT_GT(2LL * BYTES * 8 / (MBIT * 1000), now_ms() - start)
		TH_LOG("%s: %lld ms", ends_name(variant->ends),
		       now_ms() - start);
}

TEST_F(tuning, no_farther_than_the_settings)
{
	set_buffers(&self->hosts, "4096 131072 400000", "4096 16384 300000");
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	ASSERT_TRUE(carry(self->fd));
	EXPECT_EQ(300000, sndbuf(self->fd[0]));
	EXPECT_EQ(400000, rcvbuf(self->fd[1]));
}

TEST_F(tuning, what_a_program_sets_stays)
{
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	set_int(self->fd[0], SOL_SOCKET, SO_SNDBUF, 100000);
	set_int(self->fd[1], SOL_SOCKET, SO_RCVBUF, 100000);
	ASSERT_TRUE(carry(self->fd));
	EXPECT_EQ(200000, sndbuf(self->fd[0]));
	EXPECT_EQ(200000, rcvbuf(self->fd[1]));
}

/* Two full segments, and small writes behind them. */
#define SMALL		100
#define WRITES		8

/* In how many segments do they go out? */
static int segments_of_writes(struct __test_metadata *_metadata, int fd[2])
{
	struct tcp_info info;
	int pos = 0, k, size;

	set_int(fd[0], IPPROTO_TCP, TCP_NODELAY, 1);
	for (k = 0; k < 2 + WRITES; k++, pos += size) {
		size = k < 2 ? segment_size(fd[0]) : SMALL;
		EXPECT_TRUE(send_stream(fd[0], 1, pos, size));
		/* What can be delivered is. */
		usleep(1000);
	}
	EXPECT_TRUE(recv_stream(fd[1], 1, 0, pos));
	read_tcp_info(fd[0], &info, sizeof(info));
	return info.tcpi_data_segs_out;
}

/* Nagle's rule or not: they are not late, as what is before them waits. */
TEST_F(tuning, small_writes_wait_for_packets_in_the_queue)
{
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	run("tc qdisc replace dev " LINK
	    " root tbf rate 500kbit burst 2000 limit 1000000");
	EXPECT_EQ(2 + 1, segments_of_writes(_metadata, self->fd));
}

TEST_F(tuning, small_writes_wait_for_nothing_else)
{
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	run("tc qdisc del dev " LINK " root");
	EXPECT_EQ(2 + WRITES, segments_of_writes(_metadata, self->fd));
}

TEST_HARNESS_MAIN
