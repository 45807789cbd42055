// SPDX-License-Identifier: GPL-2.0-only
/*
 * What FERRY_INFO and TCP_INFO tell of a path that loses, reorders and repeats:
 * the peer is the test itself and makes the trouble, once for TCP and once for
 * Ferry, and both must have counted the same.
 */
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ferry.h>

#include "ktest.h"
#include "play.h"

FIXTURE(info) {
	struct transcript log[2];
};

FIXTURE_VARIANT(info) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(info, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(info, v6) { .fam = V6 };

FIXTURE_SETUP(info)
{
}

FIXTURE_TEARDOWN(info)
{
}

/* Up to where TCP_INFO goes it is the same; the length says how far it went. */
static socklen_t read_info(const struct play *pl, struct ferry_info *info)
{
	bool ours = pl->w.proto != IPPROTO_TCP;
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (getsockopt(pl->fd, ours ? SOL_FERRY : SOL_TCP, TCP_INFO, info,
		       &len))
		die("TCP_INFO");
	return len;
}

static bool tells_of_timeouts(socklen_t len)
{
	return len >= offsetof(struct ferry_info, half_open);
}

PLAY(info, out_of_order, false)
{
	static const int pieces[][2] = {
		{ 1, 101 }, { 201, 301 }, { 301, 401 }, { 501, 601 },
		{ 501, 601 }, { 1, 101 }, { 101, 201 }, { 401, 501 },
		{ 601, 701 }, { 801, 901 },
	};
	struct ferry_info info;
	struct segment r;
	unsigned int n;

	open_by_peer(pl, ALL);
	for (n = 0; n < ARRAY_SIZE(pieces); n++) {
		send_bytes(pl, pieces[n][0], pieces[n][1]);
		wire_await(&pl->w, &r);
	}
	read_info(pl, &info);
	note(pl->t, "beyond a hole: %u, duplicates of ours: %u",
	     info.rcv_ooopack, info.dsack_dups);
	EXPECT_EQ(5, info.rcv_ooopack);
}

/* The peer has all of @pl's data, and says that it got some of it twice. */
static void ack_with_dsack(struct play *pl, __u32 start, __u32 end)
{
	struct segment s = segment(pl, ACK);
	__u32 block[2] = { htonl(start), htonl(end) };
	static const __u8 nops[2] = { 1, 1 };

	memcpy(s.options + s.options_len, nops, sizeof(nops));
	s.options_len += sizeof(nops);
	add_option(&s, 5, block, sizeof(block));
	wire_send(&pl->w, &s);
}

/* All that the kernel sends up to @end; returns how often something again. */
static int receive(struct play *pl, __u32 end, int again)
{
	struct segment r;
	int n = 0;

	while ((__s32)(pl->rcv - end) < 0 || n < again) {
		wire_await(&pl->w, &r);
		if (!r.len)
			continue;
		note_options(pl, &r);
		if (r.seq == pl->rcv)
			pl->rcv += r.len;
		else
			n++;
	}
	return n;
}

static void send_data(const struct play *pl, int len)
{
	static char data[4000];

	if (send(pl->fd, data, len, 0) != len)
		die("send");
}

/* A byte of the peer's: when that is acknowledged, so is all before it. */
static void drain(struct play *pl, int number)
{
	struct segment r;

	send_bytes(pl, number, number + 1);
	do
		wire_await(&pl->w, &r);
	while (r.ack != ISS + number + 1);
}

PLAY(info, duplicates_that_the_peer_reports, false)
{
	__u32 start;
	struct ferry_info info;

	open_by_peer(pl, ALL);
	start = pl->rcv;
	send_data(pl, 2500);
	receive(pl, start + 2500, 0);
	/* Of a segment, of a part of one, and of more than two. */
	ack_with_dsack(pl, start, start + 988);
	ack_with_dsack(pl, start, start + 10);
	ack_with_dsack(pl, start, start + 2 * 988 + 1);
	/* Of nothing, and of what was never sent. */
	ack_with_dsack(pl, start, start);
	drain(pl, 1);
	read_info(pl, &info);
	note(pl->t, "duplicates of ours: %u, beyond a hole: %u",
	     info.dsack_dups, info.rcv_ooopack);
	EXPECT_EQ(5, info.dsack_dups);
}

/*
 * Without SACK there is no tail loss probe: all that is sent again is for the
 * timer.  A slow machine may send more often than the test asks for.
 */
PLAY(info, timeouts, true)
{
	struct ferry_info info;
	long long begin, seen;
	socklen_t len;
	int again;

	open_by_peer(pl, MSS);
	read_info(pl, &info);
	EXPECT_EQ(0, info.total_rto);
	begin = now_ms();
	send_data(pl, 100);
	again = receive(pl, pl->rcv + 100, 1);
	seen = now_ms();
	again += receive(pl, pl->rcv, 1);
	seen = now_ms() - seen;
	say(pl, ACK);
	drain(pl, 1);
	len = read_info(pl, &info);
	if (!tells_of_timeouts(len))
		return;
	EXPECT_LE(again, info.total_rto);
	EXPECT_EQ(info.total_retrans, info.total_rto);
	EXPECT_EQ(1, info.total_rto_recoveries);
	/* From the first time that it goes again until its ACK comes. */
	EXPECT_LE(seen - 50, info.total_rto_time);
	EXPECT_GE(now_ms() - begin, info.total_rto_time);
	EXPECT_EQ(0, info.retransmits);
}

TEST_HARNESS_MAIN
