/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection in any state of RFC 9293, whose peer is made by hand (wire.h).
 * What happens to it afterwards is up to the test.
 */
#ifndef FERRY_SELFTESTS_STAGE_H
#define FERRY_SELFTESTS_STAGE_H

#include "wire.h"

#define ISS 1000000u	/* the peer's initial sequence number */
#define PEER_WINDOW 60000u
#define PEER_TIME 1000000u	/* the peer's clock, if it offers timestamps */
#define UNSENT 10	/* bytes that the kernel has sent and nobody acked */

enum place {
	AT_CLOSED,		/* a port where nobody is */
	AT_LISTEN,
	AT_SYN_SENT,
	AT_SYN_RECV,		/* half open */
	AT_SYN_CROSSED,		/* SYN_RECV of a simultaneous open */
	AT_ESTABLISHED,		/* data in flight */
	AT_FIN_WAIT1,		/* shutdown(), data and FIN in flight */
	AT_FIN_WAIT2,
	AT_CLOSE_WAIT,		/* data in flight */
	AT_CLOSING,		/* FIN in flight */
	AT_LAST_ACK,		/* data and FIN in flight */
	AT_TIME_WAIT,
	AT_FIN_WAIT1_ORPHAN,	/* after close() */
	AT_FIN_WAIT2_ORPHAN,
	PLACES,
};

const char *place_name(enum place place);

/* Everything about one connection; numbers are those on the wire. */
struct stage {
	struct wire *w;
	int proto;
	int listener;
	__u16 listen_port;
	__u16 port;	/* the kernel's */
	__u16 mine;	/* the peer's */
	int fd;		/* -1 if there is none */
	bool offers;	/* the peer offers SACK and timestamps when dialled to */
	__u32 iss;	/* the kernel's ISS */
	__u32 snd;	/* next sequence number of the peer */
	__u32 una;	/* oldest of the kernel's that the peer has not acked */
	__u32 nxt;	/* next of the kernel's */
	__u32 edge;	/* right edge of the window that the kernel announced */
};

/* Open the device, and switch off options and limits for both protocols. */
void stage_world(struct wire *w, enum family fam);
/* One protocol's listener in that world. */
void stage_open(struct stage *st, struct wire *w, int proto);
void stage_close(struct stage *st);

/* A connection in a state, from a port of the peer not used before. */
void stage_bring(struct stage *st, enum place place);
/* Be rid of it, with a RST, so that nothing is sent again. */
void stage_leave(struct stage *st);

/* A segment of the peer as it should be. */
struct segment stage_segment(const struct stage *st, __u8 flags);
/* Send one from this protocol. */
void stage_send(struct stage *st, const struct segment *s);
/* The next segment for this connection; it must come. */
void stage_await(struct stage *st, struct segment *r);
/*
 * Call @seen for each segment of this connection that has come until now.
 * A SYN to a port where nobody is marks the end: its RST comes last.
 */
void stage_drain(struct stage *st,
		 void (*seen)(struct stage *st, const struct segment *r,
			      void *arg), void *arg);

/* TCP_INFO's state, 0 without a descriptor. */
int stage_state(const struct stage *st);
const char *state_name(int state);

/* What was seen of one protocol, on a line; all zero to begin with. */
struct sight {
	char text[1000];
	size_t len;
};

void see(struct sight *sight, const char *fmt, ...) __printf(2, 3);

#endif /* FERRY_SELFTESTS_STAGE_H */
