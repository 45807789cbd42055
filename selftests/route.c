// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a route asks of the connections over it (ip-route(8)): the peer's
 * address has a route of its own, and connections are opened both ways.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "ktest.h"
#include "play.h"

FIXTURE(route) {
	struct transcript log[2];
};

FIXTURE_VARIANT(route) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(route, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(route, v6) { .fam = V6 };

FIXTURE_SETUP(route)
{
}

FIXTURE_TEARDOWN(route)
{
}

#define SCENARIO(name) PLAY(route, name, true)

/* How many bytes go out before anything is acknowledged? */
static int first_flight(struct play *pl)
{
	static char data[30000];
	struct segment r;
	int bytes = 0;

	if (send(pl->fd, data, sizeof(data), MSG_DONTWAIT) < 0)
		die("send");
	ask_for_mark(pl);
	while (before_mark(pl, &r))
		if ((int)(r.seq + r.len - pl->rcv) > bytes)
			bytes = r.seq + r.len - pl->rcv;
	note(pl->t, "%d bytes at first", bytes);
	return bytes;
}

SCENARIO(initcwnd)
{
	static const int windows[] = { 1, 3, 10, 20 };
	struct segment r;
	unsigned int k;
	char wish[20];

	/* Both roles with each, and the listener's port is known at first only. */
	for (k = 0; k < 2 * ARRAY_SIZE(windows); k++) {
		int n = windows[k % ARRAY_SIZE(windows)];

		snprintf(wish, sizeof(wish), "initcwnd %d", n);
		set_route(pl, wish);
		open_way(pl, k >= ARRAY_SIZE(windows), MSS, 0, &r);
		EXPECT_EQ(1000 * n, first_flight(pl));
		end_way(pl);
	}
}

SCENARIO(initrwnd)
{
	int header = pl->w.fam == V4 ? 40 : 60, dials;
	struct segment r;

	set_route(pl, "initrwnd 4");
	setting(pl, "timestamps", 1);
	open_way(pl, false, MSS | TIMESTAMP, 0, &r);
	note(pl->t, "window %u", r.window);
	EXPECT_EQ(4 * (1500 - header - 12), r.window);
	end_way(pl);
	setting(pl, "timestamps", 0);
	for (dials = 0; dials < 2; dials++) {
		open_way(pl, dials, MSS, 0, &r);
		note(pl->t, "window %u", r.window);
		EXPECT_EQ(4 * (1500 - header), r.window);
		end_way(pl);
	}
}

SCENARIO(advmss)
{
	struct segment r;
	int dials;

	set_route(pl, "advmss 777");
	for (dials = 0; dials < 2; dials++) {
		open_way(pl, dials, MSS, 0, &r);
		EXPECT_NE(NULL, strstr(options_text(&r), "mss 777"));
		end_way(pl);
	}
}

/* Too small for a timestamp: there has to be a window nevertheless. */
SCENARIO(advmss_of_a_few_bytes)
{
	struct segment r;
	char c;

	setting(pl, "timestamps", 1);
	set_route(pl, "advmss 8");
	open_way(pl, false, ALL, 0, &r);
	EXPECT_NE(NULL, strstr(options_text(&r), "mss 88"));
	EXPECT_LT(0, r.window);
	send_bytes(pl, 1, 2);
	ASSERT_EQ(1, recv(pl->fd, &c, 1, 0));
	end_way(pl);
}

SCENARIO(window)
{
	char text[1000];
	struct segment r;
	int dials, k;

	set_route(pl, "window 5500");
	for (dials = 0; dials < 2; dials++) {
		open_way(pl, dials, MSS | WSCALE, 0, &r);
		EXPECT_GE(5500, r.window);
		EXPECT_LT(4000, r.window);
		for (k = 0; k < 8; k++) {
			send_bytes(pl, 1 + k * 1000, 1001 + k * 1000);
			note_ret(pl->t, "recv",
				 recv(pl->fd, text, 1000, MSG_WAITALL));
			wire_await(&pl->w, &r);
			/* Newer kernels' TCP goes beyond the clamp. */
			if (pl->w.proto != IPPROTO_TCP)
				EXPECT_GE(5500, r.window);
		}
		end_way(pl);
	}
}

SCENARIO(quickack)
{
	struct segment r;
	int dials, k;
	char c;

	set_route(pl, "quickack 1");
	for (dials = 0; dials < 2; dials++) {
		open_way(pl, dials, MSS, 0, &r);
		/* A conversation, in which ACKs wait for answers otherwise. */
		for (k = 1; k < 6; k++) {
			send_bytes(pl, k, k + 1);
			note_silence(pl, "a byte");
			ASSERT_EQ(1, recv(pl->fd, &c, 1, 0));
			ASSERT_EQ(1, send(pl->fd, &c, 1, 0));
			wire_await(&pl->w, &r);
			note_segment(pl, "the answer", &r);
			pl->snd = ISS + 1 + k;
			pl->rcv++;
			say(pl, ACK);
		}
		end_way(pl);
	}
	EXPECT_NE(NULL, strstr(pl->t->text, "a byte: ACK seq 5 ack 6 len 0"));
}

SCENARIO(rto_min)
{
	static const struct {
		const char *wish;
		int least, most;
	} rows[] = {
		{ "rto_min 20ms", 20, 190 },
		{ "rto_min 3s", 3000, 10000 },
	};
	long long start;
	struct segment r;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		set_route(pl, rows[k].wish);
		open_way(pl, k % 2, MSS, 0, &r);
		start = ticked_ms();
		ASSERT_EQ(1, send(pl->fd, "a", 1, 0));
		wire_await(&pl->w, &r);
		note_segment(pl, "a byte", &r);
		wire_await(&pl->w, &r);
		note_segment(pl, "again", &r);
		/* The coarse clock may be a tick behind at first. */
		EXPECT_LE(rows[k].least, ticked_ms() - start);
		EXPECT_GT(rows[k].most, ticked_ms() - start);
		end_way(pl);
	}
}

/* Nothing has been measured yet that it could be longer than. */
SCENARIO(rto_min_is_not_for_a_syn)
{
	long long start = ticked_ms();
	struct segment r;

	set_route(pl, "rto_min 3s");
	dial_peer(pl, &r);
	wire_await(&pl->w, &r);
	note_segment(pl, "again", &r);
	EXPECT_LE(900, ticked_ms() - start);
	EXPECT_GT(2500, ticked_ms() - start);
}

SCENARIO(features_ecn)
{
	struct segment r;
	int dials;

	for (dials = 0; dials < 2; dials++) {
		set_route(pl, "");
		open_way(pl, dials, MSS, dials ? ECE : ECE | CWR, &r);
		EXPECT_EQ(0, r.flags & (ECE | CWR));
		end_way(pl);
		pl->mine++;
		set_route(pl, "features ecn");
		open_way(pl, dials, MSS, dials ? ECE : ECE | CWR, &r);
		EXPECT_EQ(dials ? ECE | CWR : ECE, r.flags & (ECE | CWR));
		end_way(pl);
	}
}

static void note_algorithm(struct play *pl, const char *what)
{
	char name[17] = "";
	socklen_t len = 16;

	if (getsockopt(pl->fd, IPPROTO_TCP, TCP_CONGESTION, name, &len))
		die("TCP_CONGESTION");
	note(pl->t, "%s: %s", what, name);
}

SCENARIO(congctl)
{
	struct segment r;
	int dials;

	for (dials = 0; dials < 2; dials++) {
		set_route(pl, "congctl reno");
		open_way(pl, dials, MSS, 0, &r);
		note_algorithm(pl, "of the route");
		note_ret(pl->t, "choose another",
			 setsockopt(pl->fd, IPPROTO_TCP, TCP_CONGESTION,
				    "cubic", 5));
		note_algorithm(pl, "then");
		end_way(pl);
		pl->mine++;
		set_route(pl, "congctl lock reno");
		open_way(pl, dials, MSS, 0, &r);
		note_ret(pl->t, "choose another, where it is locked",
			 setsockopt(pl->fd, IPPROTO_TCP, TCP_CONGESTION,
				    "cubic", 5));
		note_ret(pl->t, "what nobody knows",
			 setsockopt(pl->fd, IPPROTO_TCP, TCP_CONGESTION,
				    "no-such", 7));
		/* The socket forgets its route. */
		set_int(pl->fd, SOL_SOCKET, SO_DONTROUTE, 1);
		note_ret(pl->t, "another once more",
			 setsockopt(pl->fd, IPPROTO_TCP, TCP_CONGESTION,
				    "cubic", 5));
		note_algorithm(pl, "then");
		end_way(pl);
	}
	EXPECT_NE(NULL, strstr(pl->t->text, "of the route: reno"));
	EXPECT_NE(NULL, strstr(pl->t->text, "locked: -1 EPERM"));
}

TEST_HARNESS_MAIN
