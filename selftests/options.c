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

#include "ktest.h"
#include "lib.h"
#include "wire.h"

#define ISS	1000000u	/* the peer's initial sequence number */
#define CLOCK	0x80000000u	/* the peer's timestamps begin here */

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

/* What the peer offers in its SYN or SYN-ACK. */
enum offers {
	MSS = 1, WSCALE = 2, SACKOK = 4, TIMESTAMP = 8, ALL = 15,
};

struct stage {
	struct wire w;
	struct transcript *t;
	int listener;
	__u16 port;		/* the kernel's */
	__u16 mine;		/* the peer's */
	int offers;
	int fd;
	__u32 snd;		/* next sequence number of the peer */
	__u32 rcv;		/* next that the peer expects */
	__u32 their_iss;
	__u32 their_clock;	/* the last timestamp that came */
	__u32 clock;
};

static void setting(const struct stage *st, const char *name, int value)
{
	bool tcp = st->w.proto == IPPROTO_TCP;
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s",
		 tcp ? "ipv4/tcp_" : "ferry/", name);
	snprintf(text, sizeof(text), "%d", value);
	write_file(path, text);
}

static void stage_open(struct stage *st, enum family fam, int which,
		       struct transcript *t)
{
	struct addr at;

	memset(st, 0, sizeof(*st));
	st->t = t;
	wire_open(&st->w, fam, which ? ferry() : IPPROTO_TCP);
	setting(st, "invalid_ratelimit", 0);
	at = st->w.ours;
	/* Long enough that TCP never falls back on SYN cookies. */
	st->listener = listen_at(&at, st->w.proto, 256);
	st->port = port_of(&at);
	st->mine = 40000;
	st->fd = -1;
	st->clock = CLOCK;
}

static void stage_close(struct stage *st)
{
	struct linger abort = { .l_onoff = 1 };

	if (st->fd >= 0) {
		setsockopt(st->fd, SOL_SOCKET, SO_LINGER, &abort,
			   sizeof(abort));
		close(st->fd);
	}
	close(st->listener);
	wire_close(&st->w);
}

static struct segment segment(const struct stage *st, __u8 flags)
{
	struct segment s = {
		.from = st->mine, .to = st->port, .flags = flags,
		.seq = st->snd, .ack = flags & ACK ? st->rcv : 0,
		.window = 60000,
	};

	if (st->offers & TIMESTAMP)
		add_timestamp(&s, st->clock, st->their_clock);
	return s;
}

static void add_offers(struct stage *st, struct segment *s, int offers)
{
	st->offers = offers;
	s->options_len = 0;
	if (offers & MSS)
		add_mss(s, 1000);
	if (offers & WSCALE)
		add_window_scale(s, 0);
	if (offers & SACKOK)
		add_sack_permitted(s);
	if (offers & TIMESTAMP)
		add_timestamp(s, st->clock, st->their_clock);
}

/* The options of a segment, with numbers that are the same in each run. */
static void note_options(struct stage *st, const struct segment *s)
{
	char text[256] = "";
	int n = 0, len, i;
	const __u8 *p;

	p = find_option(s, 8, &len);
	if (p) {
		st->their_clock = number_at(p);
		if (number_at(p + 4))
			n += sprintf(text, ", echo %u",
				     number_at(p + 4) - CLOCK);
	}
	p = find_option(s, 5, &len);
	for (i = 0; p && i < len; i += 8)
		n += sprintf(text + n, ", %u to %u", number_at(p + i) - ISS,
			     number_at(p + i + 4) - ISS);
	note(st->t, "   %s%s", options_text(s), text);
}

static void note_segment(struct stage *st, const char *what,
			 const struct segment *s)
{
	note(st->t, "%s: %s seq %u ack %u len %d", what, flags_text(s),
	     s->seq - st->their_iss, s->flags & ACK ? s->ack - ISS : s->ack,
	     s->len);
	note_options(st, s);
}

static void note_answer(struct stage *st, const char *what)
{
	struct segment s;

	wire_await(&st->w, &s);
	note_segment(st, what, &s);
}

static void send_syn(struct stage *st, int offers, __u8 flags, __u8 tos)
{
	struct segment s, r;

	s = segment(st, SYN | flags);
	s.seq = ISS;
	s.tos = tos;
	add_offers(st, &s, offers);
	wire_send(&st->w, &s);
	wire_await(&st->w, &r);
	st->their_iss = r.seq;
	note_segment(st, "SYN-ACK", &r);
	if ((r.flags & (SYN | ACK)) != (SYN | ACK) || r.ack != ISS + 1)
		die("%s answered a SYN with %s", proto_name(st->w.proto),
		    flags_text(&r));
	st->snd = ISS + 1;
	st->rcv = r.seq + 1;
}

/* The peer opens a connection and offers @offers. */
static void open_by_peer(struct stage *st, int offers)
{
	struct segment s;

	send_syn(st, offers, 0, 0);
	s = segment(st, ACK);
	wire_send(&st->w, &s);
	st->fd = accept_one(st->listener);
}

/* The kernel opens it; the peer answers with @offers. */
static void open_by_kernel(struct stage *st, int offers, __u8 flags)
{
	struct addr to = st->w.peer;
	struct segment s, r;

	st->offers = 0;
	st->mine = 5000;
	if (to.sa.sa_family == AF_INET)
		to.v4.sin_port = htons(st->mine);
	else
		to.v6.sin6_port = htons(st->mine);
	st->fd = open_socket(st->w.fam, st->w.proto);
	set_nonblocking(st->fd, true);
	connect(st->fd, &to.sa, to.len);
	wire_await(&st->w, &r);
	st->their_iss = r.seq;
	st->port = r.from;
	note_segment(st, "SYN", &r);
	st->rcv = r.seq + 1;
	s = segment(st, SYN | ACK | flags);
	s.seq = ISS;
	add_offers(st, &s, offers);
	wire_send(&st->w, &s);
	st->snd = ISS + 1;
	note_answer(st, "after SYN-ACK");
}

/* Bytes from @from to @to of the peer's stream; the first is number 1. */
static void send_bytes(struct stage *st, int from, int to)
{
	struct segment s = segment(st, ACK);

	s.seq = ISS + from;
	s.len = to - from;
	stream_fill(1, from, s.data, s.len);
	wire_send(&st->w, &s);
}

static void bytes_answered(struct stage *st, int from, int to)
{
	char what[64];

	send_bytes(st, from, to);
	sprintf(what, "%d to %d", from, to);
	note_answer(st, what);
}

TEST_F(options, syn_ack_has_what_the_syn_offered)
{
	int i, offers;

	for (i = 0; i < 2; i++) {
		struct stage st;

		stage_open(&st, variant->fam, i, &self->log[i]);
		for (offers = 0; offers <= ALL; offers++) {
			note(st.t, "offers %d", offers);
			send_syn(&st, offers, 0, 0);
			st.mine++;
		}
		EXPECT_NE(NULL, strstr(self->log[i].text,
				       "mss 1460 sackok ts ws") ?:
				strstr(self->log[i].text,
				       "mss 1440 sackok ts ws"));
		setting(&st, "sack", 0);
		send_syn(&st, ALL, 0, 0);
		st.mine++;
		setting(&st, "sack", 1);
		setting(&st, "timestamps", 0);
		send_syn(&st, ALL, 0, 0);
		st.mine++;
		setting(&st, "window_scaling", 0);
		send_syn(&st, ALL, 0, 0);
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
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
				struct stage st;

				stage_open(&st, variant->fam, i, t);
				setting(&st, "sack", set[n][0]);
				setting(&st, "timestamps", set[n][1]);
				setting(&st, "window_scaling", set[n][2]);
				note(t, "set %u, answer %d", n, offers);
				open_by_kernel(&st, offers, 0);
				bytes_answered(&st, 101, 201);
				stage_close(&st);
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
			struct stage st;
			struct segment r;

			stage_open(&st, variant->fam, i, &self->log[i]);
			open_by_peer(&st, offers);
			if (send(st.fd, data, sizeof(data), 0) !=
			    sizeof(data))
				die("send");
			while (st.rcv != st.their_iss + 1 + sizeof(data)) {
				wire_await(&st.w, &r);
				/* On a slow machine it may be sent again. */
				if (r.seq != st.rcv)
					continue;
				/* Where PSH is set is not the matter here. */
				note(st.t, "len %d", r.len);
				note_options(&st, &r);
				EXPECT_GE(1000, r.len + r.options_len);
				st.rcv += r.len;
			}
			stage_close(&st);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* RFC 7323 section 4.3: which timestamp is echoed. */
TEST_F(options, the_right_timestamp_is_echoed)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stage st;

		stage_open(&st, variant->fam, i, &self->log[i]);
		open_by_peer(&st, ALL);
		st.clock = CLOCK + 10;
		bytes_answered(&st, 1, 101);
		EXPECT_NE(NULL, strstr(self->log[i].text, "echo 10"));
		/* Beyond a hole: what came before the hole is echoed. */
		st.clock = CLOCK + 20;
		bytes_answered(&st, 201, 301);
		EXPECT_EQ(NULL, strstr(self->log[i].text, "echo 20"));
		/* The hole is filled: that one's, though it is younger. */
		st.clock = CLOCK + 30;
		bytes_answered(&st, 101, 201);
		EXPECT_NE(NULL, strstr(self->log[i].text, "echo 30"));
		/* Two ACKs for nothing new, with a window update. */
		st.clock = CLOCK + 40;
		bytes_answered(&st, 301, 401);
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
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
			struct stage st;

			stage_open(&st, variant->fam, i, &self->log[i]);
			open_by_peer(&st, offers);
			bytes_answered(&st, 1, 101);
			for (n = 0; n < ARRAY_SIZE(script); n++) {
				int from = 51 + script[n][0] * 50;

				bytes_answered(&st, from,
					       from + script[n][1] * 50);
			}
			stage_close(&st);
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
			struct stage st;

			stage_open(&st, variant->fam, i, &self->log[i]);
			open_by_peer(&st, k & 1 ? ALL : MSS | SACKOK);
			note(st.t, "seed %d", seeds[k]);
			for (n = 0; n < 30; n++) {
				int from = nrand48(dice) % 9 * 100 + 1;

				bytes_answered(&st, from, from + 100);
			}
			stage_close(&st);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(options, no_sack_blocks_unless_both_permit)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stage st;

		stage_open(&st, variant->fam, i, &self->log[i]);
		open_by_peer(&st, MSS | TIMESTAMP);
		bytes_answered(&st, 101, 201);
		bytes_answered(&st, 101, 201);
		bytes_answered(&st, 1, 101);
		bytes_answered(&st, 1, 101);
		stage_close(&st);
		EXPECT_EQ(NULL, strstr(self->log[i].text, "sack"));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
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
			struct stage st;

			stage_open(&st, variant->fam, i, &self->log[i]);
			setting(&st, "ecn", ecn);
			note(st.t, "ecn %d", ecn);
			for (n = 0; n < ARRAY_SIZE(syn); n++) {
				send_syn(&st, ALL, syn[n].flags, syn[n].tos);
				st.mine++;
			}
			stage_close(&st);
		}
		EXPECT_NE(NULL, strstr(self->log[i].text, "SYN|ACK|ECE"));
		for (n = 0; n < 2 * ARRAY_SIZE(answer); n++) {
			struct stage st;
			struct tcp_info info;
			socklen_t len = sizeof(info);

			if (answer[n / 2] & CWR && has_accurate_ecn())
				continue;
			stage_open(&st, variant->fam, i, &self->log[i]);
			setting(&st, "ecn", n % 2);
			open_by_kernel(&st, ALL, answer[n / 2]);
			if (getsockopt(st.fd, IPPROTO_TCP, TCP_INFO, &info,
				       &len))
				die("TCP_INFO");
			note(st.t, "options in use: %x", info.tcpi_options);
			stage_close(&st);
		}
		EXPECT_NE(NULL, strstr(self->log[i].text, "SYN|ECE|CWR"));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* RFC 7323 section 5: an old timestamp makes an old duplicate. */
TEST_F(options, paws_drops_what_is_old)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct segment s;
		struct stage st;

		stage_open(&st, variant->fam, i, &self->log[i]);
		open_by_peer(&st, ALL);
		st.clock = CLOCK + 1000;
		bytes_answered(&st, 1, 101);
		st.clock = CLOCK + 998;
		bytes_answered(&st, 101, 201);
		EXPECT_EQ(NULL, strstr(self->log[i].text, "ack 201"));
		/* One tick is forgiven. */
		st.clock = CLOCK + 999;
		bytes_answered(&st, 101, 201);
		EXPECT_NE(NULL, strstr(self->log[i].text, "ack 201"));
		/* Beyond a hole it is the same; half the circle is old. */
		st.clock = CLOCK + 900;
		bytes_answered(&st, 301, 401);
		st.clock = CLOCK + 1000 - 0x7fffffff;
		bytes_answered(&st, 201, 301);
		st.clock = CLOCK + 1000 + 0x7fffffff;
		bytes_answered(&st, 201, 301);
		st.clock += 1000;
		bytes_answered(&st, 301, 401);
		/* A SYN is answered, a RST counts however old it is. */
		s = segment(&st, SYN);
		s.options_len = 0;
		s.seq = ISS + 401;
		add_timestamp(&s, CLOCK, 0);
		wire_send(&st.w, &s);
		note_answer(&st, "SYN");
		s.flags = RST;
		wire_send(&st.w, &s);
		wait_for(st.fd, POLLHUP, SOON_MS);
		note_so_error(st.t, st.fd);
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* One segment of data, marked, and what its ACK says of it. */
static void marked_bytes(struct stage *st, int from, __u8 flags, __u8 tos)
{
	struct segment s = segment(st, ACK | flags);
	char what[64];

	s.tos = tos;
	s.seq = ISS + from;
	s.len = 100;
	stream_fill(1, from, s.data, s.len);
	wire_send(&st->w, &s);
	sprintf(what, "%d, %s, tos %u", from, flags_text(&s), tos);
	note_answer(st, what);
}

TEST_F(options, ecn_is_echoed_until_cwr)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stage st;
		struct segment s;

		stage_open(&st, variant->fam, i, &self->log[i]);
		setting(&st, "ecn", 2);
		send_syn(&st, ALL, ECE | CWR, 0);
		s = segment(&st, ACK);
		wire_send(&st.w, &s);
		st.fd = accept_one(st.listener);
		marked_bytes(&st, 1, 0, 2);
		marked_bytes(&st, 101, 0, 3);	/* CE */
		EXPECT_NE(NULL, strstr(self->log[i].text, "ACK|ECE"));
		marked_bytes(&st, 201, 0, 2);
		marked_bytes(&st, 301, 0, 2);
		marked_bytes(&st, 401, CWR, 2);
		marked_bytes(&st, 501, 0, 2);
		marked_bytes(&st, 701, 0, 3);	/* beyond a hole */
		marked_bytes(&st, 601, 0, 2);
		marked_bytes(&st, 801, CWR, 3);	/* and marked again */
		marked_bytes(&st, 901, 0, 2);
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Who has not agreed to ECN does not see the marks. */
TEST_F(options, no_ecn_unless_both_agree)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stage st;

		stage_open(&st, variant->fam, i, &self->log[i]);
		open_by_peer(&st, ALL);
		marked_bytes(&st, 1, 0, 3);
		marked_bytes(&st, 101, CWR, 3);
		EXPECT_EQ(NULL, strstr(self->log[i].text, "ECE"));
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Data is marked as capable, ACKs and retransmissions are not. */
TEST_F(options, ecn_marks_new_data)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct stage st;
		struct segment s;

		stage_open(&st, variant->fam, i, &self->log[i]);
		setting(&st, "ecn", 2);
		send_syn(&st, MSS, ECE | CWR, 0);
		s = segment(&st, ACK);
		wire_send(&st.w, &s);
		st.fd = accept_one(st.listener);
		send_bytes(&st, 1, 101);
		wire_await(&st.w, &s);
		note(st.t, "ACK: tos %u", s.tos);
		if (send(st.fd, "data", 4, 0) != 4)
			die("send");
		wire_await(&st.w, &s);
		note(st.t, "data: tos %u", s.tos);
		EXPECT_EQ(2, s.tos);
		wire_await(&st.w, &s);
		note(st.t, "again, at %u: tos %u", s.seq - st.rcv, s.tos);
		EXPECT_EQ(0, s.tos);
		stage_close(&st);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_HARNESS_MAIN
