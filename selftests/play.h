/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario of segments, played over TCP and over Ferry: the peer is made by
 * hand (wire.h), and what the kernel answers goes into a transcript.
 *
 * "No answer" cannot be waited for.  Such a segment is followed by one that
 * must be answered, and the test is that the first answer is to that one.
 */
#ifndef FERRY_SELFTESTS_PLAY_H
#define FERRY_SELFTESTS_PLAY_H

#include "wire.h"

#ifndef __maybe_unused
#define __maybe_unused __attribute((__unused__))
#endif

#define ISS	1000000u	/* the peer's initial sequence number */
#define CLOCK	0x80000000u	/* the peer's timestamps begin here */

/* What the peer offers in its SYN or SYN-ACK. */
enum offers {
	MSS = 1, WSCALE = 2, SACKOK = 4, TIMESTAMP = 8, ALL = 15,
};

/* One connection and what it needs; made afresh for each protocol. */
struct play {
	struct wire w;
	struct transcript *t;
	int listener;
	__u16 port;		/* the kernel's */
	__u16 mine;		/* the peer's */
	int offers;
	__u16 mss;		/* that the peer offers: 1000 */
	int fd;			/* once there is a connection */
	__u32 snd;		/* next sequence number of the peer */
	__u32 rcv;		/* next that the peer expects */
	__u32 their_iss;
	__u32 their_clock;	/* the last timestamp that came */
	__u32 clock;
};

/* @plain: without SACK, timestamps and ECN. */
void play_open(struct play *pl, enum family fam, int proto, bool plain,
	       struct transcript *t);
void play_close(struct play *pl);
/* A setting of this protocol, as for set_sysctl(). */
void setting(const struct play *pl, const char *name, int value);

/* A segment as it should be; and sending it. */
struct segment segment(const struct play *pl, __u8 flags);
void say(struct play *pl, __u8 flags);
/* Send one and wait for the next that comes, which is its answer. */
void answered(struct play *pl, const struct segment *s, struct segment *r);
/* The first SYN of the peer, without options. */
struct segment opening(const struct play *pl);
/* Bytes from @from to @to of the peer's stream; the first is number 1. */
void send_bytes(struct play *pl, int from, int to);

/*
 * Numbers are relative to the first of each end, so that they can be compared,
 * and so are the numbers in options.
 */
void note_segment(struct play *pl, const char *what, const struct segment *s);
void note_options(struct play *pl, const struct segment *s);
void note_answer(struct play *pl, const char *what);
/* All that is answered until a SYN that nobody expects. */
void note_silence(struct play *pl, const char *what);
/* The two steps of that: send the SYN; is the next answer to something else? */
void ask_for_mark(struct play *pl);
bool before_mark(struct play *pl, struct segment *s);

/* A SYN of the peer, and the SYN-ACK that answers it. */
void send_syn(struct play *pl, int offers, __u8 flags, __u8 tos);
/* The peer opens a connection. */
void open_by_peer(struct play *pl, int offers);
/* The kernel begins to; @syn is what it sent. */
void dial_peer(struct play *pl, struct segment *syn);
void add_offers(struct play *pl, struct segment *s, int offers);
/* What the route to the peer asks for, as ip-route(8) has it. */
void set_route(const struct play *pl, const char *wishes);
/*
 * A connection from here if @dials, else from the peer, with the control bits
 * @more in the peer's segments; @first is the SYN or SYN-ACK of this end.
 */
void open_way(struct play *pl, bool dials, int offers, __u8 more,
	      struct segment *first);
/* This end goes with a RST, and there may be another connection. */
void end_way(struct play *pl);

/*
 * A scenario is played over TCP and over Ferry, and must look the same.  What
 * it expects besides has to be so over both.
 */
#define PLAY(fixture, name, plain)					\
	static void name(struct __test_metadata __maybe_unused *_metadata, \
			 struct play *pl);				\
	TEST_F(fixture, name)						\
	{								\
		struct play pl;						\
		int i;							\
									\
		for (i = 0; i < 2; i++) {				\
			play_open(&pl, variant->fam,			\
				  proto_of(i), plain, &self->log[i]);	\
			name(_metadata, &pl);				\
			play_close(&pl);				\
		}							\
		EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1])); \
	}								\
	static void name(struct __test_metadata __maybe_unused *_metadata, \
			 struct play *pl)

#endif /* FERRY_SELFTESTS_PLAY_H */
