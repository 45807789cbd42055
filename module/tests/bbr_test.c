// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cong/bbr.c: a sender that paces over a simulated bottleneck with an
 * endless queue, in virtual time.
 */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "../cong/bbr.h"
#include "../rate.h"

#define MSS		1000
#define STEP_US		100
#define RING		8192	/* most segments in flight */

struct segment {
	u64 ack_us;
	u32 sent_us;
	bool lost;
	struct ferry_rate_tx tx;
};

/**
 * struct pipe - the path and what happened on it
 * @segment_us: script: time that the bottleneck needs for a segment
 * @rtt_us: script: round-trip time without a queue
 * @lose_every: script: every so many segments one is lost, 0: none
 * @app_flight: script: most segments that the application has in flight, 0:
 *	no limit
 * @ca: congestion state
 * @now_us: virtual time
 * @next_us: when pacing lets the next segment go
 * @link_free_us: when the bottleneck has sent all that waits
 * @sent: segments sent
 * @acked: segments that have come back, or been found lost
 * @last_rtt_us: of the last ACK
 * @cwnd_least: the smallest window seen
 * @ring: what is in flight
 */
struct pipe {
	u32 segment_us;
	u32 rtt_us;
	u32 lose_every;
	u32 app_flight;
	struct ferry_cong ca;
	u64 now_us;
	u64 next_us;
	u64 link_free_us;
	u32 sent;
	u32 acked;
	u32 last_rtt_us;
	u32 cwnd_least;
	struct segment ring[RING];
};

static void send_one(struct pipe *pipe)
{
	struct segment *seg = &pipe->ring[pipe->sent % RING];
	struct ferry_cong *ca = &pipe->ca;

	ca->now_us = pipe->now_us;
	if (!ca->packets_out)
		ferry_cong_event(ca, FERRY_CA_EVENT_TX_START);
	ferry_rate_sent(ca, &seg->tx);
	pipe->link_free_us = max(pipe->link_free_us, pipe->now_us) +
			     pipe->segment_us;
	seg->ack_us = pipe->link_free_us + pipe->rtt_us;
	seg->sent_us = pipe->now_us;
	pipe->sent++;
	seg->lost = pipe->lose_every && pipe->sent % pipe->lose_every == 0;
	ca->packets_out++;
	/* Late by a step at most: that is how often we look. */
	pipe->next_us = max(pipe->next_us, pipe->now_us - STEP_US) +
			div64_ul(MSS * USEC_PER_SEC, ca->pacing_rate);
}

static void receive_ack(struct pipe *pipe, const struct segment *seg)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong *ca = &pipe->ca;

	sample.prior_in_flight = ferry_cong_in_flight(ca);
	ca->now_us = seg->ack_us;
	ca->packets_out--;
	pipe->acked++;
	if (seg->lost) {
		ca->lost++;
	} else {
		sample.rtt_us = seg->ack_us - seg->sent_us;
		pipe->last_rtt_us = sample.rtt_us;
		ca->rtt.srtt_us = sample.rtt_us << 3;
		ca->delivered++;
		ferry_rate_delivered(ca, &seg->tx, seg->sent_us, pipe->acked,
				     false, &sample);
	}
	ferry_rate_generate(ca, !seg->lost, seg->lost, pipe->rtt_us, &sample);
	ca->ops->cong_control(ca, &sample);
	pipe->cwnd_least = min(pipe->cwnd_least, ca->snd_cwnd);
}

static void run(struct pipe *pipe, u32 ms)
{
	u64 end_us = pipe->now_us + ms * USEC_PER_MSEC;
	u32 flight;

	for (; pipe->now_us < end_us; pipe->now_us += STEP_US) {
		while (pipe->acked != pipe->sent &&
		       pipe->ring[pipe->acked % RING].ack_us <= pipe->now_us)
			receive_ack(pipe, &pipe->ring[pipe->acked % RING]);
		for (;;) {
			flight = ferry_cong_in_flight(&pipe->ca);
			if (flight >= pipe->ca.snd_cwnd || flight >= RING ||
			    pipe->next_us > pipe->now_us)
				break;
			if (pipe->app_flight && flight >= pipe->app_flight) {
				ferry_rate_app_limited(&pipe->ca);
				break;
			}
			send_one(pipe);
		}
	}
}

/* 10 segments a millisecond and 20 ms: a BDP of 200 segments. */
static struct pipe *start(struct kunit *test)
{
	struct pipe *pipe = kunit_kzalloc(test, sizeof(*pipe), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, !!pipe);
	pipe->segment_us = 100;
	pipe->rtt_us = 20000;
	pipe->now_us = 0xffff0000;
	ferry_cong_init(&pipe->ca, MSS);
	pipe->ca.now_us = pipe->now_us;
	ferry_cong_use(&pipe->ca, test->priv);
	pipe->cwnd_least = ~0U;
	return pipe;
}

static int bbr_test_init(struct kunit *test)
{
	test->priv = (void *)ferry_cong_get("bbr", true);
	KUNIT_ASSERT_TRUE(test, !!test->priv);
	return 0;
}

static void bbr_test_exit(struct kunit *test)
{
	if (test->priv)
		ferry_cong_put(test->priv);
}

/* Segments delivered in so many milliseconds. */
static u32 delivered_in(struct pipe *pipe, u32 ms)
{
	u32 before = pipe->ca.delivered;

	run(pipe, ms);
	return pipe->ca.delivered - before;
}

static void bbr_fills_the_pipe(struct kunit *test)
{
	struct pipe *pipe = start(test);

	KUNIT_EXPECT_TRUE(test, pipe->ca.needs_pacing);
	run(pipe, 1000);
	KUNIT_EXPECT_GE(test, delivered_in(pipe, 1000), 9700U);
}

/* STARTUP doubles in a round trip: full in about ten of them. */
static void bbr_starts_fast(struct kunit *test)
{
	struct pipe *pipe = start(test);

	run(pipe, 250);
	KUNIT_EXPECT_GE(test, delivered_in(pipe, 50), 480U);
}

/* The queue is endless, and stays short: less than a round trip of it. */
static void bbr_keeps_the_queue_short(struct kunit *test)
{
	struct pipe *pipe = start(test);
	u32 i;

	run(pipe, 2000);
	for (i = 0; i < 100; i++) {
		run(pipe, 10);
		KUNIT_EXPECT_LE(test, pipe->last_rtt_us, 2 * pipe->rtt_us);
	}
	KUNIT_EXPECT_LE(test, pipe->ca.snd_cwnd, 3 * 200U);
}

static void bbr_random_loss_is_no_congestion(struct kunit *test)
{
	struct pipe *pipe = start(test);

	pipe->lose_every = 50;
	run(pipe, 2000);
	KUNIT_EXPECT_GE(test, delivered_in(pipe, 1000), 9400U);
}

static void bbr_follows_a_slower_path(struct kunit *test)
{
	struct pipe *pipe = start(test);

	run(pipe, 2000);
	pipe->segment_us = 400;
	run(pipe, 4000);
	KUNIT_EXPECT_GE(test, delivered_in(pipe, 1000), 2400U);
	/* 2.5 million bytes a second */
	KUNIT_EXPECT_LE(test, pipe->ca.pacing_rate, 2500000 * 13 / 10);
}

static void bbr_follows_a_faster_path(struct kunit *test)
{
	struct pipe *pipe = start(test);

	pipe->segment_us = 400;
	run(pipe, 2000);
	pipe->segment_us = 100;
	run(pipe, 3000);
	KUNIT_EXPECT_GE(test, delivered_in(pipe, 1000), 9700U);
}

/* Every ten seconds four segments at a time, and back to the window before. */
static void bbr_probes_the_rtt(struct kunit *test)
{
	struct pipe *pipe = start(test);

	run(pipe, 3000);
	pipe->cwnd_least = ~0U;
	run(pipe, 6000);
	KUNIT_EXPECT_GT(test, pipe->cwnd_least, 100U);
	run(pipe, 6000);
	KUNIT_EXPECT_EQ(test, pipe->cwnd_least, 4U);
	KUNIT_EXPECT_GE(test, delivered_in(pipe, 1000), 9700U);
}

/* An application that pauses for an hour finds no window of four afterwards. */
static void bbr_probe_of_the_rtt_ends_in_a_pause(struct kunit *test)
{
	static const u32 minutes[] = { 1, 35, 36, 40, 70 };
	struct pipe *pipe = start(test);
	struct bbr *bbr = bbr_of(&pipe->ca);
	unsigned int i;

	run(pipe, 3000);
	for (i = 0; i < ARRAY_SIZE(minutes); i++) {
		bbr->mode = BBR_PROBE_RTT;
		bbr->probe_rtt_done_us = (u32)pipe->ca.now_us + 100000;
		pipe->ca.app_limited = 1;
		pipe->ca.now_us += minutes[i] * 60ULL * USEC_PER_SEC;
		ferry_cong_event(&pipe->ca, FERRY_CA_EVENT_TX_START);
		KUNIT_EXPECT_NE_MSG(test, (int)bbr->mode, (int)BBR_PROBE_RTT,
				    "%u minutes", minutes[i]);
	}
}

/* A slow application does not make the path slow. */
static void bbr_application_limited_is_not_the_path(struct kunit *test)
{
	struct pipe *pipe = start(test);
	unsigned long before;

	run(pipe, 3000);
	before = pipe->ca.pacing_rate;
	pipe->app_flight = 10;
	run(pipe, 3000);
	KUNIT_EXPECT_GE(test, pipe->ca.pacing_rate, before * 7 / 10);
}

static struct kunit_case bbr_cases[] = {
	KUNIT_CASE(bbr_fills_the_pipe),
	KUNIT_CASE(bbr_starts_fast),
	KUNIT_CASE(bbr_keeps_the_queue_short),
	KUNIT_CASE(bbr_random_loss_is_no_congestion),
	KUNIT_CASE(bbr_follows_a_slower_path),
	KUNIT_CASE(bbr_follows_a_faster_path),
	KUNIT_CASE(bbr_probes_the_rtt),
	KUNIT_CASE(bbr_probe_of_the_rtt_ends_in_a_pause),
	KUNIT_CASE(bbr_application_limited_is_not_the_path),
	{}
};

static struct kunit_suite bbr_suite = {
	.name = "ferry_bbr",
	.init = bbr_test_init,
	.exit = bbr_test_exit,
	.test_cases = bbr_cases,
};

kunit_test_suites(&bbr_suite);
