// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments made by hand that could be merged before they come up (GRO), but
 * for something in the middle: a bad checksum, a flag, another size, a lie.
 * What is read and what is acknowledged must be the same as over TCP.
 *
 * The device holds what comes within a clock tick.  How many are merged thus
 * depends on the machine, and what is looked at does not; only the last test
 * wants some to be merged, and tries until they are.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "play.h"

#define PIECE	1000
#define COUNT	8
#define MIDDLE	4	/* where the odd one is */

FIXTURE(merge) {
	struct transcript log[2];
};

FIXTURE_VARIANT(merge) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(merge, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(merge, v6) { .fam = V6 };

FIXTURE_SETUP(merge)
{
	wire_polled();
}

FIXTURE_TEARDOWN(merge)
{
}

/* Bytes @from up to @to of the stream; the first is number 1. */
static struct segment piece(const struct play *pl, int from, int to)
{
	struct segment s = segment(pl, ACK);

	s.seq = ISS + from;
	s.len = to - from;
	stream_fill(1, from - 1, s.data, s.len);
	return s;
}

/* The piece of that number, from 0. */
static struct segment numbered(const struct play *pl, int n)
{
	return piece(pl, 1 + n * PIECE, 1 + (n + 1) * PIECE);
}

static void send_from(struct play *pl, int first, int end)
{
	struct segment s;

	for (; first < end; first++) {
		s = numbered(pl, first);
		wire_send(&pl->w, &s);
	}
}

/* All pieces, with @odd in the place of the middle one. */
static void send_with(struct play *pl, const struct segment *odd)
{
	send_from(pl, 0, MIDDLE);
	wire_send(&pl->w, odd);
	send_from(pl, MIDDLE + 1, COUNT);
}

/* Wait for an ACK up to there; returns its flags, 0 if none comes. */
static __u8 await_ack(struct play *pl, int upto, struct segment *s)
{
	while (wire_recv(&pl->w, s, SOON_MS))
		if (s->ack == ISS + upto)
			return s->flags;
	return 0;
}

/* Everything up to there is acknowledged and read. */
static void note_all(struct play *pl, int upto)
{
	struct segment s;

	note(pl->t, "%d acknowledged: %d", upto, !!await_ack(pl, upto, &s));
	note(pl->t, "read: %d", recv_stream(pl->fd, 1, 0, upto - 1));
	note_ret(pl->t, "more", recv(pl->fd, &s, 1, MSG_DONTWAIT));
}

static void note_whole(struct play *pl)
{
	note_all(pl, 1 + COUNT * PIECE);
}

/* What was refused comes again. */
static void repair(struct play *pl)
{
	struct segment s;

	note(pl->t, "hole: %d", !!await_ack(pl, 1 + MIDDLE * PIECE, &s));
	send_from(pl, MIDDLE, MIDDLE + 1);
	note_whole(pl);
}

PLAY(merge, plain, false)
{
	open_by_peer(pl, ALL);
	send_from(pl, 0, COUNT);
	note_whole(pl);
}

PLAY(merge, bad_checksum, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = numbered(pl, MIDDLE);
	s.bad_checksum = true;
	send_with(pl, &s);
	repair(pl);
}

PLAY(merge, header_that_lies, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = numbered(pl, MIDDLE);
	s.data_offset = 4;
	send_with(pl, &s);
	repair(pl);
}

PLAY(merge, push, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = numbered(pl, MIDDLE);
	s.flags |= PSH;
	send_with(pl, &s);
	note_whole(pl);
}

PLAY(merge, short_one, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = piece(pl, 1 + MIDDLE * PIECE, 1 + MIDDLE * PIECE + PIECE / 2);
	send_with(pl, &s);
	s = piece(pl, 1 + MIDDLE * PIECE + PIECE / 2, 1 + (MIDDLE + 1) * PIECE);
	wire_send(&pl->w, &s);
	note_whole(pl);
}

PLAY(merge, one_byte_each, false)
{
	struct segment s;
	int i;

	open_by_peer(pl, ALL);
	for (i = 1; i <= 200; i++) {
		s = piece(pl, i, i + 1);
		wire_send(&pl->w, &s);
	}
	note_all(pl, 201);
}

PLAY(merge, long_one, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = piece(pl, 1 + MIDDLE * PIECE, 1 + (MIDDLE + 1) * PIECE + 300);
	send_with(pl, &s);
	note_whole(pl);
}

PLAY(merge, overlap, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = piece(pl, 1 + MIDDLE * PIECE - 300, 1 + (MIDDLE + 1) * PIECE - 300);
	send_with(pl, &s);
	send_from(pl, MIDDLE, MIDDLE + 1);
	note_whole(pl);
}

PLAY(merge, twice, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = numbered(pl, MIDDLE);
	wire_send(&pl->w, &s);
	wire_send(&pl->w, &s);
	send_from(pl, 0, MIDDLE + 1);
	send_with(pl, &s);
	note_whole(pl);
}

PLAY(merge, backwards, false)
{
	int i;

	open_by_peer(pl, ALL);
	for (i = COUNT - 1; i >= 0; i--)
		send_from(pl, i, i + 1);
	note_whole(pl);
}

PLAY(merge, other_options_and_window, false)
{
	struct segment s;
	int i;

	open_by_peer(pl, ALL);
	for (i = 0; i < COUNT; i++) {
		pl->clock += i & 1;
		s = numbered(pl, i);
		s.window += i / 4;
		wire_send(&pl->w, &s);
	}
	note_whole(pl);
}

PLAY(merge, without_options, true)
{
	open_by_peer(pl, MSS);
	send_from(pl, 0, COUNT);
	note_whole(pl);
}

PLAY(merge, fin_with_the_last, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	send_from(pl, 0, COUNT - 1);
	s = numbered(pl, COUNT - 1);
	s.flags |= FIN;
	wire_send(&pl->w, &s);
	note(pl->t, "FIN acknowledged: %d",
	     !!await_ack(pl, 2 + COUNT * PIECE, &s));
	note(pl->t, "read: %d", recv_stream(pl->fd, 1, 0, COUNT * PIECE));
	note_ret(pl->t, "the end", recv(pl->fd, &s, 1, 0));
}

/* There is nothing behind a FIN. */
PLAY(merge, fin_in_the_middle, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	s = numbered(pl, MIDDLE);
	s.flags |= FIN;
	send_with(pl, &s);
	note(pl->t, "read: %d",
	     recv_stream(pl->fd, 1, 0, (MIDDLE + 1) * PIECE));
	note_ret(pl->t, "the end", recv(pl->fd, &s, 1, 0));
}

PLAY(merge, reset_in_the_middle, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	send_from(pl, 0, MIDDLE);
	s = segment(pl, RST);
	s.seq = ISS + 1 + MIDDLE * PIECE;
	wire_send(&pl->w, &s);
	wait_for(pl->fd, POLLHUP, SOON_MS);
	note_so_error(pl->t, pl->fd);
}

PLAY(merge, urgent, false)
{
	struct segment s;
	char c = 0;

	open_by_peer(pl, ALL);
	s = numbered(pl, MIDDLE);
	s.flags |= URG;
	s.urgent = 1;
	send_with(pl, &s);
	note(pl->t, "acknowledged: %d",
	     !!await_ack(pl, 1 + COUNT * PIECE, &s));
	note_ret(pl->t, "urgent", recv(pl->fd, &c, 1, MSG_OOB));
	note(pl->t, "read: %d", recv_stream(pl->fd, 1, 0, MIDDLE * PIECE));
	/* What was urgent is not in the stream. */
	note(pl->t, "read: %d",
	     recv_stream(pl->fd, 1, MIDDLE * PIECE + 1,
			 (COUNT - MIDDLE) * PIECE - 1));
}

/* A mark on one of many is told of until the peer has reduced its window. */
PLAY(merge, mark_in_the_middle, false)
{
	struct segment s;
	int i;

	setting(pl, "ecn", 1);
	send_syn(pl, ALL, ECE | CWR, 0);
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
	for (i = 0; i < COUNT; i++) {
		s = numbered(pl, i);
		s.tos = i == MIDDLE ? 3 : 2;
		wire_send(&pl->w, &s);
	}
	i = await_ack(pl, 1 + COUNT * PIECE, &s);
	EXPECT_TRUE(i & ECE);
	note(pl->t, "ECE: %d", !!(i & ECE));
	for (i = COUNT; i < 2 * COUNT; i++) {
		s = numbered(pl, i);
		s.tos = 2;
		if (i == COUNT + MIDDLE)
			s.flags |= CWR;
		wire_send(&pl->w, &s);
	}
	i = await_ack(pl, 1 + 2 * COUNT * PIECE, &s);
	EXPECT_FALSE(i & ECE);
	note(pl->t, "ECE: %d", !!(i & ECE));
	note(pl->t, "read: %d", recv_stream(pl->fd, 1, 0, 2 * COUNT * PIECE));
	/* Marks are counted by the segment, whatever became of it. */
	note(pl->t, "marked: %lu", counter(IPPROTO_TCP, "InCEPkts"));
}

TEST_F(merge, some_are)
{
	unsigned long before;
	struct play pl;
	int n = 0;

	play_open(&pl, variant->fam, ferry(), false, &self->log[0]);
	open_by_peer(&pl, ALL);
	before = counter(ferry(), "GroMerged");
	while (counter(ferry(), "GroMerged") - before < COUNT / 2 &&
	       n < 100 * COUNT) {
		send_from(&pl, n, n + COUNT);
		n += COUNT;
		ASSERT_TRUE(recv_stream(pl.fd, 1, (n - COUNT) * PIECE,
					COUNT * PIECE));
	}
	TH_LOG("%lu of %d", counter(ferry(), "GroMerged") - before, n);
	EXPECT_LE(COUNT / 2, counter(ferry(), "GroMerged") - before);
	play_close(&pl);
}

TEST_HARNESS_MAIN
