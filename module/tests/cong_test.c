// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cong.c and cong/reno.c: the registry, and how a window grows.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../compat.h"
#include "../cong.h"

struct toy {
	u8 area[FERRY_CONG_PRIV_SIZE];
};

static unsigned int released;

static u32 toy_ssthresh(struct ferry_cong *ca)
{
	return 2;
}

static void toy_avoid(struct ferry_cong *ca,
		      const struct ferry_ack_sample *sample)
{
}

/* The private area is clean; the whole of it may be used. */
static void toy_init(struct ferry_cong *ca)
{
	struct toy *toy = ferry_cong_priv(ca, struct toy);

	ca->snd_cwnd = memchr_inv(toy->area, 0, sizeof(toy->area)) ? 666 : 3;
	memset(toy->area, 0xa5, sizeof(toy->area));
}

static void toy_release(struct ferry_cong *ca)
{
	released++;
}

/* Algorithms to register; what a failed test leaves behind is taken away. */
struct shelf {
	struct ferry_cong_ops ops[3];
	bool registered[3];
};

static struct ferry_cong_ops *toy(struct kunit *test, unsigned int which,
				  const char *name)
{
	struct shelf *shelf = test->priv;
	struct ferry_cong_ops *ops = &shelf->ops[which];

	*ops = (struct ferry_cong_ops){
		.ssthresh	= toy_ssthresh,
		.cong_avoid	= toy_avoid,
		.init		= toy_init,
		.release	= toy_release,
		.owner		= THIS_MODULE,
	};
	strscpy(ops->name, name, sizeof(ops->name));
	return ops;
}

static int offer(struct kunit *test, struct ferry_cong_ops *ops)
{
	struct shelf *shelf = test->priv;
	int err = ferry_cong_register(ops);

	if (!err)
		shelf->registered[ops - shelf->ops] = true;
	return err;
}

static void withdraw(struct kunit *test, struct ferry_cong_ops *ops)
{
	struct shelf *shelf = test->priv;

	ferry_cong_unregister(ops);
	shelf->registered[ops - shelf->ops] = false;
}

/* Looks a name up and gives it back at once. */
static bool finds(const char *name, const struct ferry_cong_ops *want)
{
	const struct ferry_cong_ops *found = ferry_cong_get(name, false);

	if (found)
		ferry_cong_put(found);
	return found == want;
}

static int cong_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct shelf), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, test->priv);
	return 0;
}

static void cong_test_exit(struct kunit *test)
{
	struct shelf *shelf = test->priv;
	unsigned int i;

	for (i = 0; shelf && i < ARRAY_SIZE(shelf->ops); i++)
		if (shelf->registered[i])
			ferry_cong_unregister(&shelf->ops[i]);
}

static void cong_register_wants_hooks_and_a_name(struct kunit *test)
{
	struct ferry_cong_ops *ops = toy(test, 0, "kunit_toy");

	ops->ssthresh = NULL;
	KUNIT_EXPECT_EQ(test, offer(test, ops), -EINVAL);
	ops = toy(test, 1, "kunit_toy");
	ops->cong_avoid = NULL;
	KUNIT_EXPECT_EQ(test, offer(test, ops), -EINVAL);
	ops = toy(test, 2, "");
	KUNIT_EXPECT_EQ(test, offer(test, ops), -EINVAL);
	KUNIT_EXPECT_TRUE(test, finds("kunit_toy", NULL));
	KUNIT_EXPECT_TRUE(test, finds("", NULL));
}

static void cong_register_optional_hooks_may_be_missing(struct kunit *test)
{
	struct ferry_cong_ops *ops = toy(test, 0, "kunit_toy");

	ops->init = NULL;
	ops->release = NULL;
	KUNIT_EXPECT_EQ(test, offer(test, ops), 0);
}

static void cong_register_name_only_once(struct kunit *test)
{
	struct ferry_cong_ops *first = toy(test, 0, "kunit_toy");
	struct ferry_cong_ops *other = toy(test, 1, "kunit_toy2");
	struct ferry_cong_ops *second = toy(test, 2, "kunit_toy");

	KUNIT_EXPECT_EQ(test, offer(test, first), 0);
	KUNIT_EXPECT_EQ(test, offer(test, other), 0);
	KUNIT_EXPECT_EQ(test, offer(test, second), -EEXIST);
	KUNIT_EXPECT_TRUE(test, finds("kunit_toy", first));
	KUNIT_EXPECT_EQ(test, ferry_cong_register(first), -EEXIST);
	KUNIT_EXPECT_EQ(test, offer(test, toy(test, 2, "reno")), -EEXIST);
}

static void cong_unregister_frees_the_name(struct kunit *test)
{
	struct ferry_cong_ops *first = toy(test, 0, "kunit_toy");
	struct ferry_cong_ops *second = toy(test, 1, "kunit_toy");

	KUNIT_ASSERT_EQ(test, offer(test, first), 0);
	withdraw(test, first);
	KUNIT_EXPECT_TRUE(test, finds("kunit_toy", NULL));
	KUNIT_EXPECT_EQ(test, offer(test, second), 0);
	KUNIT_EXPECT_TRUE(test, finds("kunit_toy", second));
}

static void cong_get_by_whole_name(struct kunit *test)
{
	struct ferry_cong_ops *longer = toy(test, 0, "reno_kunit");

	KUNIT_EXPECT_EQ(test, offer(test, longer), 0);
	KUNIT_EXPECT_TRUE(test, finds("reno", &ferry_reno));
	KUNIT_EXPECT_TRUE(test, finds("reno_kunit", longer));
	KUNIT_EXPECT_TRUE(test, finds("ren", NULL));
	KUNIT_EXPECT_TRUE(test, finds("reno_kuni", NULL));
	KUNIT_EXPECT_TRUE(test, finds("Reno", NULL));
	KUNIT_EXPECT_TRUE(test, finds("", NULL));
}

#ifdef CONFIG_MODULE_UNLOAD
static void cong_get_holds_the_module(struct kunit *test)
{
	struct ferry_cong_ops *ops = toy(test, 0, "kunit_toy");
	int before = module_refcount(THIS_MODULE);
	const struct ferry_cong_ops *found;

	KUNIT_ASSERT_EQ(test, offer(test, ops), 0);
	found = ferry_cong_get("kunit_toy", false);
	KUNIT_ASSERT_TRUE(test, found == ops);
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before + 1);
	ferry_cong_put(found);
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before);
}

static void cong_release_lets_the_module_go(struct kunit *test)
{
	struct ferry_cong_ops *ops = toy(test, 0, "kunit_toy");
	int before = module_refcount(THIS_MODULE);
	const struct ferry_cong_ops *found;
	struct ferry_cong ca = {};

	KUNIT_ASSERT_EQ(test, offer(test, ops), 0);
	found = ferry_cong_get("kunit_toy", false);
	KUNIT_ASSERT_TRUE(test, found == ops);
	ferry_cong_use(&ca, found);
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before + 1);
	ferry_cong_release(&ca);
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before);
}
#endif

static void cong_use_starts_with_a_clean_area(struct kunit *test)
{
	struct ferry_cong_ops *ops = toy(test, 0, "kunit_toy");
	struct ferry_cong ca;

	memset(&ca, 0x5a, sizeof(ca));
	ferry_cong_use(&ca, ops);
	KUNIT_EXPECT_TRUE(test, ca.ops == ops);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 3U);

	/* The hook is optional. */
	ops->init = NULL;
	ca.snd_cwnd = 17;
	ferry_cong_use(&ca, ops);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 17U);
	KUNIT_EXPECT_TRUE(test, !memchr_inv(ca.priv, 0, sizeof(ca.priv)));
}

static void cong_release_once(struct kunit *test)
{
	struct ferry_cong_ops *ops = toy(test, 0, "kunit_toy");
	struct ferry_cong ca = {};

	/* A connection that never had an algorithm. */
	ferry_cong_release(&ca);

	/* The reference that the release gives back. */
	__module_get(THIS_MODULE);
	released = 0;
	ferry_cong_use(&ca, ops);
	ferry_cong_release(&ca);
	KUNIT_EXPECT_EQ(test, released, 1U);
	KUNIT_EXPECT_TRUE(test, !ca.ops);
	ferry_cong_release(&ca);
	KUNIT_EXPECT_EQ(test, released, 1U);
}

static void start_reno(struct ferry_cong *ca, u32 cwnd, u32 ssthresh)
{
	ferry_cong_init(ca, 1460);
	ferry_cong_use(ca, &ferry_reno);
	ca->snd_cwnd = cwnd;
	ca->snd_ssthresh = ssthresh;
	ca->cwnd_limited = true;
}

static void ack(struct ferry_cong *ca, u32 acked)
{
	struct ferry_ack_sample sample = { .acked_sacked = acked };

	ca->ops->cong_avoid(ca, &sample);
}

static void cong_init_rfc_6928(struct kunit *test)
{
	struct ferry_cong ca;

	memset(&ca, 0xa5, sizeof(ca));
	ferry_cong_init(&ca, 1460);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 10U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd_cnt, 0U);
	KUNIT_EXPECT_EQ(test, ca.mss, 1460U);
	KUNIT_EXPECT_EQ(test, ca.packets_out, 0U);
	KUNIT_EXPECT_EQ(test, ferry_cong_in_flight(&ca), 0U);
	KUNIT_EXPECT_EQ(test, ca.max_packets_out, 0U);
	KUNIT_EXPECT_EQ(test, ferry_cong_srtt_us(&ca), 0U);
	KUNIT_EXPECT_EQ(test, (int)ca.state, (int)FERRY_CA_OPEN);
	KUNIT_EXPECT_FALSE(test, ca.cwnd_limited);
	KUNIT_EXPECT_TRUE(test, ferry_cong_in_slow_start(&ca));
	/* No window is above the threshold. */
	KUNIT_EXPECT_EQ(test, ca.snd_ssthresh, 0x7fffffffU);
}

static void cong_in_flight_counts_the_network(struct kunit *test)
{
	struct ferry_cong ca = {
		.packets_out = 20, .sacked_out = 5, .lost_out = 4,
		.retrans_out = 3,
	};

	KUNIT_EXPECT_EQ(test, ferry_cong_in_flight(&ca), 14U);
}

static void cong_in_slow_start_below_the_threshold(struct kunit *test)
{
	struct ferry_cong ca = { .snd_cwnd = 9, .snd_ssthresh = 10 };

	KUNIT_EXPECT_TRUE(test, ferry_cong_in_slow_start(&ca));
	ca.snd_cwnd = 10;
	KUNIT_EXPECT_FALSE(test, ferry_cong_in_slow_start(&ca));
	ca.snd_cwnd = 11;
	KUNIT_EXPECT_FALSE(test, ferry_cong_in_slow_start(&ca));
}

/* Sequence numbers run over 2^32 on the way. */
static void cong_usage_remembers_for_a_window_of_data(struct kunit *test)
{
	struct ferry_cong ca = { .usage_seq = 0xfffffff0 };
	u32 start = 0xfffffff0;

	ca.packets_out = 8;
	ferry_cong_usage(&ca, start, start + 80, true);
	KUNIT_EXPECT_TRUE(test, ca.cwnd_limited);
	KUNIT_EXPECT_EQ(test, ca.max_packets_out, 8U);
	KUNIT_EXPECT_EQ(test, ca.usage_seq, start + 80);

	/* Less used within the same window of data: not yet forgotten. */
	ca.packets_out = 2;
	ferry_cong_usage(&ca, start + 70, start + 90, false);
	KUNIT_EXPECT_TRUE(test, ca.cwnd_limited);
	KUNIT_EXPECT_EQ(test, ca.max_packets_out, 8U);

	/* More used counts at once. */
	ca.packets_out = 9;
	ferry_cong_usage(&ca, start + 75, start + 100, true);
	KUNIT_EXPECT_EQ(test, ca.max_packets_out, 9U);
	KUNIT_EXPECT_EQ(test, ca.usage_seq, start + 100);

	/* The window of data is over: a new judgment. */
	ca.packets_out = 1;
	ferry_cong_usage(&ca, start + 100, start + 110, false);
	KUNIT_EXPECT_FALSE(test, ca.cwnd_limited);
	KUNIT_EXPECT_EQ(test, ca.max_packets_out, 1U);
	KUNIT_EXPECT_EQ(test, ca.usage_seq, start + 110);

	/* Being limited counts at once, too. */
	ferry_cong_usage(&ca, start + 101, start + 120, true);
	KUNIT_EXPECT_TRUE(test, ca.cwnd_limited);
	KUNIT_EXPECT_EQ(test, ca.usage_seq, start + 120);

	/* Not limited, but more packets than when it was: that was full. */
	ca.packets_out = 5;
	ferry_cong_usage(&ca, start + 102, start + 130, false);
	KUNIT_EXPECT_TRUE(test, ca.cwnd_limited);
	KUNIT_EXPECT_EQ(test, ca.max_packets_out, 1U);
}

static void cong_is_limited_half_a_window_in_slow_start(struct kunit *test)
{
	struct ferry_cong ca = { .snd_cwnd = 20, .snd_ssthresh = 100 };

	ca.max_packets_out = 10;
	KUNIT_EXPECT_FALSE(test, ferry_cong_is_limited(&ca));
	ca.max_packets_out = 11;
	KUNIT_EXPECT_TRUE(test, ferry_cong_is_limited(&ca));
	/* In congestion avoidance only a full window counts. */
	ca.snd_ssthresh = 20;
	ca.max_packets_out = 19;
	KUNIT_EXPECT_FALSE(test, ferry_cong_is_limited(&ca));
	ca.cwnd_limited = true;
	KUNIT_EXPECT_TRUE(test, ferry_cong_is_limited(&ca));
}

static void cong_slow_start_stops_at_the_threshold(struct kunit *test)
{
	struct ferry_cong ca = {
		.snd_cwnd = 10, .snd_ssthresh = 25,
	};

	KUNIT_EXPECT_EQ(test, ferry_cong_slow_start(&ca, 10), 0U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 20U);
	KUNIT_EXPECT_EQ(test, ferry_cong_slow_start(&ca, 8), 3U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 25U);
}

static void cong_avoid_ai_one_for_every_w(struct kunit *test)
{
	struct ferry_cong ca = { .snd_cwnd = 10 };

	ferry_cong_avoid_ai(&ca, 10, 9);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 10U);
	ferry_cong_avoid_ai(&ca, 10, 1);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 11U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd_cnt, 0U);
	/* One ACK for many segments: nothing is lost in the division. */
	ferry_cong_avoid_ai(&ca, 10, 37);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 14U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd_cnt, 7U);
}

/* RFC 5681, equation 4 */
static void reno_ssthresh_half_but_two(struct kunit *test)
{
	static const u32 want[][2] = {
		{ 1, 2 }, { 2, 2 }, { 3, 2 }, { 4, 2 }, { 5, 2 }, { 6, 3 },
		{ 10, 5 }, { 21, 10 }, { 100000, 50000 },
	};
	struct ferry_cong ca;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		start_reno(&ca, want[i][0], 100);
		KUNIT_EXPECT_EQ_MSG(test, ca.ops->ssthresh(&ca), want[i][1],
				    "window %u", want[i][0]);
		KUNIT_EXPECT_EQ(test, ca.snd_cwnd, want[i][0]);
	}
}

/* 7.5 segments are 7, and one more after half a window of ACKs. */
static void reno_half_of_an_odd_window(struct kunit *test)
{
	struct ferry_cong ca;

	start_reno(&ca, 15, 15);
	ca.snd_cwnd = ca.ops->ssthresh(&ca);
	ca.snd_ssthresh = ca.snd_cwnd;
	ack(&ca, 3);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 7U);
	ack(&ca, 1);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 8U);

	start_reno(&ca, 14, 14);
	ca.snd_cwnd = ca.ops->ssthresh(&ca);
	ca.snd_ssthresh = ca.snd_cwnd;
	ack(&ca, 6);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 7U);
}

/* A window of ACKs doubles the window: 10, 20, 40 ... */
static void reno_slow_start_doubles(struct kunit *test)
{
	struct ferry_cong ca;
	u32 round, i, window = 10;

	start_reno(&ca, 10, FERRY_SSTHRESH_MAX);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < window; i++)
			ack(&ca, 1);
		window *= 2;
		KUNIT_EXPECT_EQ(test, ca.snd_cwnd, window);
	}
}

/* How the ACKs are bundled makes no difference. */
static void reno_slow_start_counts_segments_not_acks(struct kunit *test)
{
	struct ferry_cong ca;

	start_reno(&ca, 10, FERRY_SSTHRESH_MAX);
	ack(&ca, 10);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 20U);
	ack(&ca, 2);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 22U);
}

/* A window of ACKs adds one segment: 20, 21, 22 ... */
static void reno_additive_increase_one_per_round_trip(struct kunit *test)
{
	struct ferry_cong ca;
	u32 round, i;

	start_reno(&ca, 20, 20);
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 20 + round; i++) {
			KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 20 + round);
			ack(&ca, 1);
		}
	}
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 120U);
}

/*
 * Window 18, threshold 20: of 22 segments acknowledged at once 2 take it to
 * the threshold, and the other 20 add one.
 */
static void reno_ack_across_the_threshold(struct kunit *test)
{
	struct ferry_cong ca;

	start_reno(&ca, 18, 20);
	ack(&ca, 22);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 21U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd_cnt, 0U);

	start_reno(&ca, 18, 20);
	ack(&ca, 2);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 20U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd_cnt, 0U);
}

static void reno_application_limited_does_not_grow(struct kunit *test)
{
	struct ferry_cong ca;
	u32 i;

	start_reno(&ca, 20, 20);
	ca.cwnd_limited = false;
	ca.max_packets_out = 10;
	for (i = 0; i < 1000; i++)
		ack(&ca, 10);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 20U);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd_cnt, 0U);

	/* In slow start up to twice of what is used. */
	start_reno(&ca, 4, FERRY_SSTHRESH_MAX);
	ca.cwnd_limited = false;
	ca.max_packets_out = 10;
	for (i = 0; i < 1000; i++)
		ack(&ca, 1);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 20U);
}

/* RFC 5681 section 4.1, RFC 2861: halved for each RTO, and remembered. */
static void cong_restart_after_idle(struct kunit *test)
{
	static const struct {
		u32 cwnd, ssthresh, rtos, want_cwnd, want_ssthresh;
	} rows[] = {
		{ 100, 40, 1, 50, 75 },
		{ 100, 90, 2, 25, 90 },
		{ 100, 40, 4, FERRY_INIT_CWND, 75 },
		{ 100, 40, 1000, FERRY_INIT_CWND, 75 },
		{ 4, 2, 3, 4, 3 },
	};
	struct ferry_cong ca;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start_reno(&ca, rows[i].cwnd, rows[i].ssthresh);
		ferry_cong_restart(&ca, rows[i].rtos, FERRY_INIT_CWND);
		KUNIT_EXPECT_EQ(test, ca.snd_cwnd, rows[i].want_cwnd);
		KUNIT_EXPECT_EQ(test, ca.snd_ssthresh, rows[i].want_ssthresh);
		KUNIT_EXPECT_FALSE(test, ferry_cong_is_limited(&ca));
	}
}

static struct kunit_case cong_cases[] = {
	KUNIT_CASE(cong_register_wants_hooks_and_a_name),
	KUNIT_CASE(cong_register_optional_hooks_may_be_missing),
	KUNIT_CASE(cong_register_name_only_once),
	KUNIT_CASE(cong_unregister_frees_the_name),
	KUNIT_CASE(cong_get_by_whole_name),
#ifdef CONFIG_MODULE_UNLOAD
	KUNIT_CASE(cong_get_holds_the_module),
	KUNIT_CASE(cong_release_lets_the_module_go),
#endif
	KUNIT_CASE(cong_use_starts_with_a_clean_area),
	KUNIT_CASE(cong_release_once),
	KUNIT_CASE(cong_init_rfc_6928),
	KUNIT_CASE(cong_in_flight_counts_the_network),
	KUNIT_CASE(cong_in_slow_start_below_the_threshold),
	KUNIT_CASE(cong_usage_remembers_for_a_window_of_data),
	KUNIT_CASE(cong_is_limited_half_a_window_in_slow_start),
	KUNIT_CASE(cong_slow_start_stops_at_the_threshold),
	KUNIT_CASE(cong_avoid_ai_one_for_every_w),
	KUNIT_CASE(cong_restart_after_idle),
	KUNIT_CASE(reno_ssthresh_half_but_two),
	KUNIT_CASE(reno_half_of_an_odd_window),
	KUNIT_CASE(reno_slow_start_doubles),
	KUNIT_CASE(reno_slow_start_counts_segments_not_acks),
	KUNIT_CASE(reno_additive_increase_one_per_round_trip),
	KUNIT_CASE(reno_ack_across_the_threshold),
	KUNIT_CASE(reno_application_limited_does_not_grow),
	{}
};

static struct kunit_suite cong_suite = {
	.name = "ferry_cong",
	.init = cong_test_init,
	.exit = cong_test_exit,
	.test_cases = cong_cases,
};

kunit_test_suites(&cong_suite);
