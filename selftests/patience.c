// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes hours: meant for a machine whose time is virtual
 * (selftests/vm/run --kernel uml --reproducible), where waiting costs nothing.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define HOUR_MS (3600LL * 1000)
/* The longest time between two probes of a closed window, RFC 6298's RTO. */
#define PROBE_MS (120LL * 1000)
#define FOREVER 100000

FIXTURE(patience) {
	struct hosts hosts;
	int fd[2];
	__u64 sent;
	long long start;
};

FIXTURE_VARIANT(patience) {
	enum ends ends;
	enum family fam;
};

FIXTURE_VARIANT_ADD(patience, tcp_v4) { .ends = TCP_TO_TCP, .fam = V4 };
FIXTURE_VARIANT_ADD(patience, ferry_v4) { .ends = FERRY_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(patience, ferry_v6) { .ends = FERRY_TO_FERRY, .fam = V6 };
FIXTURE_VARIANT_ADD(patience, ferry_to_tcp_v4) {
	.ends = FERRY_TO_TCP, .fam = V4,
};

FIXTURE_VARIANT_ADD(patience, tcp_to_ferry_v4) {
	.ends = TCP_TO_FERRY, .fam = V4,
};

static void sleep_ms(long long ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000,
	};

	while (nanosleep(&ts, &ts))
		;
}

/* Send until the socket takes no more for a while, and that is all. */
static __u64 fill(int fd)
{
	unsigned char buf[16384];
	__u64 pos = 0;
	ssize_t n;

	for (;;) {
		stream_fill(1, pos, buf, sizeof(buf));
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			pos += n;
		else if (errno != EAGAIN)
			die("send at byte %llu", (unsigned long long)pos);
		else if (!wait_for(fd, POLLOUT, 5000))
			return pos;
	}
}

/* The receiver has slept for an hour with its window full. */
FIXTURE_SETUP(patience)
{
	if (!hosts_make_for(&self->hosts, 1500, variant->ends))
		SKIP(return, "no ferry command here");
	hosts_netem(&self->hosts, "delay 10ms limit 10000");
	hosts_connect_ends(&self->hosts, variant->fam, variant->ends, self->fd);
	self->sent = fill(self->fd[0]);
	self->start = now_ms();
	sleep_ms(HOUR_MS);
}

FIXTURE_TEARDOWN(patience)
{
}

static bool finish(int from, int to, __u64 got, __u64 sent)
{
	char c;

	return !shutdown(from, SHUT_WR) &&
	       recv_stream(to, 1, got, sent - got) &&
	       wait_for(to, POLLIN, SOON_MS) && !recv(to, &c, 1, 0);
}

TEST_F_TIMEOUT(patience, an_hour_of_a_full_window_loses_nothing, FOREVER)
{
	long long start = now_ms();

	ASSERT_LE(HOUR_MS, start - self->start);
	ASSERT_LT(100000, self->sent);
	ASSERT_TRUE(finish(self->fd[0], self->fd[1], 0, self->sent));
	/* The reader's window update, not a probe, starts it again. */
	EXPECT_GT(5000, now_ms() - start)
		TH_LOG("%lld ms for the rest", now_ms() - start);
}

TEST_F_TIMEOUT(patience, without_the_update_the_next_probe_resumes, FOREVER)
{
	__u64 got = queue_in(self->fd[1]);
	unsigned char buf[65536];
	long long start;
	ssize_t n;
	__u64 pos;

	/* All that is there is read while nothing gets through. */
	hosts_netem(&self->hosts, "loss 100%%");
	for (pos = 0; pos < got; pos += n) {
		n = recv(self->fd[1], buf, sizeof(buf), MSG_DONTWAIT);
		ASSERT_LT(0, n);
		ASSERT_EQ(-1, stream_check(1, pos, buf, n));
	}
	ASSERT_LT(got, self->sent);
	ASSERT_EQ(0, queue_in(self->fd[1]));
	sleep_ms(1000);
	ASSERT_EQ(0, queue_in(self->fd[1]));
	hosts_netem(&self->hosts, "delay 10ms limit 10000");
	start = now_ms();
	ASSERT_NE(0, wait_for(self->fd[1], POLLIN, 2 * PROBE_MS));
	EXPECT_GE(PROBE_MS + 1000, now_ms() - start)
		TH_LOG("%lld ms until the first byte", now_ms() - start);
	ASSERT_TRUE(finish(self->fd[0], self->fd[1], got, self->sent));
}

TEST_HARNESS_MAIN
