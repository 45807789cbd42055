// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulated link, see simlink.h.
 *
 * After every event the counters that the pure logic works on are compared
 * with the pieces on the scoreboard, and those with what the receiver has; the
 * first difference stops the run.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "../compat.h"
#include "../segment.h"
#include "simlink.h"

/* No script takes longer, even if it loses every other segment. */
#define SIMLINK_TIME_MAX_US	(24 * 3600ULL * 1000000)

/**
 * simlink_seq() - the sequence number of a segment
 * @sim: the link
 * @segment: which segment
 *
 * Return: sequence number of its first byte.
 */
u32 simlink_seq(const struct simlink *sim, u32 segment)
{
	return sim->isn + segment * SIMLINK_MSS;
}

static u32 segment_of(const struct simlink *sim, u32 seq)
{
	return (seq - sim->isn) / SIMLINK_MSS;
}

/**
 * simlink_init() - a link of 10 ms each way without loss, NewReno and Reno
 * @sim: the link; what it was used for before is forgotten
 * @segments: how many segments to transfer
 */
void simlink_init(struct simlink *sim, u32 segments)
{
	unsigned int i;

	memset(sim, 0, sizeof(*sim));
	sim->segments = segments;
	sim->tx_us = 100;
	sim->delay_us = 10000;
	sim->gso = 1;
	sim->isn = 1;

	ferry_recovery_init(&sim->rec);
	ferry_cong_init(&sim->ca, SIMLINK_MSS);
	ferry_cong_use(&sim->ca, &ferry_reno);

	INIT_LIST_HEAD(&sim->pending);
	INIT_LIST_HEAD(&sim->unused);
	for (i = 0; i < SIMLINK_EVENTS; i++)
		list_add_tail(&sim->events[i].list, &sim->unused);
}

static void break_rule(struct simlink *sim, const char *rule)
{
	if (!sim->broken)
		sim->broken = rule;
}

static struct simlink_event *schedule_event(struct simlink *sim, u64 time_us,
					    bool is_ack, u32 number)
{
	struct simlink_event *event, *earlier;

	event = list_first_entry_or_null(&sim->unused, struct simlink_event,
					 list);
	if (!event) {
		break_rule(sim, "too much on its way");
		return NULL;
	}
	event->time_us = time_us;
	event->is_ack = is_ack;
	event->number = number;
	event->n = 0;

	/* Events of the same time stay in the order in which they came up. */
	list_for_each_entry_reverse(earlier, &sim->pending, list)
		if (earlier->time_us <= time_us)
			break;
	list_move(&event->list, &earlier->list);
	return event;
}

static u32 now_ms(const struct simlink *sim)
{
	return div_u64(sim->now_us, USEC_PER_MSEC);
}

static void link_send(struct simlink *sim, u32 tx, u32 segment)
{
	u64 start_us = max(sim->now_us, sim->link_free_us);
	struct simlink_event *event;
	u64 arrival_us;
	int copies;

	if (sim->queue &&
	    start_us - sim->now_us >= (u64)sim->queue * sim->tx_us)
		return;
	sim->link_free_us = start_us + sim->tx_us;
	if (test_bit(tx, sim->drop))
		return;
	arrival_us = sim->link_free_us + sim->delay_us;
	if (test_bit(tx, sim->late))
		arrival_us += sim->late_us;
	for (copies = test_bit(tx, sim->twice) ? 2 : 1; copies; copies--) {
		event = schedule_event(sim, arrival_us, false, segment);
		if (event)
			event->ts_ms = now_ms(sim);
	}
}

/* The run of segments that the receiver has around one that it has. */
static struct ferry_sack_block block_around(const struct simlink *sim,
					    u32 segment)
{
	u32 end = segment + 1;

	while (segment > sim->rcv_nxt && test_bit(segment - 1, sim->got))
		segment--;
	while (end < sim->segments && test_bit(end, sim->got))
		end++;
	return (struct ferry_sack_block){ simlink_seq(sim, segment),
					  simlink_seq(sim, end) };
}

/* RFC 2018 section 4, RFC 2883 section 4 */
static void write_blocks(struct simlink *sim, struct simlink_event *ack,
			 u32 segment, bool again)
{
	u32 i, first = 0;

	if (!sim->sack || sim->no_blocks)
		return;
	if (again) {
		ack->blocks[0].start = simlink_seq(sim, segment);
		ack->blocks[0].end = simlink_seq(sim, segment + 1);
		ack->n = 1;
		first = 1;
	}
	if (segment > sim->rcv_nxt) {
		for (i = 0; i < SIMLINK_BLOCKS - 1; i++)
			if (sim->recent[i] == segment)
				break;
		for (; i; i--)
			sim->recent[i] = sim->recent[i - 1];
		sim->recent[0] = segment;
	}
	for (i = 0; i < SIMLINK_BLOCKS; i++) {
		struct ferry_sack_block b;
		u32 k;

		if (sim->recent[i] <= sim->rcv_nxt ||
		    !test_bit(sim->recent[i], sim->got))
			continue;
		b = block_around(sim, sim->recent[i]);
		for (k = first; k < ack->n; k++)
			if (ack->blocks[k].start == b.start)
				break;
		if (k == ack->n && k < SIMLINK_BLOCKS)
			ack->blocks[ack->n++] = b;
	}
}

static void renege(struct simlink *sim)
{
	u32 i;

	for (i = sim->rcv_nxt; i < sim->segments; i++)
		__clear_bit(i, sim->got);
	memset(sim->recent, 0, sizeof(sim->recent));
}

static void receive_segment(struct simlink *sim, u32 segment, u32 ts_ms)
{
	bool again = test_bit(segment, sim->got) || segment < sim->rcv_nxt;
	struct simlink_event *event;
	u64 arrival_us = sim->now_us + sim->delay_us;
	u32 ack = sim->acks++;
	int copies;

	if (again)
		sim->needless++;
	/* RFC 7323 section 4.3, every segment being acknowledged at once */
	if (segment <= sim->rcv_nxt)
		sim->ts_recent = max(sim->ts_recent, ts_ms);
	__set_bit(segment, sim->got);
	while (sim->rcv_nxt < sim->segments &&
	       test_bit(sim->rcv_nxt, sim->got))
		sim->rcv_nxt++;
	if (++sim->received == sim->renege_at)
		renege(sim);

	if (ack >= SIMLINK_LOG) {
		break_rule(sim, "too many ACKs");
		return;
	}
	if (test_bit(ack, sim->ack_late))
		arrival_us += sim->late_us;
	copies = !test_bit(ack, sim->ack_drop) + test_bit(ack, sim->ack_twice);
	for (; copies; copies--) {
		event = schedule_event(sim, arrival_us, true, sim->rcv_nxt);
		if (!event)
			return;
		event->ts_ms = sim->ts_recent;
		write_blocks(sim, event, segment, again);
	}
}

static u32 rto_us(const struct simlink *sim)
{
	return ferry_rtt_backoff(&sim->ca.rtt, FERRY_RTO_MIN_US, sim->backoff);
}

static void set_timer(struct simlink *sim, enum simlink_timer timer, u32 us)
{
	sim->timer = timer;
	sim->timer_us = sim->now_us + us;
}

static void rearm_rto(struct simlink *sim)
{
	if (sim->ca.packets_out)
		set_timer(sim, SIMLINK_TIMER_RTO, rto_us(sim));
	else
		sim->timer = SIMLINK_TIMER_NONE;
}

/* The RTO counts from when the first segment was sent. */
static u32 rto_left(const struct simlink *sim)
{
	const struct sk_buff *skb = skb_rb_first(&sim->rec.queue);
	s32 left = rto_us(sim);

	if (skb)
		left -= (s32)((u32)sim->now_us - FERRY_SKB_CB(skb)->sent_us);
	return max(left, 1);
}

static void resume_rto(struct simlink *sim)
{
	if (sim->ca.packets_out)
		set_timer(sim, SIMLINK_TIMER_RTO, rto_left(sim));
	else
		sim->timer = SIMLINK_TIMER_NONE;
}

static void rearm_loss_timer(struct simlink *sim, bool progress)
{
	u32 tlp = ferry_tlp_timeout(&sim->rec, &sim->ca, sim->sack,
				    FERRY_RTO_MIN_US);

	if (tlp)
		set_timer(sim, SIMLINK_TIMER_TLP,
			  min(tlp, progress ? rto_us(sim) : rto_left(sim)));
	else if (progress && (sim->timer == SIMLINK_TIMER_REO ||
			      sim->timer == SIMLINK_TIMER_TLP))
		resume_rto(sim);
	else if (progress)
		rearm_rto(sim);
}

static struct sk_buff *cut(struct ferry_recovery *rec, struct sk_buff *skb,
			   u32 len)
{
	struct sk_buff *rest = alloc_skb(0, GFP_KERNEL);

	if (!rest)
		return NULL;
	*FERRY_SKB_CB(rest) = *FERRY_SKB_CB(skb);
	FERRY_SKB_CB(rest)->seq += len;
	FERRY_SKB_CB(skb)->end_seq = FERRY_SKB_CB(rest)->seq;
	rest->len = skb->len - len;
	skb->len = len;
	return rest;
}

static void drop_piece(struct ferry_recovery *rec, struct sk_buff *skb)
{
	skb->len = 0;
	kfree_skb(skb);
}

/* Memory for the pieces on the scoreboard. */
const struct ferry_recovery_ops simlink_ops = {
	.cut	= cut,
	.free	= drop_piece,
};

static u32 snd_una(const struct simlink *sim)
{
	return simlink_seq(sim, sim->una);
}

static u32 snd_nxt(const struct simlink *sim)
{
	return simlink_seq(sim, sim->nxt);
}

/* Hand a piece to the link, one segment after the other. */
static void transmit(struct simlink *sim, struct sk_buff *skb, bool again)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 segment = segment_of(sim, cb->seq), tx;

	sim->ca.now_us = sim->now_us;
	cb->sent_us = sim->now_us;
	ferry_rate_sent(&sim->ca, &cb->tx);
	for (; seq_before(simlink_seq(sim, segment), cb->end_seq); segment++) {
		tx = sim->txs;
		if (tx >= SIMLINK_LOG) {
			break_rule(sim, "too many transmissions");
			return;
		}
		sim->log[tx].time_us = sim->now_us;
		sim->log[tx].segment = segment;
		sim->log[tx].again = again;
		sim->txs++;
		link_send(sim, tx, segment);
	}
	sim->rec.prr_out += cb->segs;
}

static bool send_new(struct simlink *sim, u32 segs)
{
	struct sk_buff *skb;
	struct ferry_skb_cb *cb;

	segs = min3(segs, sim->segments - sim->nxt, sim->gso);
	if (sim->app_limit)
		segs = min(segs, sim->app_limit -
				 min(sim->app_limit, sim->ca.packets_out));
	skb = segs ? alloc_skb(0, GFP_KERNEL) : NULL;
	if (!skb)
		return false;
	skb->len = segs * SIMLINK_MSS;
	cb = FERRY_SKB_CB(skb);
	cb->seq = snd_nxt(sim);
	cb->end_seq = cb->seq + skb->len;
	cb->mss = SIMLINK_MSS;
	cb->segs = segs;
	transmit(sim, skb, false);
	ferry_board_insert(&sim->rec, skb);
	sim->nxt += segs;
	sim->ca.packets_out += segs;
	if (sim->timer == SIMLINK_TIMER_NONE)
		rearm_rto(sim);
	return true;
}

static void send_what_fits(struct simlink *sim)
{
	u32 before = sim->txs, flight;

	while (!sim->broken) {
		flight = ferry_cong_in_flight(&sim->ca);
		if (flight >= sim->ca.snd_cwnd ||
		    !send_new(sim, sim->ca.snd_cwnd - flight))
			break;
	}
	if (sim->txs == before)
		return;
	ferry_cong_usage(&sim->ca, snd_una(sim), snd_nxt(sim),
			 ferry_cong_in_flight(&sim->ca) >= sim->ca.snd_cwnd);
	rearm_loss_timer(sim, false);
}

/* Cut off what has been acknowledged; returns what is left of the piece. */
static struct sk_buff *trim_acked(struct simlink *sim, struct sk_buff *skb)
{
	u32 acked = snd_una(sim) - FERRY_SKB_CB(skb)->seq;
	struct sk_buff *rest;

	if ((s32)acked <= 0)
		return skb;
	rest = ferry_board_cut(&sim->rec, &sim->ca, &simlink_ops, snd_una(sim),
			       skb, acked);
	if (!rest)
		return NULL;
	ferry_board_remove(&sim->rec, skb);
	drop_piece(&sim->rec, skb);
	return rest;
}

/* Send a piece again, at most so many segments of it. */
static bool retransmit(struct simlink *sim, struct sk_buff *skb, u32 segs)
{
	skb = trim_acked(sim, skb);
	if (!skb)
		return false;
	if (skb->len > segs * SIMLINK_MSS &&
	    !ferry_board_cut(&sim->rec, &sim->ca, &simlink_ops, snd_una(sim), skb,
			     segs * SIMLINK_MSS))
		return false;
	transmit(sim, skb, true);
	ferry_board_sent_again(&sim->rec, &sim->ca, skb);
	ferry_undo_sent_again(&sim->rec, FERRY_SKB_CB(skb)->segs, now_ms(sim));
	sim->retransmissions += FERRY_SKB_CB(skb)->segs;
	return true;
}

static void retransmit_lost(struct simlink *sim)
{
	struct ferry_cong *ca = &sim->ca;
	bool head = false;
	struct sk_buff *skb;
	u32 flight;

	while ((skb = ferry_board_next_lost(&sim->rec, NULL))) {
		flight = ferry_cong_in_flight(ca);
		if (flight >= ca->snd_cwnd)
			break;
		head |= skb == skb_rb_first(&sim->rec.queue);
		if (!retransmit(sim, skb, ca->snd_cwnd - flight))
			break;
	}
	if (head && sim->timer != SIMLINK_TIMER_REO)
		rearm_rto(sim);
}

static void receive_ack(struct simlink *sim, struct simlink_event *event)
{
	struct ferry_ack_state st = {
		.rec = &sim->rec,
		.ca = &sim->ca,
		.ops = &simlink_ops,
		.sample.prior_in_flight = ferry_cong_in_flight(&sim->ca),
		.prior_una = snd_una(sim),
		.snd_una = simlink_seq(sim, max(event->number, sim->una)),
		.ack_seq = simlink_seq(sim, event->number),
		.snd_nxt = snd_nxt(sim),
		.max_window = U32_MAX,
		.now_ms = now_ms(sim),
		.ts_ecr_ms = event->ts_ms,
		.sack = sim->sack,
		.has_ts_ecr = sim->timestamps,
		.dupack = event->number >= sim->una,
		.has_new_data = sim->nxt < sim->segments,
	};
	u8 state = sim->ca.state;
	u32 nxt;

	if (event->number < sim->una && !event->n)
		return;
	sim->ca.now_us = sim->now_us;
	sim->una = max(event->number, sim->una);
	ferry_recovery_ack(&st, event->blocks, event->n);
	if (ferry_una_advanced(&st)) {
		sim->cwnd_at[sim->una] = sim->ca.snd_cwnd;
		sim->timed_out = false;
	}
	if (st.measured)
		sim->backoff = 0;
	sim->undone += st.undone;
	sim->spurious += st.spurious;
	if (state != sim->ca.state && sim->ca.state == FERRY_CA_RECOVERY)
		sim->fast_retransmits++;

	if (st.reneging && ferry_una_advanced(&st))
		set_timer(sim, SIMLINK_TIMER_RTO, 10000);
	else if (st.reo_timeout_us)
		set_timer(sim, SIMLINK_TIMER_REO, st.reo_timeout_us);
	else if (st.rearm)
		rearm_loss_timer(sim, true);
	if (st.next == FERRY_NEXT_NEW) {
		nxt = sim->nxt;
		send_what_fits(sim);
		if (sim->nxt == nxt) {
			sim->rec.frto = 0;
			retransmit_lost(sim);
		}
	} else if (st.next == FERRY_NEXT_FIRST) {
		retransmit(sim, skb_rb_first(&sim->rec.queue), 1);
		rearm_rto(sim);
		retransmit_lost(sim);
	} else if (st.next == FERRY_NEXT_RETRANSMIT) {
		retransmit_lost(sim);
	}
	send_what_fits(sim);
}

static void retransmission_timeout(struct simlink *sim)
{
	struct sk_buff *skb;

	sim->timeouts++;
	ferry_recovery_timeout(&sim->rec, &sim->ca, snd_una(sim), snd_nxt(sim),
			       sim->sack, sim->timed_out);
	sim->timed_out = true;
	skb = skb_rb_first(&sim->rec.queue);
	if (skb)
		retransmit(sim, skb, 1);
	sim->backoff++;
	rearm_rto(sim);
}

static void send_probe(struct simlink *sim)
{
	bool again = sim->nxt == sim->segments;
	struct sk_buff *skb;

	if (again) {
		skb = skb_rb_last(&sim->rec.queue);
		if (skb)
			skb = trim_acked(sim, skb);
		if (skb && skb->len > SIMLINK_MSS)
			skb = ferry_board_cut(&sim->rec, &sim->ca, &simlink_ops,
					      snd_una(sim), skb,
					      skb->len - SIMLINK_MSS);
		if (!skb || FERRY_SKB_CB(skb)->marks & FERRY_SKB_SACKED ||
		    !retransmit(sim, skb, 1))
			return;
	} else if (!send_new(sim, 1)) {
		return;
	}
	ferry_tlp_sent(&sim->rec, snd_nxt(sim), again);
	sim->probes++;
}

static void expire(struct simlink *sim)
{
	enum simlink_timer timer = sim->timer;
	u32 again_us;

	sim->now_us = sim->timer_us;
	sim->ca.now_us = sim->now_us;
	sim->timer = SIMLINK_TIMER_NONE;
	switch (timer) {
	case SIMLINK_TIMER_RTO:
		retransmission_timeout(sim);
		break;
	case SIMLINK_TIMER_REO:
		if (ferry_recovery_reo_timeout(&sim->rec, &sim->ca,
					       snd_una(sim), snd_nxt(sim),
					       &again_us)) {
			sim->reo_timeouts++;
			retransmit_lost(sim);
		}
		if (again_us)
			set_timer(sim, SIMLINK_TIMER_REO, again_us);
		else if (sim->timer == SIMLINK_TIMER_NONE)
			resume_rto(sim);
		break;
	case SIMLINK_TIMER_TLP:
		send_probe(sim);
		resume_rto(sim);
		break;
	case SIMLINK_TIMER_NONE:
		break;
	}
	send_what_fits(sim);
}

/* One piece of the scoreboard against the receiver's truth. */
static void check_piece(struct simlink *sim, const struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	bool listed = !list_empty(&skb->tcp_tsorted_anchor);
	u32 first = max(segment_of(sim, cb->seq), sim->una);
	u32 end = segment_of(sim, cb->end_seq);
	u8 marks = cb->marks;

	if (cb->segs != end - first)
		break_rule(sim, "a piece has another number of segments");
	if (marks & FERRY_SKB_SACKED && marks & FERRY_SKB_LOST)
		break_rule(sim, "SACKed and lost");
	if (marks & FERRY_SKB_SACKED && !sim->renege_at &&
	    find_next_zero_bit(sim->got, end, first) < end)
		break_rule(sim, "SACKed but not received");
	if (marks & FERRY_SKB_SACKED && seq_before(cb->run_end, cb->end_seq))
		break_rule(sim, "a run ends before itself");
	if (listed != (!(marks & FERRY_SKB_SACKED) &&
		       (marks & FERRY_SKB_RETRANS || !(marks & FERRY_SKB_LOST))))
		break_rule(sim, "the list by time is wrong");
}

static void check_rules(struct simlink *sim)
{
	const struct ferry_cong *ca = &sim->ca;
	u32 out = 0, sacked = 0, lost = 0, retrans = 0;
	const struct ferry_skb_cb *cb;
	struct sk_buff *skb;
	u32 seq = snd_una(sim);

	for (skb = skb_rb_first(&sim->rec.queue); skb; skb = skb_rb_next(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (out ? cb->seq != seq : seq_after(cb->seq, seq))
			break_rule(sim, "the queue has a gap");
		seq = cb->end_seq;
		check_piece(sim, skb);
		out += cb->segs;
		sacked += cb->marks & FERRY_SKB_SACKED ? cb->segs : 0;
		lost += cb->marks & FERRY_SKB_LOST ? cb->segs : 0;
		retrans += cb->marks & FERRY_SKB_RETRANS ? cb->segs : 0;
	}
	if (seq != snd_nxt(sim) || out != sim->nxt - sim->una ||
	    out != ca->packets_out)
		break_rule(sim, "packets_out is wrong");
	if (sim->sack && ca->sacked_out != sacked)
		break_rule(sim, "sacked_out is wrong");
	if (ca->lost_out != lost)
		break_rule(sim, "lost_out is wrong");
	if (ca->retrans_out != retrans)
		break_rule(sim, "retrans_out is wrong");
	if (ca->sacked_out + ca->lost_out > ca->packets_out)
		break_rule(sim, "in_flight underflow");
	if (!sim->sack && ca->packets_out && !ca->lost_out &&
	    ca->sacked_out == ca->packets_out)
		break_rule(sim, "the head cannot have left the network");
	if (ca->state == FERRY_CA_OPEN && ca->sacked_out)
		break_rule(sim, "something left the network in state open");
	if (ca->state == FERRY_CA_OPEN && ca->lost_out)
		break_rule(sim, "something lost in state open");
	if (!ca->snd_cwnd)
		break_rule(sim, "window of zero");
	if (ca->snd_ssthresh < 2)
		break_rule(sim, "threshold below two segments");
	if (ca->packets_out && sim->timer == SIMLINK_TIMER_NONE)
		break_rule(sim, "data out and no timer");
	if (!sim->sack && sim->timer != SIMLINK_TIMER_NONE &&
	    sim->timer != SIMLINK_TIMER_RTO)
		break_rule(sim, "RACK-TLP without SACK");
}

/**
 * simlink_run() - transfer everything
 * @sim: the link, after simlink_init() and with its script
 *
 * Return: true if every segment was acknowledged and no rule was broken.
 */
bool simlink_run(struct simlink *sim)
{
	struct sk_buff *skb;

	send_what_fits(sim);
	while (!sim->broken && sim->una < sim->segments) {
		struct simlink_event *event;

		event = list_first_entry_or_null(&sim->pending,
						 struct simlink_event, list);
		if (event && (sim->timer == SIMLINK_TIMER_NONE ||
			      event->time_us <= sim->timer_us)) {
			sim->now_us = event->time_us;
			list_move(&event->list, &sim->unused);
			if (event->is_ack)
				receive_ack(sim, event);
			else
				receive_segment(sim, event->number,
						event->ts_ms);
		} else if (sim->timer != SIMLINK_TIMER_NONE) {
			expire(sim);
		} else {
			break_rule(sim, "nothing is ever going to happen");
		}
		check_rules(sim);
		if (sim->now_us > SIMLINK_TIME_MAX_US)
			break_rule(sim, "it takes for ever");
	}
	while ((skb = skb_rb_first(&sim->rec.queue))) {
		ferry_board_remove(&sim->rec, skb);
		drop_piece(&sim->rec, skb);
	}
	return !sim->broken;
}

/**
 * simlink_fault() - transfer everything, and look at what is left
 * @sim: the link, after simlink_init() and with its script
 *
 * Without SACK, the state is held a little longer than the data (RFC 6582).
 *
 * Return: NULL, or what is wrong.
 */
const char *simlink_fault(struct simlink *sim)
{
	const struct ferry_cong *ca = &sim->ca;

	if (!simlink_run(sim))
		return sim->broken;
	if (sim->rcv_nxt != sim->segments)
		return "something was not delivered";
	if (ca->packets_out || ca->sacked_out || ca->lost_out ||
	    ca->retrans_out || ferry_cong_in_flight(ca))
		return "counters are not zero at the end";
	if (ca->state != FERRY_CA_OPEN && ca->state != FERRY_CA_DISORDER &&
	    ca->high_seq != snd_una(sim))
		return "the state is not open at the end";
	return NULL;
}

/**
 * simlink_test_init() - give each case of a suite a link
 * @test: the case
 *
 * Return: 0.
 */
int simlink_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct simlink), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, test->priv);
	return 0;
}

/**
 * simlink_steady() - the link of a case, with a sender in congestion avoidance
 * @test: the case
 * @segments: how many segments to transfer
 * @cwnd: the window to start with
 * @sack: both ends know SACK
 *
 * Return: the link, initialized.
 */
struct simlink *simlink_steady(struct kunit *test, u32 segments, u32 cwnd,
			       bool sack)
{
	struct simlink *sim = test->priv;

	simlink_init(sim, segments);
	sim->sack = sack;
	sim->ca.snd_cwnd = cwnd;
	sim->ca.snd_ssthresh = max(cwnd, 2U);
	return sim;
}

/**
 * simlink_drop() - script: some transmissions get lost
 * @sim: the link
 * @first: the first of them
 * @last: the last of them
 */
void simlink_drop(struct simlink *sim, u32 first, u32 last)
{
	bitmap_set(sim->drop, first, last - first + 1);
}

/**
 * simlink_transfer() - transfer everything, or the case has failed
 * @test: the case
 * @sim: the link with its script
 */
void simlink_transfer(struct kunit *test, struct simlink *sim)
{
	const char *fault = simlink_fault(sim);

	if (fault)
		KUNIT_FAIL(test, "%s", fault);
}
