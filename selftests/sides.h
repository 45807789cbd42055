/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP and Ferry side by side in virtual time, each with a peer made by hand.
 *
 * Both are watched at once, and whatever a scenario does it does to both in
 * the same tick of the clock: so what the kernel's timers round is rounded in
 * the same way, and the two lists of events and their times must be equal to
 * the millisecond.
 */
#ifndef FERRY_SELFTESTS_SIDES_H
#define FERRY_SELFTESTS_SIDES_H

#include <linux/types.h>
#include <stdbool.h>

#include "lib.h"
#include "wire.h"

#define RTT_MS	20		/* until the peer completes a handshake */
#define SECOND	1000
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)

/* One protocol, its peer, and what was seen of it. */
struct side {
	struct wire w;
	int ns;			/* where its sockets are */
	struct transcript log;
	int listener;
	int fd;
	__u16 port;		/* the kernel's */
	__u16 mine;		/* the peer's */
	__u16 window;		/* the peer's */
	__u32 snd;		/* next sequence number of the peer */
	__u32 rcv;		/* next that the peer expects */
	__u32 their_iss;
	int last_flags;
	bool over;		/* the socket has told its end */
	int closing;		/* tells when close() returns, or -1 */
};

/* What the peer does with a segment, if it is there at all. */
typedef void answer_fn(struct side *s, const struct segment *in);

/* Both sides, each in a namespace of its own, with SACK and the like off. */
void sides_open(struct side *side, enum family fam);
void sides_close(struct side *side);
/* All times are relative to the last call. */
void sides_start(void);
bool sides_same(const struct side *side);
/* So that a scenario cannot pass by showing nothing twice. */
bool sides_saw(const struct side *side, const char *what);

/* From here on sockets are made, and settings changed, on this side. */
void enter(const struct side *s);
/* A setting by its name without "tcp_". */
void setting(struct side *side, const char *name, const char *value);
void option(struct side *side, int level, int name, int value);
void pass(int ms);

/* The kernel connects, and nobody is there. */
void connect_to_nobody(struct side *side, int level, int name, int value);
/* A listener, and a SYN from the peer, which the kernel has answered. */
void half_open(struct side *side, int option_name, int value);
/* A connection whose peer needed RTT_MS to complete the handshake. */
void establish(struct side *side);
/* The same, and the peer has sent a byte, so that its window counts. */
void establish_with_a_byte(struct side *side);
void send_bytes(struct side *side, int n);
void close_all(struct side *side);
/* close() in processes of their own, which watch() sees return. */
void close_and_wait(struct side *side);

/* What the peer says, and what must come from the kernel. */
struct segment segment(const struct side *s, __u8 flags);
void say(struct side *s, __u8 flags);
void say_both(struct side *side, __u8 flags);
void take(struct side *s, struct segment *in, __u8 flags);
void see(struct side *s, const struct segment *in);
void window_of(struct side *side, __u16 window);

/* Look at both sides for so long, or until both sockets have told their end. */
void watch(struct side *side, long long duration, answer_fn *answer);
/* The peer acknowledges whatever comes. */
void acknowledges(struct side *s, const struct segment *in);
/* The peer says again what it has said. */
void repeats(struct side *s, const struct segment *in);
/* Say something old: an ACK comes if there is a connection, else a RST. */
void ask(struct side *side);
/*
 * Ask every tick, with a segment that does not move the state: it is answered
 * with an ACK while there is a connection, and with a RST after that.
 */
void ask_until_gone(struct side *side, __u8 flags, __u32 back, int ms);
/* The kernel has closed first, and its FIN is acknowledged. */
void fin_wait2(struct side *side);

#endif /* FERRY_SELFTESTS_SIDES_H */
