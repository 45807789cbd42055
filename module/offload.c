// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segmentation in software (GSO), and what the core knows us by: gro.c does the
 * reverse of it.
 *
 * A large packet of ours goes through the stack in one piece.  Where a device
 * cannot take it, see FERRY_GSO_V4 in ferry.h, the core asks for its segments
 * here.  Payload and addresses are skb_segment()'s work; what is left are
 * sequence number, flags and checksum of each.
 */
#include <net/inet_common.h>
#include <net/ip6_checksum.h>
#include <net/protocol.h>

#include "ferry.h"

/*
 * Until it is complete, the checksum field holds the folded sum of the
 * pseudo-header; only the length in it differs from that of the large packet.
 */
static void set_checksum(struct sk_buff *seg, __sum16 check, unsigned int old)
{
	unsigned int len = seg->len - skb_transport_offset(seg);
	struct tcphdr *th = ferry_hdr(seg);
	__wsum sum = csum_unfold(check);

	sum = csum_sub(sum, (__force __wsum)htons(old));
	sum = csum_add(sum, (__force __wsum)htons(len));
	th->check = ~csum_fold(sum);
	if (seg->ip_summed == CHECKSUM_PARTIAL)
		gso_reset_checksum(seg, ~csum_unfold(th->check));
	else
		th->check = gso_make_checksum(seg,
					      ~csum_unfold(th->check));
}

static struct sk_buff *gso_segment(struct sk_buff *skb,
				   netdev_features_t features)
{
	unsigned int mss = skb_shinfo(skb)->gso_size, old, hdr_len;
	const struct sock *sk = skb->sk;
	struct sk_buff *segs, *seg;
	__sum16 check;
	u8 flags;
	u32 seq;

	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_SCTP) ||
	    skb->ip_summed != CHECKSUM_PARTIAL || !ferry_header_ok(skb))
		return ERR_PTR(-EINVAL);

	hdr_len = ferry_hdr_len(ferry_hdr(skb));
	old = skb->len;
	if (old <= hdr_len + mss)
		return ERR_PTR(-EINVAL);
	seq = ntohl(ferry_hdr(skb)->seq);
	flags = ferry_hdr_flags(ferry_hdr(skb));
	check = ferry_hdr(skb)->check;
	__skb_pull(skb, hdr_len);

	/* From an untrusted source and good after all: only count again. */
	if (skb_gso_ok(skb, features | NETIF_F_GSO_ROBUST)) {
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(skb->len, mss);
		return NULL;
	}

	/* Hardware that looks for TCP would leave the checksum as it is. */
	if (!(features & NETIF_F_HW_CSUM))
		features &= ~NETIF_F_CSUM_MASK;
	segs = skb_segment(skb, features);
	if (IS_ERR(segs))
		return segs;
	/*
	 * What was merged (gro.c) can have a form that a device does not take,
	 * but as a few packets of many segments each.
	 */
	if (skb_is_gso(segs))
		mss *= skb_shinfo(segs)->gso_segs;

	for (seg = segs; seg; seg = seg->next) {
		if (!seg->next && skb->destructor == ferry_wfree) {
			/* As long as the last one waits, they wait. */
			swap(seg->truesize, skb->truesize);
			swap(seg->destructor, skb->destructor);
			swap(seg->sk, skb->sk);
		}
		ferry_hdr(seg)->seq = htonl(seq);
		((u8 *)ferry_hdr(seg))[13] = seg->next ?
			flags & ~(FERRY_FIN | FERRY_PSH) : flags;
		set_checksum(seg, check, old);
		ferry_tstamp_segment(sk, skb, seg, seq, mss);
		seq += mss;
		flags &= ~FERRY_CWR;
	}
	return segs;
}

static const struct net_offload offload4 = {
	.callbacks = {
		.gso_segment = gso_segment,
		.gro_receive = ferry_gro_receive4,
		.gro_complete = ferry_gro_complete4,
	},
};

static const struct net_offload offload6 = {
	.callbacks = {
		.gso_segment = gso_segment,
		.gro_receive = ferry_gro_receive6,
		.gro_complete = ferry_gro_complete6,
	},
};

/**
 * ferry_offload_init() - segment our large packets, and merge small ones
 *
 * Return: 0, or -EEXIST if somebody else has the protocol number.
 */
int __init ferry_offload_init(void)
{
	if (inet_add_offload(&offload4, ferry_protocol))
		return -EEXIST;
	if (inet6_add_offload(&offload6, ferry_protocol)) {
		ferry_gro_stop();
		inet_del_offload(&offload4, ferry_protocol);
		return -EEXIST;
	}
	return 0;
}

/**
 * ferry_offload_exit() - undo ferry_offload_init()
 */
void ferry_offload_exit(void)
{
	ferry_gro_stop();
	inet6_del_offload(&offload6, ferry_protocol);
	inet_del_offload(&offload4, ferry_protocol);
}
