// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulated link, see simlink.h.
 *
 * After every event the counters that the pure logic works on are compared
 * with the segments themselves; the first difference stops the run.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "../compat.h"
#include "../recovery.h"
#include "../segment.h"
#include "simlink.h"

/* No script takes longer, even if it loses the same segment ten times. */
#define SIMLINK_TIME_MAX_US	(3600ULL * 1000000)

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

/**
 * simlink_init() - a link of 10 ms each way without loss, and Reno
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
	sim->isn = 1;

	ferry_rtt_init(&sim->rtt);
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

static void schedule_event(struct simlink *sim, u64 time_us, bool is_ack,
			   u32 number)
{
	struct simlink_event *event, *earlier;

	event = list_first_entry_or_null(&sim->unused, struct simlink_event,
					 list);
	if (!event) {
		break_rule(sim, "too much on its way");
		return;
	}
	event->time_us = time_us;
	event->is_ack = is_ack;
	event->number = number;

	/* Events of the same time stay in the order in which they came up. */
	list_for_each_entry_reverse(earlier, &sim->pending, list)
		if (earlier->time_us <= time_us)
			break;
	list_move(&event->list, &earlier->list);
}

static void link_send(struct simlink *sim, u32 tx, u32 segment)
{
	u64 start_us = max(sim->now_us, sim->link_free_us);
	u64 arrival_us;

	if (sim->queue &&
	    start_us - sim->now_us >= (u64)sim->queue * sim->tx_us)
		return;
	sim->link_free_us = start_us + sim->tx_us;
	if (test_bit(tx, sim->drop))
		return;
	arrival_us = sim->link_free_us + sim->delay_us;
	if (test_bit(tx, sim->late))
		arrival_us += sim->late_us;
	schedule_event(sim, arrival_us, false, segment);
}

static void receive_segment(struct simlink *sim, u32 segment)
{
	u32 ack = sim->acks++;

	if (sim->seg[segment].received)
		sim->needless++;
	sim->seg[segment].received = true;
	while (sim->rcv_nxt < sim->segments && sim->seg[sim->rcv_nxt].received)
		sim->rcv_nxt++;

	if (ack >= SIMLINK_LOG) {
		break_rule(sim, "too many ACKs");
		return;
	}
	if (!test_bit(ack, sim->ack_drop))
		schedule_event(sim, sim->now_us + sim->delay_us, true,
			       sim->rcv_nxt);
	if (test_bit(ack, sim->ack_twice))
		schedule_event(sim, sim->now_us + sim->delay_us, true,
			       sim->rcv_nxt);
}

static void arm_timer(struct simlink *sim)
{
	sim->rto_us = 0;
	if (sim->ca.packets_out)
		sim->rto_us = sim->now_us +
			      ferry_rtt_backoff(&sim->rtt, sim->backoff);
}

static void send_segment(struct simlink *sim, u32 segment)
{
	struct simlink_segment *seg = &sim->seg[segment];
	u32 tx = sim->txs;

	if (tx >= SIMLINK_LOG) {
		break_rule(sim, "too many transmissions");
		return;
	}
	sim->log[tx].time_us = sim->now_us;
	sim->log[tx].segment = segment;
	sim->log[tx].again = segment < sim->nxt;
	sim->txs++;

	if (segment < sim->nxt) {
		seg->again = true;
		seg->retrans = true;
		sim->ca.retrans_out++;
		sim->retransmissions++;
	} else {
		sim->nxt++;
		sim->ca.packets_out++;
	}
	seg->sent_us = sim->now_us;
	link_send(sim, tx, segment);
	if (!sim->rto_us)
		arm_timer(sim);
}

/* What to send next: what is lost first, then new data; @segments if nothing. */
static u32 next_segment(const struct simlink *sim)
{
	u32 i;

	for (i = sim->una; i < sim->nxt; i++)
		if (sim->seg[i].lost && !sim->seg[i].retrans)
			return i;
	if (sim->app_limit && sim->ca.packets_out >= sim->app_limit)
		return sim->segments;
	return sim->nxt;
}

static void send_what_fits(struct simlink *sim)
{
	u32 segment, before = sim->txs;

	while (!sim->broken &&
	       ferry_cong_in_flight(&sim->ca) < sim->ca.snd_cwnd) {
		segment = next_segment(sim);
		if (segment == sim->segments)
			break;
		send_segment(sim, segment);
	}
	if (sim->txs != before)
		ferry_cong_usage(&sim->ca, simlink_seq(sim, sim->una),
				 simlink_seq(sim, sim->nxt),
				 ferry_cong_in_flight(&sim->ca) >=
				 sim->ca.snd_cwnd);
}

static void mark_lost(struct simlink *sim, u32 segment)
{
	if (sim->seg[segment].lost)
		return;
	sim->seg[segment].lost = true;
	sim->ca.lost_out++;
}

static void obey(struct simlink *sim, enum ferry_verdict verdict)
{
	u32 i;

	switch (verdict) {
	case FERRY_NOTHING_LOST:
		break;
	case FERRY_HEAD_LOST:
		mark_lost(sim, sim->una);
		/* It goes out at once, whatever the window says. */
		if (!sim->seg[sim->una].retrans)
			send_segment(sim, sim->una);
		break;
	case FERRY_ALL_LOST:
		for (i = sim->una; i < sim->nxt; i++) {
			mark_lost(sim, i);
			sim->seg[i].retrans = false;
		}
		sim->ca.retrans_out = 0;
		break;
	}
}

static void receive_new_ack(struct simlink *sim, u32 ack)
{
	struct ferry_ack_sample sample = {
		.acked = ack - sim->una,
		.prior_in_flight = ferry_cong_in_flight(&sim->ca),
	};
	enum ferry_verdict verdict;
	bool karn = true;
	u32 i;

	for (i = sim->una; i < ack; i++) {
		sim->ca.packets_out--;
		sim->ca.lost_out -= sim->seg[i].lost;
		sim->ca.retrans_out -= sim->seg[i].retrans;
		karn = karn && !sim->seg[i].again;
	}
	if (karn) {
		sample.rtt_us = sim->now_us - sim->seg[ack - 1].sent_us;
		ferry_rtt_sample(&sim->rtt, sample.rtt_us);
		sim->ca.srtt_us = sim->rtt.srtt_us >> 3;
	}
	sim->una = ack;
	sim->backoff = 0;
	verdict = ferry_recovery_ack(&sim->ca, simlink_seq(sim, ack), &sample);
	sim->cwnd_at[ack] = sim->ca.snd_cwnd;
	if (verdict == FERRY_HEAD_LOST)
		sim->partial_acks++;
	arm_timer(sim);
	obey(sim, verdict);
}

static void receive_ack(struct simlink *sim, u32 ack)
{
	enum ferry_verdict verdict;

	if (ack > sim->una) {
		receive_new_ack(sim, ack);
	} else if (ack == sim->una && sim->ca.packets_out) {
		verdict = ferry_recovery_dupack(&sim->ca,
						simlink_seq(sim, sim->una),
						simlink_seq(sim, sim->nxt));
		if (verdict == FERRY_HEAD_LOST)
			sim->fast_retransmits++;
		obey(sim, verdict);
	}
	send_what_fits(sim);
}

static void time_out(struct simlink *sim)
{
	sim->timeouts++;
	sim->backoff++;
	obey(sim, ferry_recovery_timeout(&sim->ca, simlink_seq(sim, sim->una),
					 simlink_seq(sim, sim->nxt)));
	arm_timer(sim);
	send_what_fits(sim);
}

static void check_rules(struct simlink *sim)
{
	const struct ferry_cong *ca = &sim->ca;
	u32 lost = 0, retrans = 0, i;

	for (i = sim->una; i < sim->nxt; i++) {
		lost += sim->seg[i].lost;
		retrans += sim->seg[i].retrans;
		if (sim->seg[i].retrans && !sim->seg[i].lost)
			break_rule(sim, "sent again but not lost");
	}
	if (ca->packets_out != sim->nxt - sim->una)
		break_rule(sim, "packets_out is wrong");
	if (ca->lost_out != lost)
		break_rule(sim, "lost_out is wrong");
	if (ca->retrans_out != retrans)
		break_rule(sim, "retrans_out is wrong");
	if (ca->sacked_out + ca->lost_out > ca->packets_out)
		break_rule(sim, "in_flight underflow");
	if (ca->packets_out && !ca->lost_out &&
	    ca->sacked_out == ca->packets_out)
		break_rule(sim, "the head cannot have left the network");
	if (ca->state == FERRY_CA_OPEN && ca->sacked_out)
		break_rule(sim, "duplicate ACKs in state open");
	if (ca->state == FERRY_CA_OPEN && ca->lost_out)
		break_rule(sim, "something lost in state open");
	if (!ca->snd_cwnd)
		break_rule(sim, "window of zero");
	if (ca->snd_ssthresh < 2)
		break_rule(sim, "threshold below two segments");
	if (ca->packets_out && !sim->rto_us)
		break_rule(sim, "data out and no timer");
}

/**
 * simlink_run() - transfer everything
 * @sim: the link, after simlink_init() and with its script
 *
 * Return: true if every segment was acknowledged and no rule was broken.
 */
bool simlink_run(struct simlink *sim)
{
	send_what_fits(sim);
	while (!sim->broken && sim->una < sim->segments) {
		struct simlink_event *event;

		event = list_first_entry_or_null(&sim->pending,
						 struct simlink_event, list);
		if (event && (!sim->rto_us || event->time_us <= sim->rto_us)) {
			sim->now_us = event->time_us;
			list_move(&event->list, &sim->unused);
			if (event->is_ack)
				receive_ack(sim, event->number);
			else
				receive_segment(sim, event->number);
		} else if (sim->rto_us) {
			sim->now_us = sim->rto_us;
			time_out(sim);
		} else {
			break_rule(sim, "nothing is ever going to happen");
		}
		check_rules(sim);
		if (sim->now_us > SIMLINK_TIME_MAX_US)
			break_rule(sim, "it takes for ever");
	}
	return !sim->broken;
}
