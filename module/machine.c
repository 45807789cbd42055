// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine, whole: machine[] below is RFC 9293 section 3.10.
 *
 * An event that is not in a state's list leaves the connection as it is, and
 * nothing is sent; so it is, too, for what cannot happen there.  The same table
 * is drawn in Documentation/state-machine.md.
 *
 * ferry_classify() takes the checks of section 3.10.7 in their order and says
 * which event a segment is.  What depends on more than the segment's header
 * follows later in input.c: FERRY_SEG_ACK_FIN, FERRY_SEG_DATA_LATE, and
 * FERRY_SEG_FIN, which may have waited beyond a hole.
 *
 * Two rows stand for SYN-RECEIVED: TCP_NEW_SYN_RECV is a request, the mini
 * socket of a passive open, and TCP_SYN_RECV a full socket that has opened at
 * the same time as its peer.
 */
#include <linux/errno.h>

#include "compat.h"
#include "machine.h"
#include "segment.h"

#define GO(state, send)		{ TCP_##state, FERRY_SEND_##send, 0 }
#define END(send, errno)	{ TCP_CLOSE, FERRY_SEND_##send, errno }
#define STAY(send)		{ 0, FERRY_SEND_##send, 0 }

static const struct ferry_step machine[FERRY_STATES][FERRY_EVENTS] = {
	[TCP_CLOSE] = {
		[FERRY_CALL_CONNECT]	 = GO(SYN_SENT, SYN),
		[FERRY_CALL_LISTEN]	 = GO(LISTEN, NOTHING),
		[FERRY_SEG_SYN]		 = STAY(RST_BACK),
		[FERRY_SEG_FLAGS]	 = STAY(RST_BACK),
		[FERRY_SEG_ACK_BAD]	 = STAY(RST_BACK),
	},
	[TCP_LISTEN] = {
		[FERRY_CALL_CLOSE]	 = END(NOTHING, 0),
		[FERRY_CALL_ABORT]	 = END(NOTHING, 0),
		[FERRY_CALL_ABORT_LOSSY] = END(NOTHING, 0),
		/* The request's state: the listener itself stays. */
		[FERRY_SEG_SYN]		 = GO(NEW_SYN_RECV, SYN_ACK),
		[FERRY_SEG_ACK_BAD]	 = STAY(RST_BACK),
	},
	[TCP_SYN_SENT] = {
		[FERRY_CALL_CLOSE]	 = END(NOTHING, 0),
		[FERRY_CALL_ABORT]	 = END(NOTHING, ECONNRESET),
		[FERRY_CALL_ABORT_LOSSY] = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNREFUSED),
		[FERRY_SEG_SYN]		 = GO(SYN_RECV, SYN_ACK),
		[FERRY_SEG_SYN_ACK]	 = GO(ESTABLISHED, ACK),
		[FERRY_SEG_ACK_BAD]	 = STAY(RST_BACK),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
		[FERRY_ICMP]		 = END(NOTHING, EHOSTUNREACH),
	},
	[TCP_SYN_RECV] = {
		[FERRY_CALL_CLOSE]	 = GO(FIN_WAIT1, FIN),
		[FERRY_CALL_ABORT]	 = END(RST, ECONNRESET),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(RST_BACK),
		[FERRY_SEG_ACK_SYN]	 = GO(ESTABLISHED, NOTHING),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
		[FERRY_ICMP]		 = END(NOTHING, EHOSTUNREACH),
	},
	[TCP_NEW_SYN_RECV] = {
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, 0),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_SYN_AGAIN]	 = STAY(SYN_ACK),
		[FERRY_SEG_ACK_BAD]	 = STAY(RST_BACK),
		/* A full socket, to which the same segment is given. */
		[FERRY_SEG_ACK_SYN]	 = GO(SYN_RECV, NOTHING),
		[FERRY_TIMEOUT]		 = END(NOTHING, 0),
		[FERRY_ICMP]		 = END(NOTHING, 0),
	},
	[TCP_ESTABLISHED] = {
		[FERRY_CALL_CLOSE]	 = GO(FIN_WAIT1, FIN),
		[FERRY_CALL_ABORT]	 = END(RST, ECONNRESET),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_OLD]	 = STAY(CHALLENGE),
		[FERRY_SEG_FIN]		 = GO(CLOSE_WAIT, ACK_DELAYED),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
	},
	[TCP_FIN_WAIT1] = {
		[FERRY_CALL_ABORT]	 = END(RST, ECONNRESET),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_OLD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_FIN]	 = GO(FIN_WAIT2, NOTHING),
		[FERRY_SEG_DATA_LATE]	 = END(RST_BACK, ECONNRESET),
		[FERRY_SEG_FIN]		 = GO(CLOSING, ACK),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
	},
	[TCP_FIN_WAIT2] = {
		[FERRY_CALL_ABORT]	 = END(RST, ECONNRESET),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_OLD]	 = STAY(CHALLENGE),
		[FERRY_SEG_DATA_LATE]	 = END(RST_BACK, ECONNRESET),
		[FERRY_SEG_FIN]		 = GO(TIME_WAIT, ACK),
		[FERRY_TIMEOUT]		 = END(NOTHING, 0),
	},
	[TCP_CLOSE_WAIT] = {
		[FERRY_CALL_CLOSE]	 = GO(LAST_ACK, FIN),
		[FERRY_CALL_ABORT]	 = END(RST, ECONNRESET),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, EPIPE),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_OLD]	 = STAY(CHALLENGE),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
	},
	[TCP_CLOSING] = {
		[FERRY_CALL_ABORT]	 = END(NOTHING, 0),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_OLD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_FIN]	 = GO(TIME_WAIT, NOTHING),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
	},
	[TCP_LAST_ACK] = {
		[FERRY_CALL_ABORT]	 = END(NOTHING, 0),
		[FERRY_CALL_ABORT_LOSSY] = END(RST, ECONNRESET),
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		[FERRY_SEG_RST]		 = END(NOTHING, ECONNRESET),
		[FERRY_SEG_RST_BLIND]	 = STAY(CHALLENGE),
		[FERRY_SEG_SYN]		 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_BAD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_OLD]	 = STAY(CHALLENGE),
		[FERRY_SEG_ACK_FIN]	 = END(NOTHING, 0),
		[FERRY_TIMEOUT]		 = END(NOTHING, ETIMEDOUT),
	},
	/* No RST ends it: RFC 1337. */
	[TCP_TIME_WAIT] = {
		[FERRY_SEG_OUTSIDE]	 = STAY(ACK_LIMITED),
		/* The listener, if there is one, gets it. */
		[FERRY_SEG_SYN_NEW]	 = END(NOTHING, 0),
		/* It starts the 2 MSL anew. */
		[FERRY_SEG_FIN]		 = GO(TIME_WAIT, ACK_LIMITED),
		[FERRY_TIMEOUT]		 = END(NOTHING, 0),
	},
};

/**
 * ferry_machine() - what an event does in a state
 * @state: TCP_ESTABLISHED ... TCP_NEW_SYN_RECV
 * @event: the event
 *
 * The errno of FERRY_ICMP stands for the one that the message means.
 *
 * Return: the next state, which may be the same one, what is sent and the
 * error for the application.
 */
struct ferry_step ferry_machine(int state, enum ferry_event event)
{
	struct ferry_step step = machine[state][event];

	if (!step.next)
		step.next = state;
	return step;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_machine);

/**
 * ferry_reset_for() - FERRY_SEND_RST_BACK
 * @seg: the segment that is answered, not a RST
 *
 * RFC 9293 section 3.10.7.1: numbers that its sender takes for good.
 *
 * Return: the RST.
 */
struct ferry_seg ferry_reset_for(const struct ferry_seg *seg)
{
	if (seg->flags & FERRY_ACK)
		return (struct ferry_seg){
			.seq = seg->ack, .end_seq = seg->ack,
			.flags = FERRY_RST,
		};
	return (struct ferry_seg){
		.ack = seg->end_seq, .flags = FERRY_RST | FERRY_ACK,
	};
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_reset_for);

/* Section 3.10.7.1 and 3.10.7.2: there is no peer yet. */
static enum ferry_event classify_new(const struct ferry_seg *seg)
{
	if (seg->flags & FERRY_RST)
		return FERRY_SEG_OUTSIDE_RST;
	if (seg->flags & FERRY_ACK)
		return FERRY_SEG_ACK_BAD;
	/* A connection cannot end before it begins. */
	if ((seg->flags & (FERRY_SYN | FERRY_FIN)) == FERRY_SYN)
		return FERRY_SEG_SYN;
	return FERRY_SEG_FLAGS;
}

/* Section 3.10.7.3 */
static enum ferry_event classify_syn_sent(const struct ferry_seg *seg,
					  const struct ferry_expected *x)
{
	bool rst = seg->flags & FERRY_RST;

	if (seg->flags & FERRY_ACK &&
	    (!seq_after(seg->ack, x->snd_una) ||
	     seq_after(seg->ack, x->snd_nxt)))
		return rst ? FERRY_SEG_OUTSIDE_RST : FERRY_SEG_ACK_BAD;
	if (rst)
		return seg->flags & FERRY_ACK ? FERRY_SEG_RST :
						FERRY_SEG_OUTSIDE_RST;
	if (!(seg->flags & FERRY_SYN))
		return FERRY_SEG_FLAGS;
	return seg->flags & FERRY_ACK ? FERRY_SEG_SYN_ACK : FERRY_SEG_SYN;
}

/* RFC 7323 section 5.3; a RST is exempt. */
static bool is_old_duplicate(const struct ferry_seg *seg)
{
	return seg->ts < 0 && !(seg->flags & FERRY_RST);
}

/*
 * A SYN that no segment of the old connection can be: with a number above all
 * of its numbers, or with a later timestamp than all of its own (RFC 6191
 * section 2).
 */
static bool is_new_syn(const struct ferry_seg *seg,
		       const struct ferry_expected *x)
{
	return (seg->flags & (FERRY_SYN | FERRY_ACK)) == FERRY_SYN &&
	       (seq_after(seg->seq, x->rcv_nxt) || seg->ts > 0);
}

/* Section 3.10.7.4 in TIME-WAIT; section 3.6.1 */
static enum ferry_event classify_time_wait(const struct ferry_seg *seg,
					   const struct ferry_expected *x)
{
	if (seg->flags & FERRY_RST)
		return FERRY_SEG_OUTSIDE_RST;
	if (is_old_duplicate(seg))
		return FERRY_SEG_OUTSIDE;
	if (is_new_syn(seg, x))
		return FERRY_SEG_SYN_NEW;
	if (seg->seq == x->rcv_nxt && seg->seq == seg->end_seq)
		return FERRY_SEG_ACK;
	if (seg->flags & FERRY_FIN && seg->end_seq == x->rcv_nxt)
		return FERRY_SEG_FIN;
	return FERRY_SEG_OUTSIDE;
}

/* First check: the sequence number. */
static bool is_acceptable(const struct ferry_seg *seg,
			  const struct ferry_expected *x)
{
	u32 right = x->rcv_nxt + x->rcv_wnd;

	if (!x->strict)
		return ferry_seq_acceptable(seg->seq, seg->end_seq, x->rcv_wup,
					    x->rcv_nxt, x->rcv_wnd);
	if (seg->seq == seg->end_seq)
		return seq_between(seg->seq, x->rcv_nxt, right);
	return seq_after(seg->end_seq, x->rcv_nxt) &&
	       seq_before(seg->seq, right);
}

/* The SYN of the peer, as the connection knows it. */
static bool is_first_syn(const struct ferry_seg *seg,
			 const struct ferry_expected *x)
{
	return seg->flags & FERRY_SYN && seg->seq + 1 == x->rcv_nxt;
}

/* Section 3.5, figure 8: both ends have answered the other's SYN. */
static bool is_crossing_syn_ack(int state, const struct ferry_seg *seg,
				const struct ferry_expected *x)
{
	return state == TCP_SYN_RECV && is_first_syn(seg, x) &&
	       seg->end_seq == x->rcv_nxt && seg->flags & FERRY_ACK &&
	       seg->ack == x->snd_nxt;
}

/* Section 3.10.7.4, with section 3.2, 4.2 and 5.2 of RFC 5961 */
static enum ferry_event classify_synchronized(int state,
					      const struct ferry_seg *seg,
					      const struct ferry_expected *x)
{
	bool opening = state == TCP_SYN_RECV || state == TCP_NEW_SYN_RECV;

	if (is_old_duplicate(seg))
		return FERRY_SEG_OUTSIDE;
	if (state == TCP_NEW_SYN_RECV && is_first_syn(seg, x) &&
	    !(seg->flags & (FERRY_RST | FERRY_ACK)))
		return FERRY_SEG_SYN_AGAIN;
	/* first, the sequence number */
	if (!is_acceptable(seg, x))
		return seg->flags & FERRY_RST ? FERRY_SEG_OUTSIDE_RST :
						FERRY_SEG_OUTSIDE;
	/* second, the RST bit */
	if (seg->flags & FERRY_RST)
		return seg->seq == x->rcv_nxt ? FERRY_SEG_RST :
						FERRY_SEG_RST_BLIND;
	/* fourth, the SYN bit */
	if (seg->flags & FERRY_SYN && !is_crossing_syn_ack(state, seg, x))
		return FERRY_SEG_SYN;
	/* fifth, the ACK field */
	if (!(seg->flags & FERRY_ACK))
		return FERRY_SEG_FLAGS;
	if (opening)
		return seg->ack == x->snd_nxt ? FERRY_SEG_ACK_SYN :
						FERRY_SEG_ACK_BAD;
	if (seq_after(seg->ack, x->snd_nxt))
		return FERRY_SEG_ACK_BAD;
	if (seq_before(seg->ack, x->snd_una - x->max_window))
		return FERRY_SEG_ACK_OLD;
	return FERRY_SEG_ACK;
}

/**
 * ferry_classify() - which event is a segment?
 * @state: TCP_ESTABLISHED ... TCP_NEW_SYN_RECV
 * @seg: the segment
 * @x: what the connection expects
 *
 * Return: the event.  After FERRY_SEG_ACK and FERRY_SEG_ACK_SYN the segment is
 * acceptable, and what it acknowledges and brings is still to be looked at.
 */
enum ferry_event ferry_classify(int state, const struct ferry_seg *seg,
				const struct ferry_expected *x)
{
	switch (state) {
	case TCP_CLOSE:
	case TCP_LISTEN:
		return classify_new(seg);
	case TCP_SYN_SENT:
		return classify_syn_sent(seg, x);
	case TCP_TIME_WAIT:
		return classify_time_wait(seg, x);
	default:
		return classify_synchronized(state, seg, x);
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_classify);
