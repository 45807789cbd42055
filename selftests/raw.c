// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on the wire of a connection, from its first byte to its end: the peer
 * is the test itself, sends segments that no stack would, and compares Ferry's
 * answers with TCP's, bit by bit.
 *
 * SACK, timestamps and ECN are off here; options.c is about those.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "play.h"

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

#define SCENARIO(name) PLAY(raw, name, true)

/* Data from the peer, @offset bytes after what it sent so far. */
static void send_data(struct play *pl, int offset, int len)
{
	int from = pl->snd - ISS + offset;

	send_bytes(pl, from, from + len);
}

/* A segment that stands so far from where it should. */
static void say_shifted(struct play *pl, __u8 flags, int offset)
{
	struct segment s = segment(pl, flags);

	s.seq += offset;
	wire_send(&pl->w, &s);
}

/* close(), of which the peer hears. */
static void kernel_closes(struct play *pl)
{
	struct segment r;

	close(pl->fd);
	pl->fd = -1;
	wire_await(&pl->w, &r);
	note_segment(pl, "close", &r);
	if (r.flags != (FIN | ACK))
		die("%s closed with %s", proto_name(pl->w.proto),
		    flags_text(&r));
}

SCENARIO(data_out_of_order)
{
	open_by_peer(pl, MSS);
	send_data(pl, 100, 100);
	note_answer(pl, "a gap of 100");
	send_data(pl, 300, 100);
	note_answer(pl, "another gap");
	send_data(pl, 150, 200);
	note_answer(pl, "over what was there");
	EXPECT_EQ(0, queue_in(pl->fd));
	send_data(pl, 0, 100);
	note_answer(pl, "the first gap filled");
	EXPECT_EQ(400, queue_in(pl->fd));
	ASSERT_TRUE(recv_stream(pl->fd, 1, 0, 400));
	send_data(pl, 0, 400);
	note_answer(pl, "all of it once more");
	send_data(pl, 350, 100);
	note_answer(pl, "half of it once more");
	ASSERT_TRUE(recv_stream(pl->fd, 1, 400, 50));
}

SCENARIO(data_outside_the_window)
{
	open_by_peer(pl, MSS);
	send_data(pl, 10000000, 100);
	note_answer(pl, "far to the right");
	send_data(pl, -5000, 100);
	note_answer(pl, "far to the left");
	say_shifted(pl, RST, 10000000);
	note_silence(pl, "RST outside the window");
	say_shifted(pl, FIN | ACK, 10000000);
	note_answer(pl, "FIN outside the window");
	note_poll(pl->t, "unmoved", pl->fd, 0);
	EXPECT_EQ(0, queue_in(pl->fd));
	send_data(pl, 0, 10);
	ASSERT_TRUE(recv_stream(pl->fd, 1, 0, 10));
}

/*
 * RFC 9293 section 3.10.7.4 wants it answered with an ACK, and so does RFC
 * 5961 section 5.2.  Ferry does, and so does Linux TCP in 7.2, but not in 6.1.
 * None of them takes the data.
 */
static void note_ack_of_the_future(struct play *pl)
{
	struct segment r;
	int answers = 0;

	ask_for_mark(pl);
	for (; before_mark(pl, &r); answers++)
		if (r.flags != ACK || r.seq != pl->rcv || r.ack != pl->snd ||
		    r.len)
			die("%s seq %u ack %u len %d", flags_text(&r), r.seq,
			    r.ack, r.len);
	if (answers > 1 || (!answers && pl->w.proto != IPPROTO_TCP))
		die("%d answers", answers);
}

SCENARIO(ack_of_what_was_not_sent)
{
	struct segment s;

	open_by_peer(pl, MSS);
	s = segment(pl, ACK);
	s.ack += 1000;
	wire_send(&pl->w, &s);
	note_ack_of_the_future(pl);
	s = segment(pl, ACK);
	s.len = 10;
	s.ack += 1000;
	wire_send(&pl->w, &s);
	note_ack_of_the_future(pl);
	EXPECT_EQ(0, queue_in(pl->fd));
	s = segment(pl, PSH);
	s.len = 10;
	wire_send(&pl->w, &s);
	note_silence(pl, "data without ACK");
	EXPECT_EQ(0, queue_in(pl->fd));
}

/* SO_RCVLOWAT cannot have more than there is room for. */
SCENARIO(full_buffer_wakes_who_waits_for_more)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int e = epoll_create1(0), room = 65536, sent;

	set_int(pl->listener, SOL_SOCKET, SO_RCVBUF, room);
	open_by_peer(pl, MSS);
	set_int(pl->fd, SOL_SOCKET, SO_RCVLOWAT, room);
	ASSERT_EQ(0, epoll_ctl(e, EPOLL_CTL_ADD, pl->fd, &ev));
	/* Small enough to cost more than the window has reckoned with. */
	for (sent = 0; sent + 450 < room; sent += 450) {
		send_bytes(pl, 1 + sent, 1 + sent + 450);
		if (epoll_wait(e, &ev, 1, 0) > 0)
			break;
	}
	EXPECT_EQ(1, epoll_wait(e, &ev, 1, SOON_MS))
		TH_LOG("%s sleeps on", proto_name(pl->w.proto));
	close(e);
}

SCENARIO(in_window_reset_and_syn)
{
	open_by_peer(pl, MSS);
	say_shifted(pl, SYN, 10);
	note_answer(pl, "SYN in the window");
	note_poll(pl->t, "after it", pl->fd, 0);
	say_shifted(pl, RST, 10);
	note_answer(pl, "RST in the window, not at its edge");
	note_poll(pl->t, "after it", pl->fd, 0);
	say(pl, RST);
	note_poll(pl->t, "after an exact RST", pl->fd, POLLERR | POLLHUP);
	EXPECT_EQ(ECONNRESET, get_int(pl->fd, SOL_SOCKET, SO_ERROR));
}

/* How many answers have come until now. */
static int answers(struct play *pl)
{
	struct segment r;
	int n = 0;

	ask_for_mark(pl);
	while (before_mark(pl, &r))
		n++;
	return n;
}

/*
 * RFC 5961 section 7: half of the limit to one and a half times of it in each
 * second, by chance.
 */
SCENARIO(challenges_are_limited)
{
	long long begin;
	int k, n;

	setting(pl, "challenge_ack_limit", 10);
	open_by_peer(pl, MSS);
	begin = now_ms();
	for (k = 0; k < 200; k++)
		say_shifted(pl, SYN, 10);
	n = answers(pl);
	EXPECT_LE(5, n);
	EXPECT_GE(14 * (2 + (now_ms() - begin) / 1000), n);
}

/* So that two ends that disagree do not answer each other for ever. */
SCENARIO(answers_to_what_does_not_fit_are_limited)
{
	int k;

	setting(pl, "invalid_ratelimit", 600000);
	open_by_peer(pl, MSS);
	for (k = 0; k < 10; k++)
		say_shifted(pl, ACK, 10000000);
	EXPECT_EQ(1, answers(pl));
	/* Data does not go round in circles. */
	for (k = 0; k < 10; k++)
		send_data(pl, 10000000, 10);
	EXPECT_EQ(10, answers(pl));
}

SCENARIO(peer_closes_first)
{
	struct segment s;
	char c;

	open_by_peer(pl, MSS);
	s = segment(pl, FIN | ACK);
	s.len = 10;
	stream_fill(1, 0, s.data, 10);
	wire_send(&pl->w, &s);
	note_answer(pl, "FIN with data");
	pl->snd += 11;
	ASSERT_TRUE(recv_stream(pl->fd, 1, 0, 10));
	EXPECT_EQ(0, recv(pl->fd, &c, 1, 0));
	kernel_closes(pl);
	pl->rcv++;
	say(pl, ACK);
	/* Gone: no TIME_WAIT on this side. */
	say(pl, ACK);
	note_answer(pl, "an ACK to what has gone");
}

SCENARIO(kernel_closes_first)
{
	open_by_peer(pl, MSS);
	kernel_closes(pl);
	pl->rcv++;
	say(pl, ACK);
	say(pl, FIN | ACK);
	note_answer(pl, "last ACK");
	say(pl, FIN | ACK);
	note_answer(pl, "FIN once more, in TIME_WAIT");
	say_shifted(pl, ACK, 10000000);
	note_silence(pl, "stray ACK in TIME_WAIT");
}

SCENARIO(unanswered_fin_is_sent_again)
{
	struct segment r;
	int k;

	open_by_peer(pl, MSS);
	kernel_closes(pl);
	for (k = 0; k < 2; k++) {
		wire_await(&pl->w, &r);
		note_segment(pl, "again", &r);
		EXPECT_EQ(FIN | ACK, r.flags);
	}
}

SCENARIO(data_after_close_is_reset)
{
	struct segment r;

	open_by_peer(pl, MSS);
	kernel_closes(pl);
	pl->rcv++;
	say(pl, ACK);
	send_data(pl, 0, 10);
	wire_await(&pl->w, &r);
	note_segment(pl, "data after close", &r);
	EXPECT_EQ(RST, r.flags & RST);
}

SCENARIO(closes_that_cross)
{
	open_by_peer(pl, MSS);
	kernel_closes(pl);
	/* A FIN that has not seen the other. */
	say(pl, FIN | ACK);
	note_answer(pl, "to the crossing FIN");
	pl->snd++;
	pl->rcv++;
	say(pl, ACK);
	say_shifted(pl, FIN | ACK, -1);
	note_answer(pl, "FIN once more, in TIME_WAIT");
}

/* The window ends where it ended before: only the ACK says that B may go. */
SCENARIO(ack_with_data_lets_out_what_nagle_held)
{
	struct segment s, r;

	open_by_peer(pl, MSS);
	ASSERT_EQ(100, send(pl->fd, pl, 100, 0));
	wire_await(&pl->w, &r);
	note_segment(pl, "A", &r);
	ASSERT_EQ(100, send(pl->fd, pl, 100, 0));
	note_silence(pl, "B waits");
	s = segment(pl, ACK | PSH);
	s.ack = r.seq + 100;
	s.window -= 100;
	s.len = 50;
	wire_send(&pl->w, &s);
	wire_await(&pl->w, &r);
	note_segment(pl, "B", &r);
	EXPECT_EQ(100, r.len);
}

SCENARIO(sends_segments_no_larger_than_the_peer_said)
{
	struct segment r;
	int got = 0;

	open_by_peer(pl, MSS);
	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 5000));
	while (got < 5000) {
		wire_await(&pl->w, &r);
		EXPECT_GE(1000, r.len);
		ASSERT_EQ(pl->rcv, r.seq);
		EXPECT_EQ(-1, stream_check(2, got, r.data, r.len));
		got += r.len;
		pl->rcv += r.len;
		/* Where a burst ends depends on the rate that was measured. */
		r.flags &= ~PSH;
		note_segment(pl, "data", &r);
		say(pl, ACK);
	}
}

/* So long a round trip that the retransmission timer is far away. */
#define LONG_WAY_US	600000
#define BEFORE_RTO_MS	1500

SCENARIO(three_duplicate_acks_bring_a_fast_retransmission)
{
	struct segment r;
	long long start;
	int k;

	send_syn(pl, MSS, 0, 0);
	usleep(LONG_WAY_US);
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
	start = now_ms();
	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 8000));
	for (k = 0; k < 8; k++)
		wire_await(&pl->w, &r);
	for (k = 0; k < 3; k++)
		say(pl, ACK);
	wire_await(&pl->w, &r);
	EXPECT_EQ(pl->rcv, r.seq);
	EXPECT_GT(BEFORE_RTO_MS, now_ms() - start)
		TH_LOG("%s waited for its timer", proto_name(pl->w.proto));
}

/*
 * How long it waits to the millisecond is in timers.c, where no machine stands
 * still meanwhile; here it waits on every kernel, each time twice as long.
 */
SCENARIO(retransmission_timer_backs_off)
{
	long long start = ticked_ms(), waited;
	struct segment r;
	int k, least = 0;

	open_by_peer(pl, MSS);
	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 10));
	for (k = 0; k < 5; k++) {
		wire_await(&pl->w, &r);
		waited = ticked_ms() - start;
		EXPECT_EQ(pl->rcv, r.seq);
		note_segment(pl, "data", &r);
		EXPECT_LE(least, waited)
			TH_LOG("%s, segment %d", proto_name(pl->w.proto), k);
		least += 190 << k;
	}
}

/* F-RTO: whatever is new tells whether the timer was wrong, however small. */
SCENARIO(small_segment_follows_a_timeout)
{
	struct segment r;
	int k;

	open_by_peer(pl, MSS);
	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 1100));
	wire_await(&pl->w, &r);
	wire_await(&pl->w, &r);
	/* Nagle's rule keeps it back. */
	ASSERT_TRUE(send_stream(pl->fd, 2, 1100, 100));
	for (k = 0; k < 2; k++) {
		wire_await(&pl->w, &r);
		note_segment(pl, "after the timer", &r);
		pl->rcv = r.seq + r.len;
		say(pl, ACK);
	}
	EXPECT_EQ(1100 + 1, r.seq - pl->their_iss);
}

/* An ACK that announces no window. */
static void say_closed(struct play *pl)
{
	struct segment s = segment(pl, ACK);

	s.window = 0;
	wire_send(&pl->w, &s);
}

/*
 * As a peer does whose memory is short.  TCP before 6.7 takes no smaller window
 * from an ACK that acknowledges nothing.
 */
SCENARIO(window_closes_without_progress)
{
	struct segment r;

	open_by_peer(pl, MSS);
	say_closed(pl);
	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 10));
	wire_await(&pl->w, &r);
	if (pl->w.proto == IPPROTO_FERRY)
		EXPECT_EQ(0, r.len);
	if (!r.len) {
		say(pl, ACK);
		wire_await(&pl->w, &r);
	}
	EXPECT_EQ(pl->rcv, r.seq);
	EXPECT_EQ(10, r.len);
}

SCENARIO(zero_window_is_probed)
{
	struct segment r;
	int k;

	open_by_peer(pl, MSS);
	/*
	 * A smaller window at the same sequence number could be an
	 * old segment come late: move on by a byte first.
	 */
	send_data(pl, 0, 1);
	pl->snd++;
	ASSERT_TRUE(recv_stream(pl->fd, 1, 0, 1));
	say_closed(pl);
	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 100));
	/* An ACK of the byte may come first; then probes. */
	for (k = 0; k < 3; k++) {
		do
			wire_await(&pl->w, &r);
		while (r.seq == pl->rcv && !r.len && !k);
		note_segment(pl, "probe", &r);
		EXPECT_GE(1, r.len);
		say_closed(pl);
	}
	say(pl, ACK);
	do
		wire_await(&pl->w, &r);
	while (r.len < 2);
	note_segment(pl, "once it is open", &r);
	EXPECT_EQ(-1, stream_check(2, 0, r.data, r.len));
}

TEST_HARNESS_MAIN
