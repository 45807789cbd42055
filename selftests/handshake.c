// SPDX-License-Identifier: GPL-2.0-only
/*
 * How connections begin, on the wire: what a closed port, a listener and a
 * connect() answer to any segment, bit by bit as TCP does.
 *
 * SACK, timestamps and ECN are off here; options.c is about those.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "ktest.h"
#include "play.h"

FIXTURE(handshake) {
	struct transcript log[2];
};

FIXTURE_VARIANT(handshake) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(handshake, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(handshake, v6) { .fam = V6 };

FIXTURE_SETUP(handshake)
{
}

FIXTURE_TEARDOWN(handshake)
{
}

#define SCENARIO(name) PLAY(handshake, name, true)

SCENARIO(syn_to_a_closed_port_is_reset)
{
	struct segment s, r;

	pl->port ^= 1;
	s = opening(pl);
	s.len = 5;
	answered(pl, &s, &r);
	/* RFC 9293, 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN> */
	EXPECT_EQ(RST | ACK, r.flags);
	EXPECT_EQ(0, r.seq);
	EXPECT_EQ(ISS + 6, r.ack);
	note_segment(pl, "to a SYN with data", &r);
}

SCENARIO(every_flag_to_a_closed_port)
{
	int flags;

	pl->port ^= 1;
	for (flags = 0; flags < 64; flags++) {
		struct segment s = segment(pl, flags);

		s.seq = ISS;
		s.ack = 77;
		pl->mine = 40000 + flags;
		s.from = pl->mine;
		wire_send(&pl->w, &s);
		note(pl->t, "%s", flags_text(&s));
		pl->port ^= 1;
		note_silence(pl, "answer");
		pl->port ^= 1;
	}
	EXPECT_NE(NULL, strstr(pl->t->text, "answer: RST seq 77 "));
	EXPECT_NE(NULL, strstr(pl->t->text, "answer: RST|ACK seq 0 ack 1 "));
}

SCENARIO(every_flag_to_a_listener)
{
	int flags;

	for (flags = 0; flags < 64; flags++) {
		struct segment s = segment(pl, flags);
		struct segment r;

		s.seq = ISS;
		s.ack = 77;
		pl->mine = 40000 + flags;
		s.from = pl->mine;
		wire_send(&pl->w, &s);
		note(pl->t, "%s", flags_text(&s));
		ask_for_mark(pl);
		while (before_mark(pl, &r)) {
			pl->their_iss = r.flags & SYN ? r.seq : 0;
			note_segment(pl, "answer", &r);
			if (!(r.flags & SYN))
				continue;
			/* On a slow machine it would be sent again. */
			s.flags = RST;
			s.seq = ISS + 1;
			wire_send(&pl->w, &s);
		}
	}
	EXPECT_NE(NULL, strstr(pl->t->text, "answer: SYN|ACK seq 0 ack 1 "));
	EXPECT_NE(NULL, strstr(pl->t->text, "answer: RST seq 77 "));
}

SCENARIO(what_is_broken_is_ignored)
{
	static const struct {
		const char *what;
		bool bad_checksum;
		int data_offset, cut;
	} lies[] = {
		{ "bad checksum", true, 0, 0 },
		{ "header shorter than a header", false, 4, 0 },
		{ "header longer than the segment", false, 15, 0 },
		{ "header without its last byte", false, 0, 1 },
		{ "seven bytes", false, 0, 13 },
		{ "nothing at all", false, 0, 20 },
	};
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(lies); k++) {
		struct segment s = opening(pl);

		s.bad_checksum = lies[k].bad_checksum;
		s.data_offset = lies[k].data_offset;
		s.cut = lies[k].cut;
		wire_send(&pl->w, &s);
		note_silence(pl, lies[k].what);
	}
	EXPECT_EQ(0, wait_for(pl->listener, POLLIN, 0));
	EXPECT_EQ(NULL, strstr(pl->t->text, "RST"));
}

SCENARIO(syn_ack_offers_what_was_offered)
{
	static const struct {
		const char *what;
		int mss;
		int ws;
	} cases[] = {
		{ "nothing", 0, -1 },
		{ "mss", 1400, -1 },
		{ "mss and scale 0", 1400, 0 },
		{ "scale 7", 0, 7 },
		{ "scale 14", 536, 14 },
		{ "scale 255", 536, 255 },
		{ "tiny mss", 1, 2 },
		{ "huge mss", 65535, -1 },
	};
	struct segment s, r;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(cases); k++) {
		pl->mine++;
		s = opening(pl);
		if (cases[k].mss)
			add_mss(&s, cases[k].mss);
		if (cases[k].ws >= 0)
			add_window_scale(&s, cases[k].ws);
		answered(pl, &s, &r);
		pl->their_iss = r.seq;
		note_segment(pl, cases[k].what, &r);
		EXPECT_EQ(SYN | ACK, r.flags);
		EXPECT_NE(NULL, strstr(options_text(&r), "mss "));
		EXPECT_EQ(cases[k].ws >= 0,
			  !!strstr(options_text(&r), "ws "));
	}
}

/* A machine that is slow may send its SYN again in between. */
static void answered_not_again(struct play *pl, const struct segment *s,
			       struct segment *r)
{
	wire_send(&pl->w, s);
	do
		wire_await(&pl->w, r);
	while (r->flags == SYN);
}

SCENARIO(syn_of_a_connect)
{
	struct segment s, r;

	dial_peer(pl, &r);
	EXPECT_EQ(SYN, r.flags);
	EXPECT_EQ(pl->mine, r.to);
	EXPECT_LT(0, r.window);
	note(pl->t, "window %u", r.window);

	/* RFC 9293, 3.10.7.3: an ACK of something else is reset. */
	s = segment(pl, SYN | ACK);
	s.seq = ISS;
	s.ack = r.seq + 2;
	answered_not_again(pl, &s, &r);
	note(pl->t, "wrong ACK: %s, seq as acked: %d", flags_text(&r),
	     r.seq == s.ack);
	EXPECT_EQ(RST, r.flags & RST);

	s.ack = pl->their_iss + 1;
	answered_not_again(pl, &s, &r);
	note_segment(pl, "right ACK", &r);
	EXPECT_EQ(POLLOUT, wait_for(pl->fd, POLLOUT, SOON_MS));
}

#define CLAMP 5500

SCENARIO(window_clamp_bounds_every_window)
{
	struct segment s, r;
	char text[1000];
	int i;

	set_int(pl->listener, SOL_TCP, TCP_WINDOW_CLAMP, CLAMP);
	s = opening(pl);
	add_offers(pl, &s, MSS);
	answered(pl, &s, &r);
	EXPECT_EQ(SYN | ACK, r.flags);
	EXPECT_GE(CLAMP, r.window);
	EXPECT_LT(0, r.window);
	pl->their_iss = r.seq;
	pl->snd = ISS + 1;
	pl->rcv = r.seq + 1;
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
	for (i = 0; i < 8; i++) {
		send_bytes(pl, 1 + i * 1000, 1001 + i * 1000);
		note_ret(pl->t, "recv", recv(pl->fd, text, 1000, MSG_WAITALL));
		wire_await(&pl->w, &r);
		EXPECT_EQ(ISS + 1 + 1000 * (i + 1), r.ack);
		/* The tuning of newer kernels' TCP goes beyond the clamp. */
		if (pl->w.proto != IPPROTO_TCP)
			EXPECT_GE(CLAMP, r.window);
		EXPECT_LT(0, r.window);
	}
}

SCENARIO(reset_refuses_a_connect_only_if_it_acknowledges)
{
	struct segment s, r, again;

	dial_peer(pl, &r);
	say(pl, RST);
	s = segment(pl, RST | ACK);
	s.ack = r.seq + 2;
	wire_send(&pl->w, &s);
	s.ack = r.seq;
	wire_send(&pl->w, &s);
	/* No answer but the SYN again, see below. */
	wire_await(&pl->w, &again);
	EXPECT_EQ(SYN, again.flags);
	EXPECT_EQ(r.seq, again.seq);
	note_poll(pl->t, "after them", pl->fd, 0);
	s.ack = r.seq + 1;
	wire_send(&pl->w, &s);
	note_poll(pl->t, "after a good one", pl->fd, POLLERR | POLLHUP);
	EXPECT_EQ(ECONNREFUSED, get_int(pl->fd, SOL_SOCKET, SO_ERROR));
}

/*
 * A peer that has an old connection between the same ports answers a SYN with
 * an ACK of that, and is reset; it is asked again at once, but only once.
 */
SCENARIO(syn_is_sent_again_soon_after_a_bad_ack)
{
	struct segment s, r, again;
	long long start = ticked_ms();
	int k;

	dial_peer(pl, &r);
	s = segment(pl, ACK);
	s.ack = r.seq + 2;
	for (k = 0; k < 3; k++) {
		wire_send(&pl->w, &s);
		wire_await(&pl->w, &again);
		EXPECT_EQ(RST, again.flags);
		EXPECT_EQ(s.ack, again.seq);
		if (k == 0) {
			wire_await(&pl->w, &again);
			EXPECT_EQ(SYN, again.flags);
			EXPECT_EQ(r.seq, again.seq);
			EXPECT_GT(900, now_ms() - start);
			start = ticked_ms();
		}
	}
	wire_await(&pl->w, &again);
	EXPECT_EQ(SYN, again.flags);
	EXPECT_LE(900, ticked_ms() - start);
	s = segment(pl, SYN | ACK);
	s.seq = ISS;
	s.ack = r.seq + 1;
	answered_not_again(pl, &s, &r);
	EXPECT_EQ(ACK, r.flags);
	EXPECT_EQ(POLLOUT, wait_for(pl->fd, POLLOUT, SOON_MS));
}

SCENARIO(bad_ack_of_a_syn_ack_is_reset)
{
	struct segment s, r;

	s = opening(pl);
	answered(pl, &s, &r);
	ASSERT_EQ(SYN | ACK, r.flags);
	pl->their_iss = r.seq;
	pl->snd = ISS + 1;
	pl->rcv = r.seq + 2;
	say(pl, ACK);
	wire_await(&pl->w, &r);
	EXPECT_EQ(RST, r.flags);
	EXPECT_EQ(pl->rcv, r.seq);
	note_segment(pl, "ACK of too much", &r);

	/* It was not harmed. */
	pl->rcv = pl->their_iss + 1;
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
}

SCENARIO(repeated_syn_is_answered_again)
{
	struct segment s, r;

	s = opening(pl);
	answered(pl, &s, &r);
	pl->their_iss = r.seq;
	answered(pl, &s, &r);
	EXPECT_EQ(pl->their_iss, r.seq);
	note_segment(pl, "second SYN", &r);
	s = segment(pl, RST);
	s.seq = ISS + 1;
	wire_send(&pl->w, &s);
	/* Now nobody waits for the third segment. */
	pl->snd = ISS + 1;
	pl->rcv = pl->their_iss + 1;
	say(pl, ACK);
	note_answer(pl, "ACK after RST");
	EXPECT_EQ(0, wait_for(pl->listener, POLLIN, 0));
}

SCENARIO(syn_ack_is_sent_again)
{
	struct segment s, r;
	long long start;

	s = opening(pl);
	/* Before the first was sent, not when this program came to read it. */
	start = ticked_ms();
	answered(pl, &s, &r);
	pl->their_iss = r.seq;
	note_segment(pl, "first", &r);
	wire_await(&pl->w, &r);
	EXPECT_LE(900, ticked_ms() - start)
		TH_LOG("%s", proto_name(pl->w.proto));
	note_segment(pl, "second", &r);
}

SCENARIO(third_segment_may_bring_data_and_fin)
{
	struct segment s;
	char c;
	int fin;

	for (fin = 0; fin < 2; fin++) {
		pl->mine++;
		send_syn(pl, MSS, 0, 0);
		s = segment(pl, ACK | PSH | (fin ? FIN : 0));
		s.len = 10;
		stream_fill(1, 0, s.data, s.len);
		wire_send(&pl->w, &s);
		note_answer(pl, fin ? "data and FIN" : "data");
		pl->snd += s.len + fin;
		if (pl->fd >= 0)
			abort_connection(pl->fd);
		pl->fd = accept_one(pl->listener);
		ASSERT_TRUE(recv_stream(pl->fd, 1, 0, 10));
		note_ret(pl->t, "then", recv(pl->fd, &c, 1, MSG_DONTWAIT));
		note_poll(pl->t, "then", pl->fd, 0);
	}
	EXPECT_NE(NULL, strstr(pl->t->text, "then: -1 EAGAIN\n"));
	EXPECT_NE(NULL, strstr(pl->t->text, "then: 0\n"));
}

/*
 * Four handshakes with a listener that has room for three connections: the last
 * ACK of @last finds the queue full.
 */
static void overflow(struct play *pl, struct play *last)
{
	int k;

	if (listen(pl->listener, 2))
		die("listen");
	for (k = 0; k < 3; k++) {
		pl->mine++;
		send_syn(pl, MSS, 0, 0);
		if (k < 2)
			say(pl, ACK);
	}
	*last = *pl;
	last->mine++;
	send_syn(last, MSS, 0, 0);
	say(pl, ACK);
	say(last, ACK);
}

SCENARIO(accept_queue_overflows_and_the_handshake_is_retried)
{
	struct play last;
	struct segment r;
	int k;

	setting(pl, "abort_on_overflow", 0);
	overflow(pl, &last);
	note_silence(&last, "one too many");
	wire_await(&last.w, &r);
	note_segment(&last, "by itself", &r);
	EXPECT_EQ(SYN | ACK, r.flags);
	EXPECT_EQ(last.mine, r.to);
	abort_connection(accept_one(pl->listener));
	say(&last, ACK);
	for (k = 0; k < 3; k++)
		abort_connection(accept_one(pl->listener));
	EXPECT_EQ(0, wait_for(pl->listener, POLLIN, 0));
}

SCENARIO(accept_queue_overflows_and_the_handshake_is_reset)
{
	struct play last;
	struct segment r;
	int k;

	setting(pl, "abort_on_overflow", 1);
	overflow(pl, &last);
	wire_await(&last.w, &r);
	note_segment(&last, "one too many", &r);
	EXPECT_EQ(RST, r.flags);
	EXPECT_EQ(last.mine, r.to);
	for (k = 0; k < 3; k++)
		abort_connection(accept_one(pl->listener));
	/* The RSTs of these. */
	ask_for_mark(pl);
	while (before_mark(pl, &r))
		;
	say(&last, ACK);
	note_silence(&last, "its ACK once more");
	EXPECT_EQ(0, wait_for(pl->listener, POLLIN, 0));
}

/*
 * RFC 6528: on the same ports they go up with a clock, here of 64 ns, and of
 * other ports they say nothing.
 */
SCENARIO(initial_numbers_follow_a_clock_and_cannot_be_guessed)
{
	long long begin = now_ns();
	__u32 first, ticks;
	int k, near = 0;

	send_syn(pl, MSS, 0, 0);
	first = pl->their_iss;
	say(pl, RST);
	note_silence(pl, "RST");
	send_syn(pl, MSS, 0, 0);
	ticks = (now_ns() - begin) / 64 + 1;
	EXPECT_LT(0, pl->their_iss - first);
	EXPECT_GE(ticks, pl->their_iss - first);
	for (k = 0; k < 16; k++) {
		pl->mine++;
		send_syn(pl, MSS, 0, 0);
		ticks = (now_ns() - begin) / 64 + 1;
		near += pl->their_iss - first <= ticks;
	}
	/* By chance one may be. */
	EXPECT_GE(1, near);
}

TEST_HARNESS_MAIN
