// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tail loss probe (RFC 8985 section 7).
 *
 * When the last segments of a flight are lost, no later one makes the peer
 * speak of them, and only the retransmission timer would help.  So two round
 * trips after the last ACK, one segment is sent: a new one if there is one,
 * else the last one again.  Its ACK shows RACK what is missing.
 *
 * If the last segment itself was lost, the probe has repaired it, and nothing
 * else would show that there was congestion; so the window is reduced unless
 * the peer reports that it got the segment twice.
 */
#include <linux/kernel.h>
#include <linux/time64.h>

#include "compat.h"
#include "recovery.h"

/**
 * ferry_tlp_timeout() - when to probe
 * @rec: recovery state
 * @ca: congestion state
 * @sack: SACK is in use
 * @delack_us: how long the peer may hold an ACK for a single segment back, in
 *	microseconds
 *
 * RFC 8985 section 7.2.  Pure; socket lock held.
 *
 * Return: microseconds from now, 0 if there is no probe to be sent.
 */
u32 ferry_tlp_timeout(const struct ferry_recovery *rec,
		      const struct ferry_cong *ca, bool sack, u32 delack_us)
{
	u32 timeout;

	if (!sack || !ca->packets_out || rec->tlp ||
	    (ca->state != FERRY_CA_OPEN && ca->state != FERRY_CA_CWR))
		return 0;
	if (!ferry_cong_srtt_us(ca))
		return USEC_PER_SEC;
	timeout = 2 * ferry_cong_srtt_us(ca);
	if (ca->packets_out == 1)
		timeout += delack_us;
	return timeout;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_tlp_timeout);

/**
 * ferry_tlp_sent() - a probe has been sent
 * @rec: recovery state
 * @snd_nxt: SND.NXT after it
 * @retrans: it was a retransmission
 *
 * RFC 8985 section 7.3.  Pure; socket lock held.
 */
void ferry_tlp_sent(struct ferry_recovery *rec, u32 snd_nxt, bool retrans)
{
	rec->tlp = 1;
	rec->tlp_retrans = retrans;
	rec->tlp_end = snd_nxt;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_tlp_sent);

/**
 * ferry_tlp_ack() - has the probe repaired a loss?
 * @st: an ACK while a probe is not answered; its SACK blocks are read
 *
 * RFC 8985 section 7.4.2.  Pure; socket lock held.
 */
void ferry_tlp_ack(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;

	if (seq_before(st->snd_una, rec->tlp_end))
		return;
	if (!rec->tlp_retrans || st->dsack_tlp) {
		rec->tlp = 0;
	} else if (seq_after(st->snd_una, rec->tlp_end)) {
		/* Both would have been acknowledged: one was lost. */
		ferry_recovery_probe_lost(st);
	} else if (!ferry_una_advanced(st) && st->dupack && !st->sacked) {
		/* The second of two ACKs: both have arrived. */
		rec->tlp = 0;
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_tlp_ack);
