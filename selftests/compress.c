// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACK compression: how many ACKs answer segments beyond a hole, when they come
 * and what they tell.  The peer sends the same burst to TCP and to Ferry.
 *
 * Runs with --reproducible on user-mode Linux only: there a burst takes no
 * time, and a timer of a millisecond expires after a millisecond.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "play.h"

#define PIECE 100

FIXTURE(compress) {
	struct transcript log[2];
};

FIXTURE_VARIANT(compress) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(compress, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(compress, v6) { .fam = V6 };

FIXTURE_SETUP(compress)
{
}

FIXTURE_TEARDOWN(compress)
{
}

/*
 * So many segments are answered one by one: the first after an idle time, and
 * then the first three of a hole.
 */
#define AT_ONCE 18

/* The piece of that number; the first is number 0. */
static void send_piece(struct play *pl, int n)
{
	send_bytes(pl, 1 + n * PIECE, 1 + (n + 1) * PIECE);
}

/* All ACKs that come, and when: in tenths of a millisecond. */
static int note_acks(struct play *pl)
{
	long long begin = now_us();
	struct segment s;
	int n = 0;

	while (wire_recv(&pl->w, &s, 300)) {
		note(pl->t, "%lld: ack %u", (now_us() - begin) / 100,
		     s.ack - ISS);
		note_options(pl, &s);
		n++;
	}
	return n;
}

/* A connection whose round trip both ends know. */
static int warm_up(struct play *pl)
{
	int n;

	setting(pl, "comp_sack_nr", 44);
	open_by_peer(pl, ALL);
	for (n = 0; n < 40; n++) {
		send_piece(pl, n);
		note_acks(pl);
		pl->clock += 300;
	}
	return n;
}

PLAY(compress, burst, false)
{
	unsigned long before = counter(pl->w.proto, "AckCompressed");
	int n = warm_up(pl), i, acks;

	for (i = 1; i <= 30; i++)
		send_piece(pl, n + i);
	acks = note_acks(pl);
	note(pl->t, "%d ACKs, %lu saved", acks,
	     counter(pl->w.proto, "AckCompressed") - before);
	EXPECT_EQ(AT_ONCE + 1, acks);
	EXPECT_EQ(30 - acks, counter(pl->w.proto, "AckCompressed") - before);
	/* What fills the hole is acknowledged at once. */
	for (i = 31; i <= 35; i++)
		send_piece(pl, n + i);
	send_piece(pl, n);
	note_acks(pl);
}

PLAY(compress, no_more_than_the_setting_allows, false)
{
	int n, i;

	n = warm_up(pl);
	setting(pl, "comp_sack_nr", 5);
	for (i = 1; i <= 30; i++)
		send_piece(pl, n + i);
	note(pl->t, "%d ACKs", note_acks(pl));
	setting(pl, "comp_sack_nr", 0);
	for (i = 31; i <= 40; i++)
		send_piece(pl, n + i);
	EXPECT_EQ(10, note_acks(pl));
}

PLAY(compress, two_holes, false)
{
	int n = warm_up(pl), i;

	for (i = 1; i <= AT_ONCE + 5; i++)
		send_piece(pl, n + i);
	for (i++; i <= 40; i++)
		send_piece(pl, n + i);
	EXPECT_EQ(AT_ONCE + 1, note_acks(pl));
	/* The second hole becomes the first, and its ACKs go at once again. */
	send_piece(pl, n);
	for (; i <= 70; i++)
		send_piece(pl, n + i);
	note_acks(pl);
}

/*
 * A run that no ACK tells of would be sent again.  Ferry tells of each in three
 * ACKs, so that two may be lost; TCP of every second one in one ACK only.
 */
TEST_F(compress, each_run_is_told_three_times)
{
	enum { RUNS = 40 };
	const __u8 *p;
	int i, j, len;

	for (i = 0; i < 2; i++) {
		__u32 told[RUNS] = { 0 }, first, piece;
		struct segment s;
		struct play pl;

		play_open(&pl, variant->fam, proto_of(i), false, &self->log[i]);
		first = warm_up(&pl) + 1;
		for (j = 0; j < RUNS; j++)
			send_piece(&pl, first + 2 * j);
		while (wire_recv(&pl.w, &s, 300)) {
			p = find_option(&s, 5, &len);
			for (j = 0; p && j < len; j += 8) {
				piece = (number_at(p + j) - ISS) / PIECE;
				ASSERT_LT((piece - first) / 2, (__u32)RUNS);
				told[(piece - first) / 2]++;
			}
		}
		/* There was no later ACK to tell of the last two. */
		for (j = 0; j < RUNS - 2; j++)
			EXPECT_LE(i ? 3U : 1U, told[j])
				TH_LOG("%s: run %d was told %u times",
				       proto_name(pl.w.proto), j, told[j]);
		play_close(&pl);
	}
}

PLAY(compress, none_without_sack, false)
{
	int n, i;

	setting(pl, "comp_sack_nr", 44);
	open_by_peer(pl, MSS | TIMESTAMP);
	for (n = 0; n < 40; n++) {
		send_piece(pl, n);
		note_acks(pl);
		pl->clock += 300;
	}
	for (i = 1; i <= 10; i++)
		send_piece(pl, n + i);
	EXPECT_EQ(10, note_acks(pl));
}

/* An ACK that waits goes with the answer that the program sends. */
PLAY(compress, data_carries_it, false)
{
	int n = warm_up(pl), i;

	for (i = 1; i <= AT_ONCE + 5; i++)
		send_piece(pl, n + i);
	if (send(pl->fd, "12345", 5, 0) != 5)
		die("send");
	/* The next piece acknowledges that, and is acknowledged by the timer. */
	pl->rcv += 5;
	send_piece(pl, n + i);
	EXPECT_EQ(AT_ONCE + 2, note_acks(pl));
}

TEST_HARNESS_MAIN
