/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delivery rate estimation: how fast the network took what was sent.
 * Pure: no sockets, no clock.
 */
#ifndef _FERRY_RATE_H
#define _FERRY_RATE_H

#include "cong.h"

/* &ferry_cong.rate cannot tell less than a segment in a hundred seconds. */
#define FERRY_RATE_SHIFT	27

/**
 * struct ferry_rate_tx - the state of delivery when a segment was sent
 * @delivered: &ferry_cong.delivered
 * @delivered_ce: &ferry_cong.delivered_ce, its lower 31 bits
 * @app_limited: the application had not enough to send
 * @delivered_us: &ferry_cong.delivered_us
 * @first_tx_us: &ferry_cong.first_tx_us
 *
 * Kept with every sent segment until it is delivered.
 */
struct ferry_rate_tx {
	u32 delivered;
	u32 delivered_ce:31,
	    app_limited:1;
	u32 delivered_us;
	u32 first_tx_us;
};

void ferry_rate_sent(struct ferry_cong *ca, struct ferry_rate_tx *tx);
void ferry_rate_delivered(struct ferry_cong *ca,
			  const struct ferry_rate_tx *tx, u32 sent_us,
			  u32 end_seq, bool retrans,
			  struct ferry_ack_sample *sample);
void ferry_rate_generate(struct ferry_cong *ca, u32 delivered, u32 losses,
			 u32 min_rtt_us, struct ferry_ack_sample *sample);
void ferry_rate_app_limited(struct ferry_cong *ca);
u64 ferry_rate_shown(const struct ferry_cong *ca);

#endif /* _FERRY_RATE_H */
