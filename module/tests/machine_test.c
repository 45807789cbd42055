// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of machine.c: every state with every event, and every kind of segment
 * in every state.
 *
 * machine.c is written state by state.  Here the same is said event by event,
 * as RFC 9293 section 3.10 argues, and in plain numbers instead of arithmetic
 * modulo 2^32; so a slip of the pen in one does not agree with the other.
 */
#include <kunit/test.h>
#include <linux/errno.h>

#include "../compat.h"
#include "../machine.h"
#include "../segment.h"

#define OPENING		(TCPF_SYN_RECV | TCPF_NEW_SYN_RECV)
#define CLOSED_HERE	(TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2)
#define SYNCHRONIZED	(TCPF_ESTABLISHED | CLOSED_HERE | TCPF_CLOSE_WAIT | \
			 TCPF_CLOSING | TCPF_LAST_ACK)
#define WITH_PEER	(OPENING | SYNCHRONIZED)
#define FULL		(TCPF_SYN_RECV | SYNCHRONIZED)

static const u8 states[] = {
	TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT, TCP_SYN_RECV, TCP_NEW_SYN_RECV,
	TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSE_WAIT,
	TCP_CLOSING, TCP_LAST_ACK, TCP_TIME_WAIT,
};

static const char *state_name(int state)
{
	static const char * const names[FERRY_STATES] = {
		[TCP_CLOSE] = "CLOSE", [TCP_LISTEN] = "LISTEN",
		[TCP_SYN_SENT] = "SYN_SENT", [TCP_SYN_RECV] = "SYN_RECV",
		[TCP_NEW_SYN_RECV] = "NEW_SYN_RECV",
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_FIN_WAIT1] = "FIN_WAIT1", [TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TCP_CLOSE_WAIT] = "CLOSE_WAIT", [TCP_CLOSING] = "CLOSING",
		[TCP_LAST_ACK] = "LAST_ACK", [TCP_TIME_WAIT] = "TIME_WAIT",
	};

	return names[state];
}

static struct ferry_step step(u8 next, u8 reply, u8 err)
{
	return (struct ferry_step){ next, reply, err };
}

/* Section 3.10.1 to 3.10.5: what the application asks for. */
static struct ferry_step rfc_call(int state, enum ferry_event event)
{
	struct ferry_step stay = step(state, FERRY_SEND_NOTHING, 0);
	struct ferry_step gone = step(TCP_CLOSE, FERRY_SEND_NOTHING, 0);
	struct ferry_step reset = step(TCP_CLOSE, FERRY_SEND_RST, ECONNRESET);
	int in = 1 << state;

	switch (event) {
	case FERRY_CALL_CONNECT:
		return state == TCP_CLOSE ?
		       step(TCP_SYN_SENT, FERRY_SEND_SYN, 0) : stay;
	case FERRY_CALL_LISTEN:
		return state == TCP_CLOSE ?
		       step(TCP_LISTEN, FERRY_SEND_NOTHING, 0) : stay;
	case FERRY_CALL_CLOSE:
		if (in & (TCPF_LISTEN | TCPF_SYN_SENT))
			return gone;
		if (in & (TCPF_SYN_RECV | TCPF_ESTABLISHED))
			return step(TCP_FIN_WAIT1, FERRY_SEND_FIN, 0);
		if (in & TCPF_CLOSE_WAIT)
			return step(TCP_LAST_ACK, FERRY_SEND_FIN, 0);
		return stay;
	default:
		if (in & TCPF_LISTEN)
			return gone;
		if (in & TCPF_SYN_SENT)
			return step(TCP_CLOSE, FERRY_SEND_NOTHING, ECONNRESET);
		/* Nothing is missing there but the ACK of the FIN. */
		if (in & (TCPF_CLOSING | TCPF_LAST_ACK) &&
		    event == FERRY_CALL_ABORT)
			return gone;
		return in & FULL ? reset : stay;
	}
}

/* Section 3.10.7: what a segment does that has been found to be @event. */
static struct ferry_step rfc_segment(int state, enum ferry_event event)
{
	struct ferry_step stay = step(state, FERRY_SEND_NOTHING, 0);
	int in = 1 << state;

	switch (event) {
	case FERRY_SEG_OUTSIDE:
		if (in & (WITH_PEER | TCPF_TIME_WAIT))
			stay.reply = FERRY_SEND_ACK_LIMITED;
		return stay;
	case FERRY_SEG_RST:
		if (in & TCPF_SYN_SENT)
			return step(TCP_CLOSE, 0, ECONNREFUSED);
		if (in & TCPF_CLOSE_WAIT)
			return step(TCP_CLOSE, 0, EPIPE);
		if (in & FULL)
			return step(TCP_CLOSE, 0, ECONNRESET);
		/* Nobody knows of it yet: back to LISTEN. */
		return in & TCPF_NEW_SYN_RECV ? step(TCP_CLOSE, 0, 0) : stay;
	case FERRY_SEG_SYN:
		if (in & TCPF_LISTEN)
			return step(TCP_NEW_SYN_RECV, FERRY_SEND_SYN_ACK, 0);
		if (in & TCPF_SYN_SENT)
			return step(TCP_SYN_RECV, FERRY_SEND_SYN_ACK, 0);
		fallthrough;
	case FERRY_SEG_RST_BLIND:
		if (in & TCPF_CLOSE && event == FERRY_SEG_SYN)
			stay.reply = FERRY_SEND_RST_BACK;
		if (in & WITH_PEER)
			stay.reply = FERRY_SEND_CHALLENGE;
		return stay;
	case FERRY_SEG_SYN_AGAIN:
		if (in & TCPF_NEW_SYN_RECV)
			stay.reply = FERRY_SEND_SYN_ACK;
		return stay;
	case FERRY_SEG_SYN_NEW:
		return in & TCPF_TIME_WAIT ? step(TCP_CLOSE, 0, 0) : stay;
	case FERRY_SEG_SYN_ACK:
		return in & TCPF_SYN_SENT ?
		       step(TCP_ESTABLISHED, FERRY_SEND_ACK, 0) : stay;
	case FERRY_SEG_FLAGS:
		if (in & TCPF_CLOSE)
			stay.reply = FERRY_SEND_RST_BACK;
		return stay;
	case FERRY_SEG_ACK_BAD:
		if (in & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | OPENING))
			stay.reply = FERRY_SEND_RST_BACK;
		else if (in & SYNCHRONIZED)
			stay.reply = FERRY_SEND_CHALLENGE;
		return stay;
	case FERRY_SEG_ACK_OLD:
		if (in & SYNCHRONIZED)
			stay.reply = FERRY_SEND_CHALLENGE;
		return stay;
	case FERRY_SEG_ACK_SYN:
		if (in & TCPF_NEW_SYN_RECV)
			return step(TCP_SYN_RECV, 0, 0);
		return in & TCPF_SYN_RECV ? step(TCP_ESTABLISHED, 0, 0) : stay;
	case FERRY_SEG_ACK_FIN:
		if (in & TCPF_FIN_WAIT1)
			return step(TCP_FIN_WAIT2, 0, 0);
		if (in & TCPF_CLOSING)
			return step(TCP_TIME_WAIT, 0, 0);
		return in & TCPF_LAST_ACK ? step(TCP_CLOSE, 0, 0) : stay;
	case FERRY_SEG_DATA_LATE:
		return in & CLOSED_HERE ?
		       step(TCP_CLOSE, FERRY_SEND_RST_BACK, ECONNRESET) : stay;
	case FERRY_SEG_FIN:
		if (in & TCPF_ESTABLISHED)
			return step(TCP_CLOSE_WAIT, FERRY_SEND_ACK_DELAYED, 0);
		if (in & TCPF_FIN_WAIT1)
			return step(TCP_CLOSING, FERRY_SEND_ACK, 0);
		if (in & TCPF_FIN_WAIT2)
			return step(TCP_TIME_WAIT, FERRY_SEND_ACK, 0);
		if (in & TCPF_TIME_WAIT)
			stay.reply = FERRY_SEND_ACK_LIMITED;
		return stay;
	default:
		return stay;
	}
}

static struct ferry_step rfc_step(int state, enum ferry_event event)
{
	int in = 1 << state;

	if (event <= FERRY_CALL_ABORT_LOSSY)
		return rfc_call(state, event);
	if (event == FERRY_TIMEOUT) {
		if (in & (TCPF_NEW_SYN_RECV | TCPF_FIN_WAIT2 | TCPF_TIME_WAIT))
			return step(TCP_CLOSE, 0, 0);
		return in & (TCPF_SYN_SENT | FULL) ?
		       step(TCP_CLOSE, 0, ETIMEDOUT) : step(state, 0, 0);
	}
	if (event == FERRY_ICMP && in & TCPF_NEW_SYN_RECV)
		return step(TCP_CLOSE, 0, 0);
	if (event == FERRY_ICMP)
		return in & (TCPF_SYN_SENT | TCPF_SYN_RECV) ?
		       step(TCP_CLOSE, 0, EHOSTUNREACH) : step(state, 0, 0);
	return rfc_segment(state, event);
}

static void every_event_in_every_state(struct kunit *test)
{
	struct ferry_step is, should;
	unsigned int i;
	int event;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		for (event = 0; event < FERRY_EVENTS; event++) {
			is = ferry_machine(states[i], event);
			should = rfc_step(states[i], event);
			KUNIT_EXPECT_TRUE_MSG(test,
					      is.next == should.next &&
					      is.reply == should.reply &&
					      is.err == should.err,
				"%s, event %d: to %s, reply %u, errno %u; expected %s, %u, %u",
				state_name(states[i]), event,
				state_name(is.next), is.reply, is.err,
				state_name(should.next), should.reply,
				should.err);
		}
	}
}

/* A state that nothing leads to, or that nothing leads out of, is a mistake. */
static void every_state_is_entered_and_left(struct kunit *test)
{
	unsigned int i, entered = 1 << TCP_CLOSE, left = 0;
	int event, next;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		for (event = 0; event < FERRY_EVENTS; event++) {
			next = ferry_machine(states[i], event).next;
			if (next == states[i])
				continue;
			entered |= 1 << next;
			left |= 1 << states[i];
		}
	}
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		KUNIT_EXPECT_TRUE_MSG(test, entered & 1 << states[i],
				      "%s cannot be entered",
				      state_name(states[i]));
		KUNIT_EXPECT_TRUE_MSG(test, left & 1 << states[i],
				      "%s cannot be left",
				      state_name(states[i]));
	}
}

/*
 * A segment and what is expected, as distances that do not wrap: @seq from
 * RCV.NXT, @ack from SND.UNA.
 */
struct distances {
	s64 seq;
	s64 len;
	s64 ack;
	s64 in_flight;
	s64 max_window;
	s64 unannounced;	/* RCV.NXT beyond what the peer was told */
	s64 window;
	s8 ts;
	u8 flags;
	bool strict;
};

/* RFC 9293 table 6; Linux's wider test for full sockets. */
static bool rfc_acceptable(const struct distances *d)
{
	s64 end = d->seq + d->len;

	if (!d->strict)
		return end >= -d->unannounced && d->seq <= d->window;
	if (!d->len)
		return d->seq >= 0 && d->seq <= d->window;
	return end > 0 && d->seq < d->window;
}

static enum ferry_event rfc_new(const struct distances *d)
{
	if (d->flags & FERRY_RST)
		return FERRY_SEG_OUTSIDE_RST;
	if (d->flags & FERRY_ACK)
		return FERRY_SEG_ACK_BAD;
	return d->flags & FERRY_SYN && !(d->flags & FERRY_FIN) ?
	       FERRY_SEG_SYN : FERRY_SEG_FLAGS;
}

static enum ferry_event rfc_syn_sent(const struct distances *d)
{
	bool ack = d->flags & FERRY_ACK, rst = d->flags & FERRY_RST;
	bool acks_syn = ack && d->ack > 0 && d->ack <= d->in_flight;

	if (rst)
		return acks_syn ? FERRY_SEG_RST : FERRY_SEG_OUTSIDE_RST;
	if (ack && !acks_syn)
		return FERRY_SEG_ACK_BAD;
	if (!(d->flags & FERRY_SYN))
		return FERRY_SEG_FLAGS;
	return ack ? FERRY_SEG_SYN_ACK : FERRY_SEG_SYN;
}

static enum ferry_event rfc_time_wait(const struct distances *d)
{
	if (d->flags & FERRY_RST)
		return FERRY_SEG_OUTSIDE_RST;
	if (d->ts < 0)
		return FERRY_SEG_OUTSIDE;
	/* RFC 6191: the timestamp decides; if it is the same, the number. */
	if (d->flags & FERRY_SYN && !(d->flags & FERRY_ACK) &&
	    (d->ts > 0 || d->seq > 0))
		return FERRY_SEG_SYN_NEW;
	if (d->seq == 0 && d->len == 0)
		return FERRY_SEG_ACK;
	return d->flags & FERRY_FIN && d->seq + d->len == 0 ?
	       FERRY_SEG_FIN : FERRY_SEG_OUTSIDE;
}

static enum ferry_event rfc_synchronized(int state, const struct distances *d)
{
	bool syn = d->flags & FERRY_SYN, rst = d->flags & FERRY_RST;
	bool ack = d->flags & FERRY_ACK;

	if (d->ts < 0 && !rst)
		return FERRY_SEG_OUTSIDE;
	/* The SYN that made the request. */
	if (state == TCP_NEW_SYN_RECV && syn && !rst && !ack && d->seq == -1)
		return FERRY_SEG_SYN_AGAIN;
	if (!rfc_acceptable(d))
		return rst ? FERRY_SEG_OUTSIDE_RST : FERRY_SEG_OUTSIDE;
	if (rst)
		return d->seq ? FERRY_SEG_RST_BLIND : FERRY_SEG_RST;
	if (syn) {
		/* Figure 8. */
		if (state == TCP_SYN_RECV && d->seq == -1 && d->len == 1 &&
		    ack && d->ack == d->in_flight)
			return FERRY_SEG_ACK_SYN;
		return FERRY_SEG_SYN;
	}
	if (!ack)
		return FERRY_SEG_FLAGS;
	if ((1 << state) & OPENING)
		return d->ack == d->in_flight ? FERRY_SEG_ACK_SYN :
						FERRY_SEG_ACK_BAD;
	if (d->ack > d->in_flight)
		return FERRY_SEG_ACK_BAD;
	return d->ack < -d->max_window ? FERRY_SEG_ACK_OLD : FERRY_SEG_ACK;
}

static enum ferry_event rfc_event(int state, const struct distances *d)
{
	switch (state) {
	case TCP_CLOSE:
	case TCP_LISTEN:
		return rfc_new(d);
	case TCP_SYN_SENT:
		return rfc_syn_sent(d);
	case TCP_TIME_WAIT:
		return rfc_time_wait(d);
	default:
		return rfc_synchronized(state, d);
	}
}

static enum ferry_event classify_at(int state, const struct distances *d,
				    u32 rcv_nxt, u32 snd_una)
{
	struct ferry_seg seg = {
		.seq = rcv_nxt + d->seq, .end_seq = rcv_nxt + d->seq + d->len,
		.ack = snd_una + d->ack, .flags = d->flags, .ts = d->ts,
	};
	struct ferry_expected x = {
		.snd_una = snd_una, .snd_nxt = snd_una + d->in_flight,
		.max_window = d->max_window,
		.rcv_wup = rcv_nxt - d->unannounced, .rcv_nxt = rcv_nxt,
		.rcv_wnd = d->window, .strict = d->strict,
	};

	return ferry_classify(state, &seg, &x);
}

/* What RFC 9293 and RFC 5961 protect does not move. */
static bool is_harmless(int state, enum ferry_event event,
			const struct distances *d)
{
	struct ferry_step s = ferry_machine(state, event);

	if (s.next == state)
		return true;
	if (!((1 << state) & WITH_PEER))
		return true;
	/* Only a RST with the exact number, or an ACK that the SYN waits for */
	if (s.next == TCP_CLOSE)
		return d->flags & FERRY_RST && d->seq == 0;
	return d->flags & FERRY_ACK && d->ack == d->in_flight;
}

static void segment_walk(struct kunit *test, int state, struct distances *d,
			 unsigned int *failures)
{
	static const u32 bases[] = { 0, 5, 0x7fffffff, 0xfffffffe };
	enum ferry_event is, should = rfc_event(state, d);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		is = classify_at(state, d, bases[i], bases[3 - i]);
		if (is == should && is_harmless(state, is, d))
			continue;
		/* One report says as much as thousands. */
		if ((*failures)++ < 10)
			KUNIT_FAIL(test,
				   "%s, flags %#x seq %lld len %lld ack %lld ts %d at %u: event %d, expected %d",
				   state_name(state), d->flags, d->seq, d->len,
				   d->ack, d->ts, bases[i], is, should);
	}
}

/* All flags and lengths of a segment with these numbers. */
static void flags_walk(struct kunit *test, int state, struct distances *d,
		       unsigned int *failures)
{
	static const s64 lens[] = { 0, 1, 10, 1000 };
	unsigned int l;
	int flags;

	for (flags = 0; flags < 256; flags++) {
		d->flags = flags;
		for (l = 0; l < ARRAY_SIZE(lens); l++) {
			d->len = lens[l] + !!(flags & FERRY_SYN) +
				 !!(flags & FERRY_FIN);
			for (d->ts = -1; d->ts <= 1; d->ts++)
				segment_walk(test, state, d, failures);
		}
	}
}

static void every_segment_in_every_state(struct kunit *test)
{
	static const s64 far = 1 << 29;
	struct distances d = {
		.in_flight = 1, .max_window = 5000, .window = 1000,
	};
	const s64 acks[] = {
		-far, -d.max_window - 1, -d.max_window, -1, 0, 1, 2, far,
	};
	const s64 seqs[] = {
		-far, -12, -11, -10, -9, -2, -1, 0, 1, 999, 1000, 1001, far,
	};
	unsigned int failures = 0, s, q, a;

	for (s = 0; s < ARRAY_SIZE(states); s++) {
		bool told = !((1 << states[s]) & SYNCHRONIZED);

		d.unannounced = told ? 0 : 10;
		d.strict = states[s] == TCP_NEW_SYN_RECV;
		for (q = 0; q < ARRAY_SIZE(seqs); q++) {
			for (a = 0; a < ARRAY_SIZE(acks); a++) {
				d.seq = seqs[q];
				d.ack = acks[a];
				flags_walk(test, states[s], &d, &failures);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, failures, 0U);
}

/* Nobody answers a RST with a RST, or two hosts could go on for ever. */
static void no_reset_answers_a_reset(struct kunit *test)
{
	static const u8 events[] = {
		FERRY_SEG_OUTSIDE_RST, FERRY_SEG_RST, FERRY_SEG_RST_BLIND,
	};
	unsigned int s, e;

	for (s = 0; s < ARRAY_SIZE(states); s++) {
		for (e = 0; e < ARRAY_SIZE(events); e++) {
			u8 reply = ferry_machine(states[s], events[e]).reply;

			KUNIT_EXPECT_NE(test, reply, FERRY_SEND_RST);
			KUNIT_EXPECT_NE(test, reply, FERRY_SEND_RST_BACK);
		}
	}
}

/* Whoever sent it has to find the numbers good, in any state. */
static void reset_has_the_numbers_of_what_it_answers(struct kunit *test)
{
	struct ferry_seg seg = { .seq = 7, .end_seq = 12, .ack = 0xfffffff0 };
	struct ferry_expected peer = { .rcv_wnd = 0 };
	struct ferry_seg rst;
	int flags;

	for (flags = 0; flags < 256; flags++) {
		if (flags & FERRY_RST)
			continue;
		seg.flags = flags;
		rst = ferry_reset_for(&seg);
		KUNIT_EXPECT_EQ(test, rst.seq, rst.end_seq);
		if (flags & FERRY_ACK) {
			/* It comes from where it expects RCV.NXT. */
			KUNIT_EXPECT_EQ(test, rst.flags, FERRY_RST);
			peer.rcv_nxt = seg.ack;
			peer.rcv_wup = seg.ack;
			KUNIT_EXPECT_EQ(test,
					ferry_classify(TCP_ESTABLISHED, &rst,
						       &peer), FERRY_SEG_RST);
		} else {
			/* Of a SYN it acknowledges all that was sent. */
			KUNIT_EXPECT_EQ(test, rst.seq, 0);
			KUNIT_EXPECT_EQ(test, rst.flags, FERRY_RST | FERRY_ACK);
			peer.snd_una = seg.seq;
			peer.snd_nxt = seg.end_seq;
			KUNIT_EXPECT_EQ(test,
					ferry_classify(TCP_SYN_SENT, &rst,
						       &peer), FERRY_SEG_RST);
		}
	}
}

static struct kunit_case machine_cases[] = {
	KUNIT_CASE(every_event_in_every_state),
	KUNIT_CASE(every_state_is_entered_and_left),
	KUNIT_CASE(every_segment_in_every_state),
	KUNIT_CASE(no_reset_answers_a_reset),
	KUNIT_CASE(reset_has_the_numbers_of_what_it_answers),
	{}
};

static struct kunit_suite machine_suite = {
	.name = "ferry_machine",
	.test_cases = machine_cases,
};

kunit_test_suites(&machine_suite);
