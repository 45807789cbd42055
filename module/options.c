// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which options the segments of a connection carry, and what those that come
 * say: timestamps (RFC 7323), SACK (RFC 2018), ECN's negotiation (RFC 3168).
 *
 * Each end offers in its SYN or SYN-ACK what its settings allow.  Only what
 * both have offered is used afterwards; while our SYN is not answered, the
 * bits has_tstamp, sack_ok, has_wscale and ecn_ok of the socket say what it
 * has offered.  segment.c knows how options look.
 *
 * Context: socket lock held where there is a full socket.
 */
#include "cookie.h"
#include "ferry.h"

/* RFC 3168 section 6.1.1: so a SYN asks for ECN, and ECE alone agrees. */
#define ECN_SETUP	(FERRY_ECE | FERRY_CWR)

/**
 * ferry_options_offer() - what our SYN is going to offer
 * @sk: socket in SYN_SENT, hashed
 */
void ferry_options_offer(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	struct ferry_sock *fp = ferry_sk(sk);

	fp->has_tstamp = !!READ_ONCE(sysctl->timestamps);
	fp->sack_ok = READ_ONCE(sysctl->sack);
	fp->ecn_ok = READ_ONCE(sysctl->ecn) == 1 ||
		     fp->conn.cong.ops->flags & FERRY_CONG_NEEDS_ECN ||
		     ferry_route_ecn(__sk_dst_get(sk)) & RTAX_FEATURE_ECN;
	fp->has_wscale = READ_ONCE(sysctl->window_scaling);
	fp->ts_recent = 0;
	fp->ecn_echo = 0;
	fp->conn.ecn_seen = 0;
}

/**
 * ferry_options_agree() - the peer's SYN or SYN-ACK has come to SYN_SENT
 * @sk: the socket; its offers become what both have offered
 * @skb: the segment
 * @o: its options
 */
void ferry_options_agree(struct sock *sk, const struct sk_buff *skb,
			 const struct ferry_options *o)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);
	u8 agrees = cb->flags & FERRY_ACK ? FERRY_ECE : ECN_SETUP;

	fp->sack_ok &= o->has_sack_perm;
	fp->ecn_ok &= (cb->flags & ECN_SETUP) == agrees;
	fp->has_tstamp &= o->has_timestamp;
	if (fp->has_tstamp)
		ferry_ts_store(fp, o->ts_val);
	fp->conn.mss_clamp = max_t(u16, o->mss ?: FERRY_MSS_DEFAULT,
				   FERRY_MSS_MIN);
	if (fp->has_wscale && o->has_wscale) {
		fp->snd_wscale = o->wscale;
	} else {
		fp->has_wscale = 0;
		fp->rcv_wscale = 0;
		fp->rcv_wnd = min(fp->rcv_wnd, FERRY_WINDOW_UNSCALED_MAX);
	}
}

/**
 * ferry_options_read() - the options of a segment of a connection
 * @sk: the socket, synchronized
 * @skb: the segment
 * @o: where they go; what was not negotiated is left out
 */
void ferry_options_read(struct sock *sk, const struct sk_buff *skb,
			struct ferry_options *o)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	ferry_skb_options(skb, o);
	o->has_timestamp &= fp->has_tstamp;
	if (!fp->sack_ok)
		o->num_sacks = 0;
	if (unlikely(o->malformed))
		ferry_count(sock_net(sk), MALFORMED_OPTIONS);
}

/**
 * ferry_syn_flags() - the ECN bits that a SYN or SYN-ACK carries
 * @sk: the socket
 * @flags: its control bits
 *
 * A SYN that was lost may have met a middlebox that drops such SYNs, so it
 * goes without them the second time (RFC 3168 section 6.1.1.1).
 *
 * Return: control bits.
 */
u8 ferry_syn_flags(const struct sock *sk, u8 flags)
{
	if (!ferry_sk(sk)->ecn_ok)
		return flags;
	if (flags & FERRY_ACK)
		return flags | FERRY_ECE;
	return ferry_csk(sk)->retransmits ? flags : flags | ECN_SETUP;
}

/* SACK blocks for which there is room beside the data: none in a full segment. */
static unsigned int sack_blocks_that_fit(const struct sk_buff *skb)
{
	u32 mss = FERRY_SKB_CB(skb)->mss;

	if (!skb->len)
		return FERRY_SACK_BLOCKS_MAX;
	if (skb->len + 4 > mss)
		return 0;
	return (mss - skb->len - 4) / sizeof(struct ferry_sack_block);
}

/**
 * ferry_options_fit() - will a segment say all that an ACK has to say?
 * @sk: the socket
 * @skb: the segment; its payload alone, described by its control block
 *
 * The MSS is not made smaller for SACK blocks: where there is no room for one
 * beside the data, none goes, and an ACK that is owed has to follow.
 *
 * Return: true if it will.
 */
bool ferry_options_fit(const struct sock *sk, const struct sk_buff *skb)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	return !fp->sack_ok || likely(!ferry_ofo_has_blocks(ferry_ofo(fp))) ||
	       sack_blocks_that_fit(skb);
}

/* The options of a SYN, or of a segment that has SACK blocks or no timestamp. */
static unsigned int push_others(struct sock *sk, struct sk_buff *skb, u32 ts_val)
{
	struct ferry_options o = { .has_timestamp = ferry_sk(sk)->has_tstamp };
	struct ferry_sack_block sacks[FERRY_SACK_BLOCKS_MAX];
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_ofo *ofo = ferry_ofo(fp);
	u8 opt[FERRY_OPTIONS_MAX];
	unsigned int len;

	if (fp->has_tstamp) {
		o.ts_val = ts_val;
		o.ts_ecr = fp->ts_recent;
	}
	if (unlikely(cb->flags & FERRY_SYN)) {
		o.mss = ferry_mss_offer(sk);
		o.has_sack_perm = fp->sack_ok;
		o.has_wscale = fp->has_wscale;
		o.wscale = fp->rcv_wscale;
	} else if (fp->sack_ok && ferry_ofo_has_blocks(ofo)) {
		o.num_sacks = min(sack_blocks_that_fit(skb),
				  ferry_ofo_blocks(ofo, sacks));
		/* A duplicate is told once. */
		if (o.num_sacks)
			ofo->duplicate.end = ofo->duplicate.start;
	}
	len = ferry_options_build(opt, &o, sacks);
	memcpy(skb_push(skb, len), opt, len);
	return len;
}

/**
 * ferry_options_push() - put the options in front of a full socket's segment
 * @sk: the socket
 * @skb: the segment; its payload alone, described by its control block
 *
 * Return: bytes written, a multiple of four.
 */
unsigned int ferry_options_push(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	u32 ts_val = ferry_ts_of_us(fp->conn.cong.now_us) + fp->ts_offset;

	if (unlikely(!fp->has_tstamp ||
		     FERRY_SKB_CB(skb)->flags & FERRY_SYN ||
		     (fp->sack_ok && ferry_ofo_has_blocks(ferry_ofo(fp)))))
		return push_others(sk, skb, ts_val);
	ferry_options_build_timestamp(skb_push(skb, FERRY_TIMESTAMP_LEN),
				      ts_val, fp->ts_recent);
	return FERRY_TIMESTAMP_LEN;
}

/*
 * An algorithm that cannot do without marks; Linux TCP sends even the SYN so
 * that it can be marked.  It may change or end at this moment.
 */
static bool needs_ecn(const struct sock *listener)
{
	const struct ferry_cong_ops *ops =
		READ_ONCE(ferry_csk(listener)->cong.ops);

	return ops && ops->flags & FERRY_CONG_NEEDS_ECN;
}

/**
 * ferry_request_agree() - a SYN has come: what will both offer?
 * @req: the request; its addresses are set
 * @skb: the SYN
 * @o: its options
 * @dst: the route to the peer, or NULL
 *
 * A SYN that asks for ECN must not be marked as capable of it itself (RFC 3168
 * section 6.1.1), unless our algorithm wants all to be.
 */
void ferry_request_agree(struct ferry_request_sock *req,
			 const struct sk_buff *skb,
			 const struct ferry_options *o,
			 const struct dst_entry *dst)
{
	const struct ferry_sysctl *sysctl =
		&ferry_net(read_pnet(&req->common.skc_net))->sysctl;
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 route = ferry_route_ecn(dst);

	req->has_tstamp = o->has_timestamp && READ_ONCE(sysctl->timestamps);
	req->ts_recent = req->has_tstamp ? o->ts_val : 0;
	req->sack_ok = o->has_sack_perm && READ_ONCE(sysctl->sack);
	req->ecn_ok = (cb->flags & ECN_SETUP) == ECN_SETUP &&
		      (needs_ecn(req->listener) || route & DST_FEATURE_ECN_CA ||
		       (INET_ECN_is_not_ect(ferry_skb_dsfield(skb)) &&
			(READ_ONCE(sysctl->ecn) || route)));
	req->has_wscale = o->has_wscale && READ_ONCE(sysctl->window_scaling);
	req->snd_wscale = req->has_wscale ? o->wscale : 0;
}

/**
 * ferry_request_recall() - a SYN cookie has come back: what was agreed?
 * @req: the request; its addresses and hash are set
 * @skb: the ACK
 *
 * The timestamp that it echoes says so, see cookie.c.
 */
void ferry_request_recall(struct ferry_request_sock *req,
			  const struct sk_buff *skb)
{
	const struct net *net = read_pnet(&req->common.skc_net);
	struct ferry_cookie_options c = { };
	struct ferry_options o;

	ferry_skb_options(skb, &o);
	req->has_tstamp = o.has_timestamp &&
			  READ_ONCE(ferry_net(net)->sysctl.timestamps);
	req->ts_recent = req->has_tstamp ? o.ts_val : 0;
	if (req->has_tstamp)
		ferry_cookie_ts_read(o.ts_ecr - req->ts_offset, &c);
	req->has_wscale = c.has_wscale;
	req->snd_wscale = c.wscale;
	req->sack_ok = c.sack;
	req->ecn_ok = c.ecn;
}

static u32 cookie_clock(const struct ferry_request_sock *req, u32 clock)
{
	const struct ferry_cookie_options c = {
		.has_wscale = req->has_wscale,
		.wscale = req->snd_wscale,
		.sack = req->sack_ok,
		.ecn = req->ecn_ok,
	};

	return ferry_cookie_ts_make(clock, &c);
}

/**
 * ferry_request_options() - the options of a SYN-ACK or challenge ACK
 * @req: the request, hashed
 * @mss: the MSS to announce in a SYN-ACK; 0 for another segment
 * @opt: room for FERRY_OPTIONS_MAX bytes
 *
 * Return: bytes written, a multiple of four.
 */
unsigned int ferry_request_options(const struct ferry_request_sock *req,
				   u16 mss, u8 *opt)
{
	struct ferry_options o = {
		.mss = mss,
		.wscale = req->rcv_wscale,
		.has_wscale = mss && req->has_wscale,
		.has_sack_perm = mss && req->sack_ok,
		.has_timestamp = req->has_tstamp,
	};

	if (req->has_tstamp) {
		u32 clock = ferry_ts_clock();

		if (req->cookie)
			clock = cookie_clock(req, clock);
		o.ts_val = clock + req->ts_offset;
		o.ts_ecr = req->ts_recent;
	}
	return ferry_options_build(opt, &o, NULL);
}

/**
 * ferry_timewait_options() - the options of an ACK from TIME_WAIT
 * @tw: the mini socket
 * @opt: room for FERRY_OPTIONS_MAX bytes
 *
 * Return: bytes written, a multiple of four.
 */
unsigned int ferry_timewait_options(const struct ferry_timewait_sock *tw,
				    u8 *opt)
{
	struct ferry_options o = { .has_timestamp = tw->has_tstamp };

	if (tw->has_tstamp) {
		o.ts_val = ferry_ts_clock() + tw->ts_offset;
		o.ts_ecr = tw->ts_recent;
	}
	return ferry_options_build(opt, &o, NULL);
}

/**
 * ferry_options_inherit() - what a connection knows from its request
 * @sk: the new socket
 * @req: the request
 */
void ferry_options_inherit(struct sock *sk,
			   const struct ferry_request_sock *req)
{
	struct ferry_sock *fp = ferry_sk(sk);

	fp->has_tstamp = req->has_tstamp;
	fp->sack_ok = req->sack_ok;
	fp->ecn_ok = req->ecn_ok;
	fp->ecn_echo = 0;
	fp->conn.ecn_seen = 0;
	fp->has_wscale = req->has_wscale;
	fp->snd_wscale = req->snd_wscale;
	fp->rcv_wscale = req->rcv_wscale;
	fp->ts_offset = req->ts_offset;
	ferry_ts_store(fp, req->ts_recent);
}

/* ferry_ts_older() for a stream; the clock is read for the few that may be. */
static bool ts_older(const struct ferry_sock *fp, u32 ts_val, u32 slack)
{
	return ferry_ts_older(ts_val, fp->ts_recent, 0, slack) &&
	       ferry_ts_older(ts_val, fp->ts_recent,
			      (u32)ktime_get_seconds() - fp->ts_recent_stamp,
			      slack);
}

/**
 * ferry_ts_update() - remember the timestamp to be echoed
 * @fp: the stream
 * @cb: an acceptable segment
 * @o: its options
 *
 * RFC 7323 section 4.3: that of the segment which the next ACK acknowledges
 * first, and never an older one than before.
 */
void ferry_ts_update(struct ferry_sock *fp, const struct ferry_skb_cb *cb,
		     const struct ferry_options *o)
{
	if (o->has_timestamp && !seq_after(cb->seq, fp->rcv_wup) &&
	    !ts_older(fp, o->ts_val, 0))
		ferry_ts_store(fp, o->ts_val);
}

/* A pure ACK, overtaken long ago: harmless, and of no use. */
static bool overtaken_ack(const struct ferry_sock *fp,
			  const struct ferry_skb_cb *cb,
			  const struct ferry_options *o)
{
	u32 rto_ms = ferry_rto_us(&fp->conn.inet.sk) / USEC_PER_MSEC;

	return cb->flags == FERRY_ACK && cb->seq == cb->end_seq &&
	       cb->seq == fp->rcv_nxt && cb->ack_seq == fp->snd_una &&
	       !seq_after(cb->seq, fp->snd_wl1) &&
	       (u32)cb->window << fp->snd_wscale <= fp->snd_wnd &&
	       fp->ts_recent - o->ts_val <= rto_ms;
}

/**
 * ferry_paws_rejects() - protection against wrapped sequence numbers
 * @fp: the stream
 * @cb: a segment
 * @o: its options
 *
 * RFC 7323 section 5: a segment with an older timestamp than the last one is
 * an old duplicate, whatever its sequence number.  A RST is exempt.  A segment
 * that was overtaken on the way is no duplicate, and to drop it is to lose it:
 * FERRY_PAWS_OVERTAKEN ticks are forgiven, and a pure ACK as much as an RTO,
 * as by Linux TCP: to answer it would only look like a duplicate ACK.
 *
 * Return: true if the segment must be taken for one outside the window.
 */
bool ferry_paws_rejects(const struct ferry_sock *fp,
			const struct ferry_skb_cb *cb,
			const struct ferry_options *o)
{
	return o->has_timestamp &&
	       unlikely(ts_older(fp, o->ts_val, FERRY_PAWS_OVERTAKEN)) &&
	       !(cb->flags & FERRY_RST) && !overtaken_ack(fp, cb, o);
}
