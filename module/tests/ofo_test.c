// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of ofo.c: the queue beyond a hole and the SACK blocks that tell of it.
 *
 * The reference is a map with one mark for each sequence number: which have
 * come is seen at a glance, and so are the runs and what comes twice.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../ferry.h"

#define SPACE	200U	/* sequence numbers that a test uses */

struct model {
	struct ferry_ofo q;
	u32 base;		/* sequence number of the map's first mark */
	bool here[SPACE];
	u32 order[FERRY_SACK_BLOCKS_MAX];	/* runs, the latest first */
	unsigned int runs;
	struct rnd_state rnd;
};

static void model_init(struct model *m, u32 base, u64 seed)
{
	memset(m, 0, sizeof(*m));
	m->base = base;
	prandom_seed_state(&m->rnd, seed);
}

static u32 below(struct model *m, u32 bound)
{
	return prandom_u32_state(&m->rnd) % bound;
}

static void model_exit(struct model *m)
{
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&m->q.tree))) {
		ferry_ofo_take_first(&m->q, skb);
		kfree_skb(skb);
	}
}

static u32 run_begin(const struct model *m, u32 at)
{
	while (at && m->here[at - 1])
		at--;
	return at;
}

static u32 run_end(const struct model *m, u32 at)
{
	while (at < SPACE && m->here[at])
		at++;
	return at;
}

/* The run with @at in it has changed. */
static void model_changed(struct model *m, u32 at)
{
	u32 start = run_begin(m, at), end = run_end(m, at);
	u32 order[FERRY_SACK_BLOCKS_MAX] = { start };
	unsigned int i, n = 1;

	for (i = 0; i < m->runs && n < ARRAY_SIZE(order); i++) {
		if (m->order[i] < start || m->order[i] >= end)
			order[n++] = m->order[i];
	}
	memcpy(m->order, order, sizeof(order));
	m->runs = n;
}

static bool among_latest(const struct model *m, u32 start)
{
	unsigned int i;

	for (i = 0; i < m->runs; i++) {
		if (m->order[i] == start)
			return true;
	}
	return false;
}

/* What of the marks from @start to @end has come, the first stretch of it. */
static struct ferry_sack_block model_twice(const struct model *m, u32 start,
					   u32 end)
{
	struct ferry_sack_block d;

	while (start < end && !m->here[start])
		start++;
	d.start = m->base + start;
	while (start < end && m->here[start])
		start++;
	d.end = m->base + start;
	return d;
}

static struct sk_buff *segment(struct kunit *test, u32 seq, u32 end_seq)
{
	struct sk_buff *skb = alloc_skb(0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	FERRY_SKB_CB(skb)->seq = seq;
	FERRY_SKB_CB(skb)->end_seq = end_seq;
	return skb;
}

/* False after a failure. */
static bool insert(struct kunit *test, struct model *m, u32 start, u32 end)
{
	struct ferry_sack_block d = model_twice(m, start, end), got;
	struct sk_buff *skb, *last = m->q.last;
	struct sk_buff_head covered;
	bool news;
	u32 i;

	memset(&m->q.duplicate, 0, sizeof(m->q.duplicate));
	news = false;
	for (i = start; i < end; i++)
		news |= !m->here[i];
	if (last && FERRY_SKB_CB(last)->end_seq == m->base + start &&
	    below(m, 2)) {
		/* As if the data were appended to the last one's. */
		FERRY_SKB_CB(last)->end_seq = m->base + end;
		ferry_ofo_grown(&m->q);
	} else {
		skb = segment(test, m->base + start, m->base + end);
		__skb_queue_head_init(&covered);
		if (ferry_ofo_insert(&m->q, skb, &covered) != news) {
			KUNIT_FAIL(test, "%u to %u: news %d", start, end, news);
			return false;
		}
		if (!news)
			kfree_skb(skb);
		__skb_queue_purge(&covered);
	}
	for (i = start; i < end; i++)
		m->here[i] = true;
	if (news || among_latest(m, run_begin(m, start)))
		model_changed(m, start);

	got = m->q.duplicate;
	if ((d.start == d.end && got.start == got.end) ||
	    (d.start == got.start && d.end == got.end))
		return true;
	KUNIT_FAIL(test, "duplicate %u to %u, not %u to %u", got.start,
		   got.end, d.start, d.end);
	return false;
}

static bool blocks_right(struct kunit *test, struct model *m)
{
	struct ferry_sack_block got[FERRY_SACK_BLOCKS_MAX];
	unsigned int i, n, want = 0;

	memset(&m->q.duplicate, 0, sizeof(m->q.duplicate));
	n = ferry_ofo_blocks(&m->q, got);
	for (i = 0; i < m->runs; i++) {
		u32 start = m->order[i];

		/* It may have gone. */
		if (!m->here[start] || run_begin(m, start) != start)
			continue;
		if (want >= n || got[want].start != m->base + start ||
		    got[want].end != m->base + run_end(m, start)) {
			KUNIT_FAIL(test, "block %u of %u", want, n);
			return false;
		}
		want++;
	}
	if (n == want)
		return true;
	KUNIT_FAIL(test, "%u blocks, not %u", n, want);
	return false;
}

/* Segments lie in order, none within another. */
static bool tree_right(struct kunit *test, struct model *m)
{
	struct ferry_skb_cb *cb, *next_cb;
	struct sk_buff *skb, *next;

	for (skb = skb_rb_first(&m->q.tree); skb; skb = next) {
		next = skb_rb_next(skb);
		if (!next)
			break;
		cb = FERRY_SKB_CB(skb);
		next_cb = FERRY_SKB_CB(next);
		if (!seq_before(cb->seq, next_cb->seq) ||
		    !seq_before(cb->end_seq, next_cb->end_seq)) {
			KUNIT_FAIL(test, "%u to %u, then %u to %u", cb->seq,
				   cb->end_seq, next_cb->seq, next_cb->end_seq);
			return false;
		}
	}
	if (skb == m->q.last)
		return true;
	KUNIT_FAIL(test, "the last is another one");
	return false;
}

/* The hole in front is filled: the first run goes. */
static void take_first_run(struct model *m)
{
	struct sk_buff *skb = skb_rb_first(&m->q.tree);
	u32 at, end;

	if (!skb)
		return;
	at = FERRY_SKB_CB(skb)->seq - m->base;
	end = run_end(m, at);
	while ((skb = skb_rb_first(&m->q.tree)) &&
	       FERRY_SKB_CB(skb)->seq - m->base < end) {
		ferry_ofo_take_first(&m->q, skb);
		kfree_skb(skb);
	}
	memset(m->here + at, 0, end - at);
}

/* Memory is short: the last segment goes. */
static void take_last(struct model *m)
{
	struct sk_buff *skb;
	u32 kept = 0;

	if (ferry_ofo_empty(&m->q))
		return;
	skb = ferry_ofo_take_last(&m->q);
	if (m->q.last)
		kept = FERRY_SKB_CB(m->q.last)->end_seq - m->base;
	memset(m->here + kept, 0, SPACE - kept);
	kfree_skb(skb);
}

static void ofo_as_the_map_says(struct kunit *test)
{
	/* In steps of ten few segments overlap; in steps of one most do. */
	static const u32 grain[] = { 1, 3, 10, 20 };
	static const u32 base[] = { 1000, U32_MAX - SPACE / 2, 1U << 31 };
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int round, step;
	bool good = true;
	u32 g, start, n;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (round = 0; round < 600 && good; round++) {
		g = grain[round % ARRAY_SIZE(grain)];
		model_init(m, base[round % ARRAY_SIZE(base)], round);
		for (step = 0; step < 60 && good; step++) {
			switch (below(m, 12)) {
			case 0:
				take_first_run(m);
				break;
			case 1:
				take_last(m);
				break;
			default:
				start = below(m, SPACE / g - 5) * g;
				n = (1 + below(m, 4)) * g;
				good = insert(test, m, start, start + n);
			}
			good = good && tree_right(test, m) &&
			       blocks_right(test, m);
		}
		model_exit(m);
	}
}

/* The example of RFC 2018 section 4, case 3: every other one is lost. */
static void ofo_latest_first(struct kunit *test)
{
	struct ferry_sack_block got[FERRY_SACK_BLOCKS_MAX];
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i, n;

	KUNIT_ASSERT_NOT_NULL(test, m);
	model_init(m, 5000, 1);
	for (i = 1; i <= 9; i += 2) {
		insert(test, m, i * 10, i * 10 + 10);
		n = ferry_ofo_blocks(&m->q, got);
		KUNIT_EXPECT_EQ(test, n, min_t(unsigned int, i / 2 + 1, 4));
		KUNIT_EXPECT_EQ(test, got[0].start, 5000 + i * 10);
		KUNIT_EXPECT_EQ(test, got[0].end, 5010 + i * 10);
		KUNIT_EXPECT_EQ(test, got[n - 1].start,
				5000 + (i - 2 * (n - 1)) * 10);
	}
	/* The gap between the first two goes: they are one, and the latest. */
	insert(test, m, 20, 30);
	n = ferry_ofo_blocks(&m->q, got);
	KUNIT_EXPECT_EQ(test, got[0].start, 5010U);
	KUNIT_EXPECT_EQ(test, got[0].end, 5040U);
	KUNIT_EXPECT_EQ(test, got[1].start, 5090U);
	model_exit(m);
}

/* RFC 2883 section 4: told once, before the others, and one range only. */
static void ofo_duplicate_first(struct kunit *test)
{
	struct ferry_sack_block got[FERRY_SACK_BLOCKS_MAX];
	struct ferry_ofo q = {};

	KUNIT_EXPECT_FALSE(test, ferry_ofo_has_blocks(&q));
	KUNIT_EXPECT_EQ(test, ferry_ofo_blocks(&q, got), 0U);
	ferry_ofo_duplicate(&q, 100, 200);
	ferry_ofo_duplicate(&q, 200, 300);
	ferry_ofo_duplicate(&q, 400, 500);
	KUNIT_EXPECT_TRUE(test, ferry_ofo_has_blocks(&q));
	KUNIT_ASSERT_EQ(test, ferry_ofo_blocks(&q, got), 1U);
	KUNIT_EXPECT_EQ(test, got[0].start, 100U);
	KUNIT_EXPECT_EQ(test, got[0].end, 300U);
}

static struct kunit_case ofo_cases[] = {
	KUNIT_CASE(ofo_as_the_map_says),
	KUNIT_CASE(ofo_latest_first),
	KUNIT_CASE(ofo_duplicate_first),
	{}
};

static struct kunit_suite ofo_suite = {
	.name = "ferry_ofo",
	.test_cases = ofo_cases,
};

kunit_test_suites(&ofo_suite);
