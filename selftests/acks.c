// SPDX-License-Identifier: GPL-2.0-only
/*
 * When what has come is acknowledged: at once, with the second segment, when
 * it is read, or later.  The peer is the test itself, and Ferry acknowledges
 * the segments that TCP does.
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "ktest.h"
#include "play.h"

/* More than a new connection acknowledges one by one. */
#define YOUNG	20

FIXTURE(acks) {
	struct transcript log[2];
};

FIXTURE_VARIANT(acks) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(acks, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(acks, v6) { .fam = V6 };

FIXTURE_SETUP(acks)
{
}

FIXTURE_TEARDOWN(acks)
{
}

#define SCENARIO(name) PLAY(acks, name, true)

static bool answers(struct play *pl)
{
	bool any = false;
	struct segment r;

	ask_for_mark(pl);
	while (before_mark(pl, &r))
		any = true;
	return any;
}

static void read_bytes(const struct play *pl, int len)
{
	char data[5000];

	if (recv(pl->fd, data, len, MSG_WAITALL) != len)
		die("recv");
}

/* How segments come: with these control bits besides ACK, and: */
#define UNREAD	0x100
#define MARKED	0x200	/* by a router (CE) */
#define EITHER	0x400	/* R for A: it depends on the memory that data takes */
#define PLAIN	0x800	/* may not be marked */

static void feed(struct play *pl, int len, int how)
{
	struct segment s = segment(pl, ACK | (how & 0xff));

	s.tos = how & PLAIN ? 0 : how & MARKED ? 3 : 2;
	s.len = len;
	memset(s.data, 'a', len);
	wire_send(&pl->w, &s);
	pl->snd += len;
}

/*
 * @n segments of @len bytes, and for each a letter: Acknowledged when it came,
 * when it was Read, Both or none (.).
 */
static const char *came(struct play *pl, const char *what, int n, int len,
			int how)
{
	static char text[100];
	int k;

	for (k = 0; k < n; k++) {
		bool at_once, later = false;

		feed(pl, len, how);
		at_once = answers(pl);
		if (!(how & UNREAD)) {
			read_bytes(pl, len);
			later = answers(pl);
		}
		if (how & EITHER)
			text[k] = at_once || later ? 'R' : '.';
		else
			text[k] = ".ARB"[at_once + 2 * later];
	}
	text[n] = 0;
	note(pl->t, "%s: %s", what, text);
	return text;
}

/*
 * What Ferry announces grows by whole segments, or not at all: those of the
 * scenarios, and what is announced to the peer, go evenly into it.
 */
#define USUAL	"advmss 1000"

/*
 * A connection from here if @dials, else from the peer, whose MSS is @mss.
 * Windows are scaled if the play's offers say so.
 */
static void begin(struct play *pl, bool dials, int mss)
{
	struct segment r;

	pl->mss = mss;
	open_way(pl, dials, MSS | pl->offers, 0, &r);
}

SCENARIO(every_second_segment)
{
	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	EXPECT_STREQ(".A.A.A.A.A.A",
		     came(pl, "then", 12, 1000, 0));
}

SCENARIO(every_second_segment_of_a_peer_that_was_dialed)
{
	set_route(pl, USUAL);
	begin(pl, true, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	came(pl, "then", 12, 1000, 0);
}

SCENARIO(writes_that_end)
{
	pl->offers = WSCALE;
	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, PSH);
	came(pl, "then", 12, 1000, PSH);
	came(pl, "short ones", 12, 100, PSH);
	came(pl, "in between", 1, 1000, 0);
}

SCENARIO(nobody_reads)
{
	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, UNREAD);
	came(pl, "then", 3, 1000, UNREAD);
}

/* More than half of the buffer is in use; then the sender pauses. */
SCENARIO(nobody_reads_for_long)
{
	int k;

	set_route(pl, USUAL);
	begin(pl, false, 1000);
	for (k = 0; k < 40; k++)
		feed(pl, 1000, 0);
	poll(NULL, 0, 500);
	/* A timer sends the ACK for the last of them. */
	answers(pl);
	came(pl, "then", 4, 1000, UNREAD);
}

/* Data will soon carry the ACK of the peer's SYN-ACK, or should have. */
SCENARIO(opened_with_data)
{
	struct segment r, s;
	int asks;

	set_route(pl, USUAL);
	for (asks = 0; asks < 2; asks++) {
		dial_peer(pl, &r);
		set_int(pl->fd, IPPROTO_TCP, TCP_QUICKACK, 0);
		s = segment(pl, SYN | ACK);
		s.seq = ISS;
		add_offers(pl, &s, MSS | WSCALE);
		wire_send(&pl->w, &s);
		pl->snd = ISS + 1;
		note_silence(pl, "not acknowledged");
		if (asks) {
			send(pl->fd, "a", 1, 0);
			note_answer(pl, "question");
			pl->rcv++;
		}
		came(pl, "young", YOUNG, 1000, 0);
		came(pl, "then", 6, 1000, 0);
		end_way(pl);
	}
}

SCENARIO(scaled_windows)
{
	int dials;

	set_route(pl, USUAL);
	pl->offers = WSCALE;
	for (dials = 0; dials < 2; dials++) {
		begin(pl, dials, 1000);
		came(pl, "young", YOUNG, 1000, 0);
		came(pl, "then", 12, 1000, 0);
		came(pl, "not read", 6, 1000, UNREAD);
		end_way(pl);
	}
}

/* What comes twice, or out of order, and what follows. */
SCENARIO(after_a_hole)
{
	int k;

	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	for (k = 0; k < 2; k++) {
		pl->snd += 1000;
		came(pl, "beyond a hole", 3, 1000, UNREAD);
		pl->snd -= 4000;
		came(pl, "the hole", 1, 1000, UNREAD);
		if (k)
			came(pl, "all again", 3, 1000, UNREAD);
		else
			pl->snd += 3000;
		read_bytes(pl, 4000);
		came(pl, "then", 15, 1000, 0);
	}
}

/* It has been acknowledged, but the ACK was lost; the others do not know. */
SCENARIO(after_old_data)
{
	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	came(pl, "then", 4, 1000, 0);
	pl->snd -= 4000;
	came(pl, "again", 1, 1000, UNREAD);
	pl->snd += 3000;
	came(pl, "then", 20, 1000, 0);
}

/* A router asks the sender to send less. */
SCENARIO(after_a_mark)
{
	struct segment r;

	set_route(pl, USUAL);
	setting(pl, "ecn", 1);
	open_way(pl, false, MSS, ECE | CWR, &r);
	came(pl, "young", YOUNG + 1, 1000, 0);
	came(pl, "marked", 1, 1000, MARKED);
	came(pl, "then", 12, 1000, 0);
	came(pl, "less", 1, 1000, CWR);
	came(pl, "then", 12, 1000, 0);
	came(pl, "sent again", 2, 1000, PLAIN);
	came(pl, "then", 12, 1000, 0);
}

/* The sender has paused, and may begin with few segments again. */
SCENARIO(after_a_pause)
{
	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	poll(NULL, 0, 500);
	came(pl, "then", 22, 1000, 0);
}

SCENARIO(segments_become_smaller)
{
	pl->offers = WSCALE;
	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	came(pl, "large", 6, 1000, 0);
	came(pl, "small", 12, 250, EITHER);
	came(pl, "large again", 6, 1000, EITHER);
}

/* A write has a full segment and some that are not. */
SCENARIO(rests_of_the_same_size)
{
	int k;

	/* There is room for what is not read, and the window does not grow. */
	set_int(pl->listener, SOL_SOCKET, SO_RCVBUF, 200000);
	pl->offers = WSCALE;
	set_route(pl, USUAL " window 120000");
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	came(pl, "growing", 60, 1000, 0);
	for (k = 0; k < 3; k++) {
		came(pl, "full", 1, 1000, 0);
		came(pl, "rest", 1, 600, PSH);
		came(pl, "another", 1, 400, PSH);
	}
	came(pl, "full", 1, 1000, 0);
	came(pl, "rest", 1, 600, PSH);
	came(pl, "small", 6, 400, UNREAD | PSH);
}

SCENARIO(segments_of_all_sizes)
{
	int k;

	set_route(pl, USUAL);
	begin(pl, false, 1000);
	came(pl, "young", YOUNG, 1000, 0);
	for (k = 0; k < 24; k++)
		came(pl, "another", 1, 100 + k * 377 % 900, 0);
}

/* Segments of @len bytes only, of a connection opened from either end. */
static void both_ways(struct play *pl, int mss, int len)
{
	int dials;

	for (dials = 0; dials < 2; dials++) {
		begin(pl, dials, mss);
		came(pl, "young", YOUNG, len, 0);
		came(pl, "then", 12, len, 0);
		end_way(pl);
	}
}

SCENARIO(peer_with_a_small_mss)
{
	set_route(pl, USUAL);
	both_ways(pl, 200, 200);
}

SCENARIO(small_mss_announced)
{
	set_route(pl, "advmss 200");
	both_ways(pl, 1000, 200);
}

SCENARIO(small_window)
{
	set_route(pl, "window 600");
	both_ways(pl, 1000, 300);
}

SCENARIO(conversation)
{
	struct segment r;
	int k;

	set_route(pl, USUAL);
	begin(pl, false, 1000);
	for (k = 0; k < 6; k++) {
		came(pl, "question", 1, 100, PSH);
		send(pl->fd, "a", 1, 0);
		wire_await(&pl->w, &r);
		note_segment(pl, "answer", &r);
		pl->rcv++;
	}
	came(pl, "much", YOUNG, 1000, 0);
	came(pl, "then", 12, 1000, 0);
}

TEST_HARNESS_MAIN
