// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options on the wire: the peer is the test itself.  It sends the same script
 * of segments to TCP and to Ferry, and what the two answer must be the same:
 * which options, which SACK blocks in which order, which timestamp is echoed.
 *
 * Every segment of a script is one that is answered at once, so nothing waits
 * for a time to pass.
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "ktest.h"
#include "play.h"

FIXTURE(options) {
	struct transcript log[2];
};

FIXTURE_VARIANT(options) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(options, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(options, v6) { .fam = V6 };

FIXTURE_SETUP(options)
{
}

FIXTURE_TEARDOWN(options)
{
}

/* The kernel opens it; the peer answers with @offers. */
static void open_by_kernel(struct play *pl, int offers, __u8 flags)
{
	struct segment s;

	pl->offers = 0;
	dial_peer(pl, &s);
	s = segment(pl, SYN | ACK | flags);
	s.seq = ISS;
	add_offers(pl, &s, offers);
	wire_send(&pl->w, &s);
	pl->snd = ISS + 1;
	note_answer(pl, "after SYN-ACK");
}

static void bytes_answered(struct play *pl, int from, int to)
{
	char what[64];

	send_bytes(pl, from, to);
	sprintf(what, "%d to %d", from, to);
	note_answer(pl, what);
}

PLAY(options, syn_ack_has_what_the_syn_offered, false)
{
	int offers;

	for (offers = 0; offers <= ALL; offers++) {
		note(pl->t, "offers %d", offers);
		send_syn(pl, offers, 0, 0);
		pl->mine++;
	}
	EXPECT_NE(NULL, strstr(pl->t->text, "mss 1460 sackok ts ws") ?:
			strstr(pl->t->text, "mss 1440 sackok ts ws"));
	setting(pl, "sack", 0);
	send_syn(pl, ALL, 0, 0);
	pl->mine++;
	setting(pl, "sack", 1);
	setting(pl, "timestamps", 0);
	send_syn(pl, ALL, 0, 0);
	pl->mine++;
	setting(pl, "window_scaling", 0);
	send_syn(pl, ALL, 0, 0);
}

TEST_F(options, syn_offers_what_is_set)
{
	static const int set[][3] = {
		{ 1, 1, 1 }, { 0, 1, 1 }, { 1, 0, 1 }, { 1, 1, 0 }, { 0, 0, 0 },
	};
	unsigned int n;
	int i, offers;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];

		for (n = 0; n < ARRAY_SIZE(set); n++) {
			for (offers = 0; offers <= ALL; offers += 3) {
				struct play pl;

				play_open(&pl, variant->fam, proto_of(i),
					  false, t);
				setting(&pl, "sack", set[n][0]);
				setting(&pl, "timestamps", set[n][1]);
				setting(&pl, "window_scaling", set[n][2]);
				note(t, "set %u, answer %d", n, offers);
				open_by_kernel(&pl, offers, 0);
				bytes_answered(&pl, 101, 201);
				play_close(&pl);
			}
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(options, timestamps_take_room_in_a_segment)
{
	int i, offers;

	for (i = 0; i < 2; i++) {
		for (offers = MSS; offers <= ALL; offers += TIMESTAMP) {
			static char data[4000];
			struct play pl;
			struct segment r;

			play_open(&pl, variant->fam, proto_of(i), false,
				  &self->log[i]);
			open_by_peer(&pl, offers);
			if (send(pl.fd, data, sizeof(data), 0) !=
			    sizeof(data))
				die("send");
			while (pl.rcv != pl.their_iss + 1 + sizeof(data)) {
				wire_await(&pl.w, &r);
				/* On a slow machine it may be sent again. */
				if (r.seq != pl.rcv)
					continue;
				/* Where PSH is set is not the matter here. */
				note(pl.t, "len %d", r.len);
				note_options(&pl, &r);
				EXPECT_GE(1000, r.len + r.options_len);
				pl.rcv += r.len;
			}
			play_close(&pl);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* RFC 7323 section 4.3: which timestamp is echoed. */
PLAY(options, the_right_timestamp_is_echoed, false)
{
	open_by_peer(pl, ALL);
	pl->clock = CLOCK + 10;
	bytes_answered(pl, 1, 101);
	EXPECT_NE(NULL, strstr(pl->t->text, "echo 10"));
	/* Beyond a hole: what came before the hole is echoed. */
	pl->clock = CLOCK + 20;
	bytes_answered(pl, 201, 301);
	EXPECT_EQ(NULL, strstr(pl->t->text, "echo 20"));
	/* The hole is filled: that one's, though it is younger. */
	pl->clock = CLOCK + 30;
	bytes_answered(pl, 101, 201);
	EXPECT_NE(NULL, strstr(pl->t->text, "echo 30"));
	/* Two ACKs for nothing new, with a window update. */
	pl->clock = CLOCK + 40;
	bytes_answered(pl, 301, 401);
}

TEST_F(options, sack_blocks_the_latest_first)
{
	/*
	 * Which piece of 50 bytes comes, and how many of them.  Never more
	 * than four blocks at once: TCP would forget part of the fifth.
	 */
	static const int script[][2] = {
		{ 2, 1 }, { 4, 1 }, { 6, 1 }, { 8, 1 },
		{ 3, 1 },	/* joins two */
		{ 14, 2 }, { 15, 2 },	/* overlaps */
		{ 4, 1 },	/* again */
		{ 7, 1 }, { 5, 1 },	/* all of these are one now */
		{ 20, 4 }, { 18, 4 }, { 19, 6 },	/* covers */
		{ 1, 1 },	/* fills the first hole */
		{ 2, 1 },	/* again, below RCV.NXT */
		{ 8, 3 },	/* some of it new */
		{ 13, 1 }, { 30, 1 }, { 17, 1 }, { 17, 1 },
		{ 11, 14 },	/* fills several holes, and brings much twice */
		{ 25, 1 },
	};
	int i, offers;
	unsigned int n;

	for (i = 0; i < 2; i++) {
		for (offers = MSS | SACKOK; offers <= ALL;
		     offers += TIMESTAMP) {
			struct play pl;

			play_open(&pl, variant->fam, proto_of(i), false,
				  &self->log[i]);
			open_by_peer(&pl, offers);
			bytes_answered(&pl, 1, 101);
			for (n = 0; n < ARRAY_SIZE(script); n++) {
				int from = 51 + script[n][0] * 50;

				bytes_answered(&pl, from,
					       from + script[n][1] * 50);
			}
			play_close(&pl);
		}
		EXPECT_NE(NULL, strstr(self->log[i].text,
				       "151 to 301, 451 to 501"));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/*
 * The same dice for both protocols.  With other seeds there are cases in which
 * TCP merges a duplicate with a neighbour and forgets to tell of it.
 */
TEST_F(options, sack_blocks_by_chance)
{
	static const int seeds[] = { 1, 4, 6, 7, 9, 11, 12, 15 };
	unsigned int k;
	int i, n;

	for (i = 0; i < 2; i++) {
		for (k = 0; k < ARRAY_SIZE(seeds); k++) {
			unsigned short dice[3] = { seeds[k], 0, 7 };
			struct play pl;

			play_open(&pl, variant->fam, proto_of(i), false,
				  &self->log[i]);
			open_by_peer(&pl, k & 1 ? ALL : MSS | SACKOK);
			note(pl.t, "seed %d", seeds[k]);
			for (n = 0; n < 30; n++) {
				int from = nrand48(dice) % 9 * 100 + 1;

				bytes_answered(&pl, from, from + 100);
			}
			play_close(&pl);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

PLAY(options, no_sack_blocks_unless_both_permit, false)
{
	open_by_peer(pl, MSS | TIMESTAMP);
	bytes_answered(pl, 101, 201);
	bytes_answered(pl, 101, 201);
	bytes_answered(pl, 1, 101);
	bytes_answered(pl, 1, 101);
	EXPECT_EQ(NULL, strstr(pl->t->text, "sack"));
}

/* With Accurate ECN a kernel reads CWR in a SYN-ACK as part of a counter. */
static bool has_accurate_ecn(void)
{
	return !access("/proc/sys/net/ipv4/tcp_ecn_option", F_OK);
}

TEST_F(options, ecn_is_negotiated)
{
	static const struct {
		__u8 flags, tos;
	} syn[] = {
		{ 0, 0 }, { ECE | CWR, 0 }, { ECE, 0 }, { CWR, 0 },
		{ ECE | CWR, 1 }, { ECE | CWR, 2 }, { ECE | CWR, 3 },
	};
	static const __u8 answer[] = { 0, ECE, CWR, ECE | CWR };
	unsigned int n;
	int i, ecn;

	for (i = 0; i < 2; i++) {
		for (ecn = 0; ecn <= 2; ecn++) {
			struct play pl;

			play_open(&pl, variant->fam, proto_of(i), false,
				  &self->log[i]);
			setting(&pl, "ecn", ecn);
			note(pl.t, "ecn %d", ecn);
			for (n = 0; n < ARRAY_SIZE(syn); n++) {
				send_syn(&pl, ALL, syn[n].flags, syn[n].tos);
				pl.mine++;
			}
			play_close(&pl);
		}
		EXPECT_NE(NULL, strstr(self->log[i].text, "SYN|ACK|ECE"));
		for (n = 0; n < 2 * ARRAY_SIZE(answer); n++) {
			struct play pl;
			struct tcp_info info;
			socklen_t len = sizeof(info);

			if (answer[n / 2] & CWR && has_accurate_ecn())
				continue;
			play_open(&pl, variant->fam, proto_of(i), false,
				  &self->log[i]);
			setting(&pl, "ecn", n % 2);
			open_by_kernel(&pl, ALL, answer[n / 2]);
			if (getsockopt(pl.fd, IPPROTO_TCP, TCP_INFO, &info,
				       &len))
				die("TCP_INFO");
			note(pl.t, "options in use: %x", info.tcpi_options);
			play_close(&pl);
		}
		EXPECT_NE(NULL, strstr(self->log[i].text, "SYN|ECE|CWR"));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* RFC 7323 section 5: an old timestamp makes an old duplicate. */
PLAY(options, paws_drops_what_is_old, false)
{
	struct segment s;

	open_by_peer(pl, ALL);
	pl->clock = CLOCK + 1000;
	bytes_answered(pl, 1, 101);
	pl->clock = CLOCK + 899;
	bytes_answered(pl, 101, 201);
	EXPECT_EQ(NULL, strstr(pl->t->text, "ack 201"));
	/* One tick is forgiven. */
	pl->clock = CLOCK + 999;
	bytes_answered(pl, 101, 201);
	EXPECT_NE(NULL, strstr(pl->t->text, "ack 201"));
	/* Beyond a hole it is the same; half the circle is old. */
	pl->clock = CLOCK + 899;
	bytes_answered(pl, 301, 401);
	pl->clock = CLOCK + 1000 - 0x7fffffff;
	bytes_answered(pl, 201, 301);
	pl->clock = CLOCK + 1000 + 0x7fffffff;
	bytes_answered(pl, 201, 301);
	pl->clock += 1000;
	bytes_answered(pl, 301, 401);
	/* A SYN is answered, a RST counts however old it is. */
	s = segment(pl, SYN);
	s.options_len = 0;
	s.seq = ISS + 401;
	add_timestamp(&s, CLOCK, 0);
	wire_send(&pl->w, &s);
	note_answer(pl, "SYN");
	s.flags = RST;
	wire_send(&pl->w, &s);
	wait_for(pl->fd, POLLHUP, SOON_MS);
	note_so_error(pl->t, pl->fd);
}

/* What a younger segment has overtaken is not old.  TCP drops it. */
TEST_F(options, paws_spares_what_was_overtaken)
{
	struct play pl;

	play_open(&pl, variant->fam, ferry(), false, &self->log[1]);
	open_by_peer(&pl, ALL);
	pl.clock = CLOCK + 1000;
	bytes_answered(&pl, 1, 101);
	pl.clock = CLOCK + 900;
	bytes_answered(&pl, 101, 201);
	EXPECT_NE(NULL, strstr(pl.t->text, "101 to 201: ACK seq 1 ack 201"));
	EXPECT_EQ(NULL, strstr(pl.t->text, "echo 900"));
	play_close(&pl);
}

/* One segment of data, marked, and what its ACK says of it. */
static void marked_bytes(struct play *pl, int from, __u8 flags, __u8 tos)
{
	struct segment s = segment(pl, ACK | flags);
	char what[64];

	s.tos = tos;
	s.seq = ISS + from;
	s.len = 100;
	stream_fill(1, from, s.data, s.len);
	wire_send(&pl->w, &s);
	sprintf(what, "%d, %s, tos %u", from, flags_text(&s), tos);
	note_answer(pl, what);
}

PLAY(options, ecn_is_echoed_until_cwr, false)
{
	setting(pl, "ecn", 2);
	send_syn(pl, ALL, ECE | CWR, 0);
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
	marked_bytes(pl, 1, 0, 2);
	marked_bytes(pl, 101, 0, 3);	/* CE */
	EXPECT_NE(NULL, strstr(pl->t->text, "ACK|ECE"));
	marked_bytes(pl, 201, 0, 2);
	marked_bytes(pl, 301, 0, 2);
	marked_bytes(pl, 401, CWR, 2);
	marked_bytes(pl, 501, 0, 2);
	marked_bytes(pl, 701, 0, 3);	/* beyond a hole */
	marked_bytes(pl, 601, 0, 2);
	marked_bytes(pl, 801, CWR, 3);	/* and marked again */
	marked_bytes(pl, 901, 0, 2);
}

/* Who has not agreed to ECN does not see the marks. */
PLAY(options, no_ecn_unless_both_agree, false)
{
	open_by_peer(pl, ALL);
	marked_bytes(pl, 1, 0, 3);
	marked_bytes(pl, 101, CWR, 3);
	EXPECT_EQ(NULL, strstr(pl->t->text, "ECE"));
}

/* Data is marked as capable, ACKs and retransmissions are not. */
PLAY(options, ecn_marks_new_data, false)
{
	struct segment s;

	setting(pl, "ecn", 2);
	send_syn(pl, MSS, ECE | CWR, 0);
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
	send_bytes(pl, 1, 101);
	wire_await(&pl->w, &s);
	note(pl->t, "ACK: tos %u", s.tos);
	if (send(pl->fd, "data", 4, 0) != 4)
		die("send");
	wire_await(&pl->w, &s);
	note(pl->t, "data: tos %u", s.tos);
	EXPECT_EQ(2, s.tos);
	wire_await(&pl->w, &s);
	note(pl->t, "again, at %u: tos %u", s.seq - pl->rcv, s.tos);
	EXPECT_EQ(0, s.tos);
}

#define TINY_MSS	88	/* the smallest that is not raised */

/* The peer opens a connection with tiny segments and a large window. */
static void open_tiny(struct play *pl)
{
	struct segment s = segment(pl, SYN), r;

	s.seq = ISS;
	add_mss(&s, TINY_MSS);
	add_window_scale(&s, 5);
	add_sack_permitted(&s);
	answered(pl, &s, &r);
	pl->snd = ISS + 1;
	pl->rcv = r.seq + 1;
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
	set_int(pl->fd, SOL_SOCKET, SO_SNDBUF, 200000);
	set_nonblocking(pl->fd, true);
}

/* Acknowledge until much is under way at a time; returns how much. */
static __u32 fill_the_path(struct play *pl)
{
	static const char bytes[65536];
	__u32 end = pl->rcv, before;
	struct segment s;

	do {
		before = end - pl->rcv;
		pl->rcv = end;
		say(pl, ACK);
		while (send(pl->fd, bytes, sizeof(bytes), 0) > 0)
			;
		while (wire_recv(&pl->w, &s, 30))
			if ((__s32)(s.seq + s.len - end) > 0)
				end = s.seq + s.len;
	} while (end - pl->rcv > before);
	return end - pl->rcv;
}

/*
 * A peer that has every other of very many small segments: to know of each by
 * itself costs much more memory than what is in them (CVE-2019-11478).
 */
TEST_F(options, sack_of_every_other_segment_is_bounded)
{
	__u32 mem[SK_MEMINFO_VARS], out, at, b[8];
	socklen_t len = sizeof(mem);
	struct play pl;
	int i, n;

	for (i = 0; i < 2; i++) {
		play_open(&pl, variant->fam, proto_of(i), false,
			  &self->log[i]);
		open_tiny(&pl);
		out = fill_the_path(&pl);
		for (at = TINY_MSS, n = 0; at < out; at += 2 * TINY_MSS) {
			struct segment s;

			b[n++] = htonl(pl.rcv + at);
			b[n++] = htonl(pl.rcv + at + TINY_MSS);
			if (n < 8)
				continue;
			s = segment(&pl, ACK);
			add_option(&s, 5, b, sizeof(b));
			wire_send(&pl.w, &s);
			n = 0;
		}
		ASSERT_EQ(0, getsockopt(pl.fd, SOL_SOCKET, SO_MEMINFO, mem,
					&len));
		/* Both stop soon after twice what the program allows. */
		EXPECT_GT(3 * (mem[SK_MEMINFO_SNDBUF] + 2 * 65536),
			  mem[SK_MEMINFO_WMEM_QUEUED])
			TH_LOG("over %s", proto_name(pl.w.proto));
		play_close(&pl);
	}
}

TEST_HARNESS_MAIN
