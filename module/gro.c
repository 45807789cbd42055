// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that a device delivers one by one go up as one packet (GRO).
 *
 * While a device is polled, the core holds packets back and shows us each new
 * one together with those that it holds.  One that continues a held one is
 * merged into it; merge.c says which may be.  At the end of the poll, or as
 * soon as nothing more may follow, the held packet gets the form of the large
 * packets that we send (offload.c), and goes up.  To everything above it is
 * such a packet: it may be forwarded, and cut up again on the way out.
 *
 * The payload is appended page by page, by skb_try_coalesce(), and counts
 * as the packet's own.  Where that cannot be done, since all slots for pages
 * are taken or the data is not in pages, the whole buffer is appended to the
 * packet's frag_list, and what follows is tried on that one.  skb_segment()
 * wants each buffer there to begin with a segment, and no more of it than that
 * in its linear part; so nothing is ever copied into it.
 *
 * Context: the poll of a device, in BH and under RCU; what is held belongs to
 * the one who polls.
 */
#include <net/gro.h>

#include "ferry.h"
#include "merge.h"

/* 64 KB of segments of the default MSS; bounds how long the list can get. */
#define SEGS_MAX	128U

/* Set while the module is being unloaded: begin nothing. */
static bool stopped;

/* The header, options included; what is looked at next is behind it. */
static const struct tcphdr *pull_header(struct sk_buff *skb)
{
	unsigned int off = skb_gro_offset(skb), len;
	const struct tcphdr *th;

	th = skb_gro_header(skb, off + sizeof(*th), off);
	if (!th || ferry_hdr_len(th) < sizeof(*th))
		return NULL;
	len = ferry_hdr_len(th);
	th = skb_gro_header(skb, off + len, off);
	if (th)
		skb_gro_pull(skb, len);
	return th;
}

/* A held packet of the same connection, or NULL. */
static struct sk_buff *find_held(const struct list_head *head,
				 const struct tcphdr *th)
{
	struct sk_buff *held;

	list_for_each_entry(held, head, list) {
		if (!NAPI_GRO_CB(held)->same_flow)
			continue;
		if (ferry_hdr(held)->source == th->source &&
		    ferry_hdr(held)->dest == th->dest)
			return held;
		NAPI_GRO_CB(held)->same_flow = 0;
	}
	return NULL;
}

/* Take over the pages; false if that cannot be done. */
static bool append_pages(struct sk_buff *to, struct sk_buff *skb)
{
	bool stolen;
	int delta;

	if (skb->len <= skb_tailroom(to) ||
	    !skb_try_coalesce(to, skb, &stolen, &delta))
		return false;
	/* The core frees it, or a driver uses it again. */
	skb->truesize -= delta;
	skb->len -= skb->data_len;
	skb->data_len = 0;
	NAPI_GRO_CB(skb)->free = stolen ? NAPI_GRO_FREE_STOLEN_HEAD :
					  NAPI_GRO_FREE;
	return true;
}

/* Merge a segment into a held packet; false if the memory is unfit. */
static bool append(struct sk_buff *held, struct sk_buff *skb)
{
	unsigned int headers = skb_gro_offset(skb), len = skb_gro_len(skb);
	struct sk_buff *last = NAPI_GRO_CB(held)->last;
	unsigned int truesize = skb->truesize;

	/* As skb_try_coalesce(): who counts the references must be clear. */
	if (skb_cloned(held) || held->pp_recycle != skb->pp_recycle ||
	    skb_zcopy(held) || skb_zcopy(skb) || !pskb_may_pull(skb, headers))
		return false;
	__skb_pull(skb, headers);
	skb_orphan(held);
	skb_orphan(skb);

	if (append_pages(last, skb)) {
		truesize -= skb->truesize;
	} else {
		if (last == held)
			skb_shinfo(held)->frag_list = skb;
		else
			last->next = skb;
		__skb_header_release(skb);
		NAPI_GRO_CB(held)->last = skb;
		last = skb;
	}
	if (last != held) {
		held->len += len;
		held->data_len += len;
		held->truesize += truesize;
	}
	skb_shinfo(held)->flags |= skb_shinfo(skb)->flags & SKBFL_SHARED_FRAG;
	return true;
}

static bool may_append(struct sk_buff *held, const struct sk_buff *skb,
		       const struct tcphdr *th)
{
	const struct ferry_train train = {
		.th = ferry_hdr(held), .len = skb_gro_len(held),
		.mss = skb_shinfo(held)->gso_size,
	};
	u32 len = skb_gro_len(skb);

	return !ferry_gro_ip_differs(held, train.th, th) &&
	       !NAPI_GRO_CB(skb)->flush && !skb_is_gso(skb) &&
	       ferry_train_takes(&train, th, len) &&
	       held->len + len < ferry_gro_max_size(held) &&
	       NAPI_GRO_CB(held)->count < SEGS_MAX;
}

/*
 * Merge it, let it be held, or set &napi_gro_cb.flush if it shall go up now.
 * Returns a held packet that shall go up before, or NULL.
 */
static struct sk_buff *receive(struct list_head *head, struct sk_buff *skb)
{
	const struct tcphdr *th = pull_header(skb);
	u32 len = skb_gro_len(skb);
	struct sk_buff *held;
	bool ends;
	u8 flags;

	if (!th) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	held = find_held(head, th);
	if (held && may_append(held, skb, th)) {
		flags = ferry_hdr_flags(th);
		ends = ferry_train_ends(th, len, skb_shinfo(held)->gso_size);
		if (append(held, skb)) {
			((u8 *)ferry_hdr(held))[13] |= flags;
			NAPI_GRO_CB(held)->count++;
			NAPI_GRO_CB(skb)->same_flow = 1;
			return ends ? held : NULL;
		}
	}
	/* What is large or ends here waits for nothing. */
	if (skb_is_gso(skb) || ferry_train_ends(th, len, len))
		NAPI_GRO_CB(skb)->flush = 1;
	return held;
}

/* Not for us: in a tunnel, or summed by somebody who knows it better. */
static bool passes_by(const struct sk_buff *skb)
{
	return READ_ONCE(stopped) || NAPI_GRO_CB(skb)->encap_mark ||
	       skb->encapsulation ||
	       (skb->ip_summed == CHECKSUM_PARTIAL &&
		skb->csum_offset != offsetof(struct tcphdr, check));
}

/**
 * ferry_gro_receive4() - a segment has come in an IPv4 packet
 * @head: what is held; those of the same addresses have &napi_gro_cb.same_flow
 * @skb: the segment, not in @head
 *
 * Return: what of @head shall go up now, or NULL.
 */
struct sk_buff *ferry_gro_receive4(struct list_head *head, struct sk_buff *skb)
{
	if (passes_by(skb) ||
	    (!NAPI_GRO_CB(skb)->flush &&
	     skb_gro_checksum_validate(skb, ferry_protocol,
				       inet_gro_compute_pseudo))) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	return receive(head, skb);
}

/**
 * ferry_gro_receive6() - a segment has come in an IPv6 packet
 * @head: as for ferry_gro_receive4()
 * @skb: likewise
 *
 * Return: what of @head shall go up now, or NULL.
 */
struct sk_buff *ferry_gro_receive6(struct list_head *head, struct sk_buff *skb)
{
	if (passes_by(skb) ||
	    (!NAPI_GRO_CB(skb)->flush &&
	     skb_gro_checksum_validate(skb, ferry_protocol,
				       ip6_gro_compute_pseudo))) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	return receive(head, skb);
}

/* A merged packet goes up: make it one of ours. */
static int finish(struct sk_buff *skb, unsigned int gso_type)
{
	unsigned int segs = NAPI_GRO_CB(skb)->count;

	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb_shinfo(skb)->gso_segs = segs;
	skb_shinfo(skb)->gso_type |= gso_type;
	ferry_mib_add(ferry_net_rcu(dev_net(skb->dev)), FERRY_MIB_GRO_MERGED,
		      segs - 1);
	return 0;
}

/**
 * ferry_gro_complete4() - a merged IPv4 packet goes up
 * @skb: the packet; the length in its IP header is right again
 * @offset: of our header
 *
 * Return: 0
 */
int ferry_gro_complete4(struct sk_buff *skb, int offset)
{
	const struct iphdr *iph = ip_hdr(skb);

	ferry_hdr(skb)->check = ~csum_tcpudp_magic(iph->saddr, iph->daddr,
						   skb->len - offset,
						   ferry_protocol, 0);
	return finish(skb, FERRY_GSO_V4 | ferry_gro_fixed_id(skb));
}

/**
 * ferry_gro_complete6() - a merged IPv6 packet goes up
 * @skb: as for ferry_gro_complete4()
 * @offset: likewise
 *
 * Return: 0
 */
int ferry_gro_complete6(struct sk_buff *skb, int offset)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	ferry_hdr(skb)->check = ~csum_ipv6_magic(&iph->saddr, &iph->daddr,
						 skb->len - offset,
						 ferry_protocol, 0);
	return finish(skb, FERRY_GSO_V6);
}

/**
 * ferry_gro_stop() - hold nothing any more
 *
 * Whoever polls lets go of what he holds when he is done, or by the next tick;
 * a device that was told to hold things for longer (gro_flush_timeout) may
 * lose a packet then, and the kernel says so.
 *
 * Context: process context, module unload.
 */
void ferry_gro_stop(void)
{
	WRITE_ONCE(stopped, true);
	synchronize_net();
	schedule_timeout_uninterruptible(2);
	synchronize_net();
}
