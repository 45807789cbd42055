// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on the wire: the peer is the test itself, sends segments that no
 * stack would, and compares Ferry's answers with TCP's, bit by bit.
 *
 * SACK, timestamps and ECN are off here; options.c is about those.
 *
 * "No answer" cannot be waited for.  Such a segment is followed by one that
 * must be answered, and the test is that the first answer is to that one.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ktest.h"
#include "lib.h"
#include "wire.h"

#define ISS 1000000u	/* the peer's initial sequence number */

FIXTURE(raw) {
	struct transcript log[2];
};

FIXTURE_VARIANT(raw) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(raw, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(raw, v6) { .fam = V6 };

FIXTURE_SETUP(raw)
{
}

FIXTURE_TEARDOWN(raw)
{
}

/* Everything that a scenario needs; made afresh for each protocol. */
struct stage {
	struct wire w;
	struct transcript *t;
	int listener;
	__u16 port;	/* the kernel's */
	__u16 mine;	/* the peer's */
	/* Once there is a connection: */
	int fd;
	__u32 snd;	/* next sequence number of the peer */
	__u32 rcv;	/* next that the peer expects */
	__u32 their_iss;
};

static void stage_open(struct stage *st, enum family fam, int which,
		       struct transcript *t)
{
	struct addr at;

	memset(st, 0, sizeof(*st));
	st->t = t;
	wire_open(&st->w, fam, which ? ferry() : IPPROTO_TCP);
	set_sysctls("sack", "0");
	set_sysctls("timestamps", "0");
	set_sysctls("ecn", "0");
	set_sysctls("invalid_ratelimit", "0");
	at = st->w.ours;
	st->listener = listen_at(&at, st->w.proto, 16);
	st->port = port_of(&at);
	st->mine = 40000;
	st->fd = -1;
}

/*
 * Leave no connection behind that would try to reach its peer for minutes:
 * abort those that are open, and answer those that are closing with a RST.
 */
static void stage_close(struct stage *st)
{
	struct linger abort = { .l_onoff = 1 };
	struct segment rst = {
		.from = st->mine, .to = st->port, .flags = RST,
		.seq = st->snd,
	};

	if (st->fd >= 0) {
		setsockopt(st->fd, SOL_SOCKET, SO_LINGER, &abort,
			   sizeof(abort));
		close(st->fd);
	} else if (st->snd) {
		wire_send(&st->w, &rst);
	}
	close(st->listener);
	wire_close(&st->w);
}

static struct segment segment(const struct stage *st, __u8 flags)
{
	return (struct segment){
		.from = st->mine, .to = st->port, .flags = flags,
		.seq = st->snd, .ack = flags & ACK ? st->rcv : 0,
		.window = 60000,
	};
}

static struct segment opening(const struct stage *st)
{
	struct segment s = segment(st, SYN);

	s.seq = ISS;
	s.ack = 0;
	return s;
}

/*
 * The kernel's sequence numbers relative to its first, the peer's relative to
 * ISS, so that they can be compared.
 */
static void note_segment(struct stage *st, const char *what,
			 const struct segment *s)
{
	note(st->t, "%s: %s seq %u ack %u len %d, %s", what, flags_text(s),
	     s->seq - st->their_iss, s->flags & ACK ? s->ack - ISS : s->ack,
	     s->len, options_text(s));
}

static void note_answer(struct stage *st, const char *what)
{
	struct segment s;

	wire_await(&st->w, &s);
	note_segment(st, what, &s);
	note(st->t, "   to the right port: %d", s.to == st->mine);
}

/* Send a SYN of which nothing else is known, and expect its answer next. */
static void ask_for_mark(struct stage *st)
{
	struct segment s = {
		.from = 50000, .to = st->port ^ 1, .seq = 7, .flags = SYN,
	};

	wire_send(&st->w, &s);
}

static bool before_mark(struct stage *st, struct segment *s)
{
	wire_await(&st->w, s);
	return s->to != 50000;
}

static void note_silence(struct stage *st, const char *what)
{
	struct segment r;

	ask_for_mark(st);
	while (before_mark(st, &r))
		note_segment(st, what, &r);
	note(st->t, "%s: then silence", what);
}

/* Three-way handshake, the peer's part by hand. */
static void stage_connect(struct stage *st)
{
	struct segment s, r;

	s = opening(st);
	add_mss(&s, 1000);
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	if (r.flags != (SYN | ACK) || r.ack != ISS + 1)
		die("%s answered a SYN with %s, ack %u",
		    proto_name(st->w.proto), flags_text(&r), r.ack - ISS);
	st->their_iss = r.seq;
	st->snd = ISS + 1;
	st->rcv = r.seq + 1;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	st->fd = accept_one(st->listener);
}

/* Data from the peer, @offset bytes after what it sent so far. */
static void send_data(struct stage *st, int offset, int len)
{
	struct segment s = segment(st, ACK | PSH);

	s.seq += offset;
	s.len = len;
	stream_fill(1, s.seq - ISS - 1, s.data, len);
	wire_send(&st->w, &s);
}

/*
 * A scenario is played over TCP and over Ferry, and must look the same.  What
 * it expects besides has to be so over both.
 */
#define SCENARIO(name)							\
	static void name(struct __test_metadata *_metadata,		\
			 struct stage *st);				\
	TEST_F(raw, name)						\
	{								\
		struct stage st;					\
		int i;							\
									\
		for (i = 0; i < 2; i++) {				\
			stage_open(&st, variant->fam, i, &self->log[i]);	\
			name(_metadata, &st);				\
			stage_close(&st);				\
		}							\
		EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1])); \
	}								\
	static void name(struct __test_metadata *_metadata,		\
			 struct stage *st)

SCENARIO(syn_to_a_closed_port_is_reset)
{
	struct segment s, r;

	st->port ^= 1;
	s = opening(st);
	s.len = 5;
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	/* RFC 9293, 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN> */
	EXPECT_EQ(RST | ACK, r.flags);
	EXPECT_EQ(0, r.seq);
	EXPECT_EQ(ISS + 6, r.ack);
	note_segment(st, "to a SYN with data", &r);
}

SCENARIO(every_flag_to_a_closed_port)
{
	int flags;

	st->port ^= 1;
	for (flags = 0; flags < 64; flags++) {
		struct segment s = segment(st, flags);

		s.seq = ISS;
		s.ack = 77;
		st->mine = 40000 + flags;
		s.from = st->mine;
		wire_send(&st->w, &s);
		note(st->t, "%s", flags_text(&s));
		st->port ^= 1;
		note_silence(st, "answer");
		st->port ^= 1;
	}
	EXPECT_NE(NULL, strstr(st->t->text, "RST"));
}

SCENARIO(every_flag_to_a_listener)
{
	int flags;

	for (flags = 0; flags < 64; flags++) {
		struct segment s = segment(st, flags);
		struct segment r;

		s.seq = ISS;
		s.ack = 77;
		st->mine = 40000 + flags;
		s.from = st->mine;
		wire_send(&st->w, &s);
		note(st->t, "%s", flags_text(&s));
		s = (struct segment){
			.from = 50000, .to = st->port ^ 1, .seq = 7,
			.flags = SYN,
		};
		wire_send(&st->w, &s);
		do {
			wire_await(&st->w, &r);
			if (r.flags & SYN)
				st->their_iss = r.seq;
			note_segment(st, "answer", &r);
			st->their_iss = 0;
		} while (r.to != 50000);
	}
	EXPECT_NE(NULL, strstr(st->t->text, "SYN|ACK"));
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
		struct segment s = opening(st);

		s.bad_checksum = lies[k].bad_checksum;
		s.data_offset = lies[k].data_offset;
		s.cut = lies[k].cut;
		wire_send(&st->w, &s);
		note_silence(st, lies[k].what);
	}
	EXPECT_EQ(0, wait_for(st->listener, POLLIN, 0));
	EXPECT_EQ(NULL, strstr(st->t->text, "RST"));
}

SCENARIO(syn_ack_offers_what_was_offered)
{
	static const struct {
		const char *what;
		int mss;
		int ws;
		const char *expected_scale;
	} cases[] = {
		{ "nothing", 0, -1, NULL },
		{ "mss", 1400, -1, NULL },
		{ "mss and scale 0", 1400, 0, " ws " },
		{ "scale 7", 0, 7, "ws " },
		{ "scale 14", 536, 14, " ws " },
		{ "scale 255", 536, 255, " ws " },
		{ "tiny mss", 1, 2, " ws " },
		{ "huge mss", 65535, -1, NULL },
	};
	unsigned int k;

	struct segment s, r;

	for (k = 0; k < ARRAY_SIZE(cases); k++) {
		st->mine++;
		s = opening(st);
		if (cases[k].mss)
			add_mss(&s, cases[k].mss);
		if (cases[k].ws >= 0)
			add_window_scale(&s, cases[k].ws);
		wire_send(&st->w, &s);
		wire_await(&st->w, &r);
		st->their_iss = r.seq;
		note_segment(st, cases[k].what, &r);
		EXPECT_EQ(SYN | ACK, r.flags);
		EXPECT_NE(NULL, strstr(options_text(&r), "mss "));
		EXPECT_EQ(cases[k].ws >= 0,
			  !!strstr(options_text(&r), "ws "));
	}
}

SCENARIO(syn_of_a_connect)
{
	struct addr to;
	struct segment s, r;
	__u16 window;

	st->fd = open_socket(st->w.fam, st->w.proto);
	set_nonblocking(st->fd, true);
	to = st->w.peer;
	if (st->w.fam == V4)
		to.v4.sin_port = htons(9);
	else
		to.v6.sin6_port = htons(9);
	ASSERT_EQ(-1, connect(st->fd, &to.sa, to.len));
	wire_await(&st->w, &r);
	st->their_iss = r.seq;
	window = r.window;
	note_segment(st, "SYN", &r);
	EXPECT_EQ(SYN, r.flags);
	EXPECT_EQ(9, r.to);
	EXPECT_LT(0, window);
	note(st->t, "window %u", window);

	/* RFC 9293, 3.10.7.3: an ACK of something else is reset. */
	st->port = r.from;
	st->mine = 9;
	s = segment(st, SYN | ACK);
	s.seq = ISS;
	s.ack = r.seq + 2;
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	note(st->t, "wrong ACK: %s, seq as acked: %d", flags_text(&r),
	     r.seq == s.ack);
	EXPECT_EQ(RST, r.flags & RST);

	s.ack = st->their_iss + 1;
	wire_send(&st->w, &s);
	note_answer(st, "right ACK");
	EXPECT_EQ(POLLOUT, wait_for(st->fd, POLLOUT, SOON_MS));
}

SCENARIO(reset_refuses_a_connect_only_if_it_acknowledges)
{
	struct addr to;
	struct segment s, r;

	st->fd = open_socket(st->w.fam, st->w.proto);
	set_nonblocking(st->fd, true);
	to = st->w.peer;
	if (st->w.fam == V4)
		to.v4.sin_port = htons(9);
	else
		to.v6.sin6_port = htons(9);
	connect(st->fd, &to.sa, to.len);
	wire_await(&st->w, &r);
	st->their_iss = r.seq;
	st->port = r.from;
	st->mine = 9;

	s = segment(st, RST);
	wire_send(&st->w, &s);
	s = segment(st, RST | ACK);
	s.ack = r.seq + 2;
	wire_send(&st->w, &s);
	s.ack = r.seq;
	wire_send(&st->w, &s);
	note_silence(st, "resets that acknowledge nothing");
	note_poll(st->t, "after them", st->fd, 0);
	s.ack = r.seq + 1;
	wire_send(&st->w, &s);
	note_poll(st->t, "after a good one", st->fd, POLLERR);
	EXPECT_EQ(ECONNREFUSED, get_int(st->fd, SOL_SOCKET, SO_ERROR));
}

SCENARIO(bad_ack_of_a_syn_ack_is_reset)
{
	struct segment s, r;

	s = opening(st);
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	ASSERT_EQ(SYN | ACK, r.flags);
	st->their_iss = r.seq;
	st->snd = ISS + 1;
	st->rcv = r.seq + 2;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	EXPECT_EQ(RST, r.flags);
	EXPECT_EQ(st->rcv, r.seq);
	note_segment(st, "ACK of too much", &r);

	/* It was not harmed. */
	st->rcv = st->their_iss + 1;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	st->fd = accept_one(st->listener);
}

SCENARIO(repeated_syn_is_answered_again)
{
	struct segment s, r;

	s = opening(st);
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	st->their_iss = r.seq;
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	EXPECT_EQ(st->their_iss, r.seq);
	note_segment(st, "second SYN", &r);
	s = segment(st, RST);
	s.seq = ISS + 1;
	wire_send(&st->w, &s);
	/* Now nobody waits for the third segment. */
	st->snd = ISS + 1;
	st->rcv = st->their_iss + 1;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	note_answer(st, "ACK after RST");
	EXPECT_EQ(0, wait_for(st->listener, POLLIN, 0));
}

SCENARIO(syn_ack_is_sent_again)
{
	struct segment s, r;
	long long start;

	s = opening(st);
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	st->their_iss = r.seq;
	note_segment(st, "first", &r);
	start = now_ms();
	wire_await(&st->w, &r);
	EXPECT_LE(900, now_ms() - start)
		TH_LOG("%s", proto_name(st->w.proto));
	note_segment(st, "second", &r);
}

SCENARIO(data_out_of_order)
{
	stage_connect(st);
	send_data(st, 100, 100);
	note_answer(st, "a gap of 100");
	send_data(st, 300, 100);
	note_answer(st, "another gap");
	send_data(st, 150, 200);
	note_answer(st, "over what was there");
	EXPECT_EQ(0, queue_in(st->fd));
	send_data(st, 0, 100);
	note_answer(st, "the first gap filled");
	EXPECT_EQ(400, queue_in(st->fd));
	ASSERT_TRUE(recv_stream(st->fd, 1, 0, 400));
	send_data(st, 0, 400);
	note_answer(st, "all of it once more");
	send_data(st, 350, 100);
	note_answer(st, "half of it once more");
	ASSERT_TRUE(recv_stream(st->fd, 1, 400, 50));
}

SCENARIO(data_outside_the_window)
{
	struct segment s;

	stage_connect(st);
	send_data(st, 10000000, 100);
	note_answer(st, "far to the right");
	send_data(st, -5000, 100);
	note_answer(st, "far to the left");
	s = segment(st, RST);
	s.seq += 10000000;
	wire_send(&st->w, &s);
	note_silence(st, "RST outside the window");
	s = segment(st, FIN | ACK);
	s.seq += 10000000;
	wire_send(&st->w, &s);
	note_answer(st, "FIN outside the window");
	note_poll(st->t, "unmoved", st->fd, 0);
	EXPECT_EQ(0, queue_in(st->fd));
	send_data(st, 0, 10);
	ASSERT_TRUE(recv_stream(st->fd, 1, 0, 10));
}

/*
 * RFC 9293 section 3.10.7.4 wants it answered with an ACK, and so does RFC
 * 5961 section 5.2.  Ferry does, and so does Linux TCP in 7.2, but not in 6.1.
 * None of them takes the data.
 */
static void note_ack_of_the_future(struct stage *st)
{
	struct segment r;
	int answers = 0;

	ask_for_mark(st);
	for (; before_mark(st, &r); answers++)
		if (r.flags != ACK || r.seq != st->rcv || r.ack != st->snd ||
		    r.len)
			die("%s seq %u ack %u len %d", flags_text(&r), r.seq,
			    r.ack, r.len);
	if (answers > 1 || (!answers && st->w.proto != IPPROTO_TCP))
		die("%d answers", answers);
}

SCENARIO(ack_of_what_was_not_sent)
{
	struct segment s;

	stage_connect(st);
	s = segment(st, ACK);
	s.ack += 1000;
	wire_send(&st->w, &s);
	note_ack_of_the_future(st);
	s = segment(st, ACK);
	s.len = 10;
	s.ack += 1000;
	wire_send(&st->w, &s);
	note_ack_of_the_future(st);
	EXPECT_EQ(0, queue_in(st->fd));
	s = segment(st, PSH);
	s.len = 10;
	wire_send(&st->w, &s);
	note_silence(st, "data without ACK");
	EXPECT_EQ(0, queue_in(st->fd));
}

SCENARIO(in_window_reset_and_syn)
{
	struct segment s;

	stage_connect(st);
	s = segment(st, SYN);
	s.seq += 10;
	wire_send(&st->w, &s);
	note_answer(st, "SYN in the window");
	note_poll(st->t, "after it", st->fd, 0);
	s = segment(st, RST);
	s.seq += 10;
	wire_send(&st->w, &s);
	note_answer(st, "RST in the window, not at its edge");
	note_poll(st->t, "after it", st->fd, 0);
	s = segment(st, RST);
	wire_send(&st->w, &s);
	note_poll(st->t, "after an exact RST", st->fd, POLLERR);
	EXPECT_EQ(ECONNRESET, get_int(st->fd, SOL_SOCKET, SO_ERROR));
}

SCENARIO(peer_closes_first)
{
	struct segment s, r;
	char c;

	stage_connect(st);
	s = segment(st, FIN | ACK);
	s.len = 10;
	stream_fill(1, 0, s.data, 10);
	wire_send(&st->w, &s);
	note_answer(st, "FIN with data");
	st->snd += 11;
	ASSERT_TRUE(recv_stream(st->fd, 1, 0, 10));
	EXPECT_EQ(0, recv(st->fd, &c, 1, 0));
	close(st->fd);
	st->fd = -1;
	wire_await(&st->w, &r);
	note_segment(st, "close", &r);
	EXPECT_EQ(FIN | ACK, r.flags);
	st->rcv++;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	/* Gone: no TIME_WAIT on this side. */
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	note_answer(st, "an ACK to what has gone");
}

SCENARIO(kernel_closes_first)
{
	struct segment s, r;

	stage_connect(st);
	close(st->fd);
	st->fd = -1;
	wire_await(&st->w, &r);
	note_segment(st, "close", &r);
	EXPECT_EQ(FIN | ACK, r.flags);
	st->rcv++;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	s = segment(st, FIN | ACK);
	wire_send(&st->w, &s);
	note_answer(st, "last ACK");
	wire_send(&st->w, &s);
	note_answer(st, "FIN once more, in TIME_WAIT");
	s = segment(st, ACK);
	s.seq += 10000000;
	wire_send(&st->w, &s);
	note_silence(st, "stray ACK in TIME_WAIT");
}

SCENARIO(unanswered_fin_is_sent_again)
{
	int k;
	struct segment r;

	stage_connect(st);
	close(st->fd);
	st->fd = -1;
	for (k = 0; k < 3; k++) {
		wire_await(&st->w, &r);
		note_segment(st, "close", &r);
		EXPECT_EQ(FIN | ACK, r.flags);
	}
}

SCENARIO(data_after_close_is_reset)
{
	struct segment s, r;

	stage_connect(st);
	close(st->fd);
	st->fd = -1;
	wire_await(&st->w, &r);
	EXPECT_EQ(FIN | ACK, r.flags);
	st->rcv++;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	send_data(st, 0, 10);
	wire_await(&st->w, &r);
	note_segment(st, "data after close", &r);
	EXPECT_EQ(RST, r.flags & RST);
}

SCENARIO(closes_that_cross)
{
	struct segment s, r;

	stage_connect(st);
	close(st->fd);
	st->fd = -1;
	wire_await(&st->w, &r);
	EXPECT_EQ(FIN | ACK, r.flags);
	/* A FIN that has not seen the other. */
	s = segment(st, FIN | ACK);
	wire_send(&st->w, &s);
	note_answer(st, "to the crossing FIN");
	st->snd++;
	st->rcv++;
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	s = segment(st, FIN | ACK);
	s.seq--;
	wire_send(&st->w, &s);
	note_answer(st, "FIN once more, in TIME_WAIT");
}

SCENARIO(sends_segments_no_larger_than_the_peer_said)
{
	struct segment s, r;
	int got = 0;

	stage_connect(st);
	ASSERT_TRUE(send_stream(st->fd, 2, 0, 5000));
	while (got < 5000) {
		wire_await(&st->w, &r);
		EXPECT_GE(1000, r.len);
		ASSERT_EQ(st->rcv, r.seq);
		EXPECT_EQ(-1, stream_check(2, got, r.data, r.len));
		got += r.len;
		st->rcv += r.len;
		note_segment(st, "data", &r);
		s = segment(st, ACK);
		wire_send(&st->w, &s);
	}
}

TEST_F(raw, three_duplicate_acks_bring_a_fast_retransmission)
{
	int i, k;

	for (i = 0; i < 2; i++) {
		struct segment s, r;
		struct stage st;
		long long start;

		stage_open(&st, variant->fam, i, &self->log[i]);
		stage_connect(&st);
		ASSERT_TRUE(send_stream(st.fd, 2, 0, 8000));
		for (k = 0; k < 8; k++)
			wire_await(&st.w, &r);
		start = now_ms();
		for (k = 0; k < 3; k++) {
			s = segment(&st, ACK);
			wire_send(&st.w, &s);
		}
		wire_await(&st.w, &r);
		EXPECT_EQ(st.rcv, r.seq);
		EXPECT_GT(190 * slowness(), now_ms() - start)
			TH_LOG("%s waited for its timer",
			       proto_name(st.w.proto));
		stage_close(&st);
	}
}

TEST_F(raw, retransmission_timer_backs_off)
{
	long long at[2][5];
	int i, k;

	for (i = 0; i < 2; i++) {
		struct segment r;
		struct stage st;

		stage_open(&st, variant->fam, i, &self->log[i]);
		stage_connect(&st);
		ASSERT_TRUE(send_stream(st.fd, 2, 0, 10));
		for (k = 0; k < 5; k++) {
			wire_await(&st.w, &r);
			at[i][k] = now_ms();
			EXPECT_EQ(st.rcv, r.seq);
			note_segment(&st, "data", &r);
		}
		/* Each wait about twice the one before. */
		for (k = 2; k < 5; k++) {
			long long this = at[i][k] - at[i][k - 1];
			long long last = at[i][k - 1] - at[i][k - 2];

			EXPECT_LE(last * 3 / 2, this)
				TH_LOG("%s: %lld ms, then %lld ms",
				       proto_name(st.w.proto), last, this);
			EXPECT_GE(last * 3, this)
				TH_LOG("%s: %lld ms, then %lld ms",
				       proto_name(st.w.proto), last, this);
		}
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

SCENARIO(zero_window_is_probed)
{
	int k;
	struct segment s, r;

	stage_connect(st);
	/*
	 * A smaller window at the same sequence number could be an
	 * old segment come late: move on by a byte first.
	 */
	send_data(st, 0, 1);
	st->snd++;
	ASSERT_TRUE(recv_stream(st->fd, 1, 0, 1));
	s = segment(st, ACK);
	s.window = 0;
	wire_send(&st->w, &s);
	ASSERT_TRUE(send_stream(st->fd, 2, 0, 100));
	/* An ACK of the byte may come first; then probes. */
	for (k = 0; k < 3; k++) {
		do
			wire_await(&st->w, &r);
		while (r.seq == st->rcv && !r.len && !k);
		note_segment(st, "probe", &r);
		EXPECT_GE(1, r.len);
		s = segment(st, ACK);
		s.window = 0;
		wire_send(&st->w, &s);
	}
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	do
		wire_await(&st->w, &r);
	while (r.len < 2);
	note_segment(st, "once it is open", &r);
	EXPECT_EQ(-1, stream_check(2, 0, r.data, r.len));
}

TEST_HARNESS_MAIN
