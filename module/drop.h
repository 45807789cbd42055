/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dropping a segment: counted, traced, and freed with a reason.
 */
#ifndef _FERRY_DROP_H
#define _FERRY_DROP_H

#include "machine.h"

struct net;
struct sk_buff;
struct sock;

#define FERRY_DROP(id, name, skb_reason)	FERRY_DROP_##id
/* Each is a counter, too; drop_list.h says which. */
enum ferry_drop_reason {
#include "drop_list.h"
	FERRY_DROP_MAX
};

#undef FERRY_DROP

extern const char * const ferry_drop_names[FERRY_DROP_MAX];

void ferry_drop_net(const struct net *net, struct sk_buff *skb,
		    enum ferry_drop_reason why);
void ferry_drop(struct sock *sk, struct sk_buff *skb,
		enum ferry_drop_reason why);

void ferry_drop_event(const struct net *net, struct sock *sk,
		      struct sk_buff *skb, int state, enum ferry_event event);

#endif /* _FERRY_DROP_H */
