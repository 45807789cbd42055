// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random segments from somebody who knows addresses, ports and numbers, thrown
 * at live connections in each state: every combination of flags, numbers at
 * the edges of both windows, lengths, options and checksums that lie.
 *
 * Whatever they are, the kernel survives them and keeps nothing of them; the
 * debug kernel's checkers say so.  And a connection that is hit only by what
 * RFC 9293 and RFC 5961 protect it from is where it was, and does everything
 * that it could have done before.
 *
 * FERRY_HOSTILE_SEGMENTS is the number of segments for each state: of both IP
 * versions and in both tests as many.  FERRY_HOSTILE_SEED chooses others.
 */
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "stage.h"

#define BATCH 250	/* segments against one connection that they spare */
#define VOLLEY 20	/* against one that they need not spare */
#define QUEUE 50	/* fewer answers than the device's queue holds */
#define HEADER 20

static __u64 random_state;

/* xorshift64* */
static __u32 draw(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dull) >> 32;
}

static __u32 below(__u32 n)
{
	return draw() % n;
}

/* Next to something that matters, near it, or anywhere. */
static __u32 draw_number(const __u32 *marks, unsigned int count)
{
	__u32 mark = marks[below(count)];

	switch (below(8)) {
	case 0:
		return mark + draw();
	case 1:
		return mark + below(2 * PEER_WINDOW) - PEER_WINDOW;
	default:
		return mark + below(7) - 3;
	}
}

static void append(struct segment *s, __u32 number)
{
	s->options[s->options_len++] = number >> 24;
	s->options[s->options_len++] = number >> 16;
	s->options[s->options_len++] = number >> 8;
	s->options[s->options_len++] = number;
}

/* Kinds that are known and others, with the right length or another. */
static void draw_options(const struct stage *st, struct segment *s)
{
	static const __u8 kinds[] = { 2, 3, 4, 5, 5, 8, 8, 19, 34, 253, 254 };
	static const __u8 lengths[] = { 4, 3, 2, 10, 34, 10, 10, 18, 2, 6, 6 };
	const __u32 data[] = { st->una, st->nxt, st->snd, st->edge };
	const __u32 times[] = { PEER_TIME };
	unsigned int i, length, room;

	while (s->options_len < 40 && below(4)) {
		i = below(ARRAY_SIZE(kinds));
		room = sizeof(s->options) - s->options_len;
		length = below(8) ? lengths[i] : below(42);
		s->options[s->options_len++] = below(8) ? kinds[i] : draw();
		if (room > 1)
			s->options[s->options_len++] = length;
		for (; length > 2 && s->options_len <= 36; length -= 4) {
			if (kinds[i] == 8)
				append(s, draw_number(times, ARRAY_SIZE(times)));
			else if (kinds[i] == 5)
				append(s, draw_number(data, ARRAY_SIZE(data)));
			else
				append(s, draw());
			/* Lengths are two more than a multiple of four. */
			if (length < 6)
				s->options_len -= 6 - length;
		}
	}
	while (s->options_len % 4)
		s->options[s->options_len++] = below(2);
}

static void draw_segment(const struct stage *st, struct segment *s)
{
	const __u32 seqs[] = { st->snd, st->edge, st->snd - 1, ISS };
	const __u32 acks[] = {
		st->una, st->nxt, st->iss, st->una - PEER_WINDOW,
	};

	memset(s, 0, sizeof(*s));
	s->from = st->mine;
	s->to = st->port;
	s->flags = draw();
	if (below(2))
		s->flags |= ACK;
	s->seq = draw_number(seqs, ARRAY_SIZE(seqs));
	s->ack = draw_number(acks, ARRAY_SIZE(acks));
	s->window = below(2) ? PEER_WINDOW : draw();
	s->urgent = below(2) ? below(30) : draw();
	s->tos = below(4) ? 0 : draw();
	if (!below(3))
		s->len = below(below(4) ? 20 : 1400);
	if (!below(3))
		draw_options(st, s);
	if (!below(16))
		s->data_offset = below(16);
	if (!below(16))
		s->cut = below(HEADER + s->options_len + s->len + 1);
	/* Of the shortest packet, an IPv4 header, a byte is left to be sent. */
	if (!below(16))
		s->excess = (int)below(40) - 19;
	s->bad_checksum = !below(16);
}

static bool between(__u32 x, __u32 low, __u32 high)
{
	return x - low <= high - low;
}

/* Is it, in spite of its lies, a segment?  Then with @len bytes of data. */
static bool is_whole(const struct segment *s, int *len)
{
	int total = HEADER + s->options_len + s->len - s->cut;
	int header = s->data_offset ? s->data_offset * 4 :
				      HEADER + s->options_len;

	*len = total - header;
	return !s->bad_checksum && s->excess >= 0 && total >= HEADER &&
	       header >= HEADER && *len >= 0;
}

/* Any part of it in the receive window, or next to it? */
static bool touches_window(const struct stage *st, const struct segment *s,
			   int len)
{
	__u32 end = s->seq + len + !!(s->flags & SYN) + !!(s->flags & FIN);

	return between(s->seq, st->snd, st->edge) ||
	       between(end, st->snd, st->edge) ||
	       between(st->snd, s->seq, end);
}

/*
 * Must the connection take no notice of it?  Who hits the window and knows
 * what may be acknowledged can send data; who hits RCV.NXT can reset.
 */
static bool is_protected(const struct stage *st, enum place place,
			 const struct segment *s)
{
	bool syn = s->flags & SYN, rst = s->flags & RST, acks = s->flags & ACK;
	int len;

	if (!is_whole(s, &len))
		return true;
	switch (place) {
	case AT_LISTEN:
		return !syn || rst || acks;
	case AT_SYN_SENT:
		/* RFC 9293 3.10.7.3 */
		return acks ? !between(s->ack, st->iss + 1, st->nxt) :
			      !syn || rst;
	case AT_TIME_WAIT:
		/* RFC 1337; a SYN may open it again. */
		return !syn || rst || acks;
	default:
		break;
	}
	/* RFC 5961 3.2 and 4.2 */
	if (rst)
		return s->seq != st->snd;
	if (syn)
		return place != AT_SYN_CROSSED || !acks || s->ack != st->nxt;
	if (!acks)
		return true;
	if (place == AT_SYN_RECV || place == AT_SYN_CROSSED)
		return s->ack != st->nxt || !touches_window(st, s, len);
	/* RFC 5961 5.2 */
	return !between(s->ack, st->una - PEER_WINDOW - 1, st->nxt) ||
	       !touches_window(st, s, len);
}

/* ------------------------------------------------------------------ */
/* A peer that goes on as if nothing had happened */

/* The next segment for this connection, if one comes. */
static bool hear(struct stage *st, struct segment *r)
{
	do {
		if (!wire_recv(st->w, r, SOON_MS))
			return false;
	} while (r->to != st->mine);
	return true;
}

static void say(struct stage *st, __u8 flags, int len)
{
	struct segment s = stage_segment(st, flags);

	s.len = len;
	stream_fill(1, 0, s.data, len);
	stage_send(st, &s);
	st->snd += len + !!(flags & (SYN | FIN));
}

/* An ACK of all that the peer has sent comes, and no RST. */
static bool is_acked(struct stage *st)
{
	struct segment r;

	do {
		if (!hear(st, &r) || r.flags & RST)
			return false;
	} while (r.ack != st->snd);
	return true;
}

static void say_ack(struct stage *st)
{
	st->una = st->nxt;
	say(st, ACK, 0);
}

static bool opens(struct stage *st, enum place place)
{
	if (place == AT_SYN_SENT) {
		say(st, SYN | ACK, 0);
		if (!is_acked(st))
			return false;
	} else {
		say_ack(st);
	}
	st->una = st->nxt;
	if (place == AT_SYN_RECV) {
		if (!wait_for(st->listener, POLLIN, SOON_MS))
			return false;
		st->fd = accept_one(st->listener);
	}
	return stage_state(st) == TCP_ESTABLISHED;
}

/* The peer sends, and the application reads. */
static bool takes_data(struct stage *st)
{
	if (wait_for(st->fd, POLLIN | POLLRDHUP, 0))
		return false;
	say(st, ACK | PSH, 100);
	return wait_for(st->fd, POLLIN, SOON_MS) == POLLIN &&
	       recv_stream(st->fd, 1, 0, 100);
}

/* The application sends, and the peer gets it. */
static bool gives_data(struct stage *st)
{
	__u32 from = st->nxt;
	struct segment r;

	if (!send_stream(st->fd, 3, 0, 100))
		return false;
	do {
		if (!hear(st, &r) || r.flags & RST)
			return false;
	} while (r.seq != from || r.len != 100);
	st->nxt += 100;
	return stream_check(3, 0, r.data, 100) == -1;
}

static bool is_listening(struct stage *st)
{
	struct segment r;

	if (wait_for(st->listener, POLLIN, 0))
		return false;
	st->snd = ISS;
	say(st, SYN, 0);
	if (!hear(st, &r) || (r.flags & ~ECE) != (SYN | ACK))
		return false;
	st->nxt = r.seq + 1;
	return opens(st, AT_SYN_RECV);
}

/* TIME_WAIT answers the FIN that it has. */
static bool is_waiting(struct stage *st)
{
	struct segment r;

	st->snd--;
	say(st, FIN | ACK, 0);
	return hear(st, &r) && r.flags == ACK && r.ack == st->snd &&
	       r.seq == st->nxt;
}

static bool is_over(struct stage *st)
{
	return stage_state(st) == TCP_CLOSE &&
	       !get_int(st->fd, SOL_SOCKET, SO_ERROR);
}

/* Everything that can still happen to a full socket happens. */
static bool goes_on(struct stage *st, enum place place)
{
	static const int states[PLACES] = {
		[AT_SYN_SENT] = TCP_SYN_SENT, [AT_SYN_CROSSED] = TCP_SYN_RECV,
		[AT_ESTABLISHED] = TCP_ESTABLISHED,
		[AT_FIN_WAIT1] = TCP_FIN_WAIT1, [AT_FIN_WAIT2] = TCP_FIN_WAIT2,
		[AT_CLOSE_WAIT] = TCP_CLOSE_WAIT, [AT_CLOSING] = TCP_CLOSING,
		[AT_LAST_ACK] = TCP_LAST_ACK,
	};

	if (stage_state(st) != states[place])
		return false;
	switch (place) {
	case AT_SYN_SENT:
	case AT_SYN_CROSSED:
		return opens(st, place) && takes_data(st) && gives_data(st);
	case AT_ESTABLISHED:
		return takes_data(st) && gives_data(st) &&
		       stage_state(st) == TCP_ESTABLISHED;
	case AT_CLOSE_WAIT:
		say_ack(st);
		return gives_data(st) && stage_state(st) == TCP_CLOSE_WAIT;
	case AT_FIN_WAIT1:
	case AT_FIN_WAIT2:
		if (!takes_data(st))
			return false;
		say_ack(st);
		if (stage_state(st) != TCP_FIN_WAIT2)
			return false;
		say(st, ACK | FIN, 0);
		return is_acked(st) && is_over(st);
	default:
		say_ack(st);
		return is_over(st);
	}
}

static bool still_works(struct stage *st, enum place place)
{
	switch (place) {
	case AT_LISTEN:
		return is_listening(st);
	case AT_SYN_RECV:
		return opens(st, place) && takes_data(st) && gives_data(st);
	case AT_TIME_WAIT:
		return is_waiting(st);
	case AT_FIN_WAIT1_ORPHAN:
	case AT_FIN_WAIT2_ORPHAN:
		say_ack(st);
		say(st, FIN | ACK, 0);
		return is_acked(st) && is_waiting(st);
	default:
		return goes_on(st, place);
	}
}

static void note_ack(struct stage *st, const struct segment *r, void *arg)
{
	__u32 *ack = arg;

	(void)st;
	if (r->flags & ACK && !(r->flags & RST))
		*ack = r->ack;
}

/* End what may be in any state by now: a SYN is answered with RCV.NXT. */
static void leave(struct stage *st)
{
	struct segment s = stage_segment(st, SYN);
	__u32 ack = 0;

	if (st->fd >= 0)
		stage_leave(st);
	stage_send(st, &s);
	stage_drain(st, note_ack, &ack);
	if (ack) {
		st->snd = ack;
		stage_leave(st);
	}
}

/* ------------------------------------------------------------------ */

/* States of a connection that lives, and the listener's. */
static const enum place places[] = {
	AT_LISTEN, AT_SYN_SENT, AT_SYN_RECV, AT_SYN_CROSSED, AT_ESTABLISHED,
	AT_FIN_WAIT1, AT_FIN_WAIT2, AT_CLOSE_WAIT, AT_CLOSING, AT_LAST_ACK,
	AT_TIME_WAIT, AT_FIN_WAIT1_ORPHAN, AT_FIN_WAIT2_ORPHAN,
};

FIXTURE(hostile) {
	struct wire w;
	struct stage st;
	unsigned long segments;
};

FIXTURE_VARIANT(hostile) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(hostile, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(hostile, v6) { .fam = V6 };

FIXTURE_SETUP(hostile)
{
	stage_world(&self->w, variant->fam);
	if (ferry() != IPPROTO_TCP) {
		write_file("/proc/sys/net/ferry/sack", "1");
		write_file("/proc/sys/net/ferry/timestamps", "1");
		write_file("/proc/sys/net/ferry/ecn", "1");
	}
	self->segments = from_environment("FERRY_HOSTILE_SEGMENTS",
					  slowness() > 2 ? 1000 : 4000) / 4;
	/* The generator must not begin with nothing. */
	random_state = from_environment("FERRY_HOSTILE_SEED", 1) *
		       0x9e3779b97f4a7c15ull;
}

FIXTURE_TEARDOWN(hostile)
{
	wire_close(&self->w);
}

static void describe(const struct stage *st, enum place place,
		     const struct segment *s, __u32 snd, __u32 una)
{
	printf("# %s%s: %s seq %d ack %d window %u urgent %u\n",
	       place_name(place), st->offers ? " with SACK" : "",
	       flags_text(s), (int)(s->seq - snd), (int)(s->ack - una),
	       s->window, s->urgent);
	printf("#   %s, len %d, data offset %d, cut %d, excess %d%s\n",
	       options_text(s), s->len, s->data_offset, s->cut, s->excess,
	       s->bad_checksum ? ", bad checksum" : "");
}

/*
 * One connection, and a batch of segments that it is protected from; or the
 * same connection and but one of them.
 */
static bool stands(struct stage *st, enum place place, int only)
{
	struct segment s, shot;
	__u32 snd, una;
	bool ok;
	int i;

	st->offers = below(2);
	stage_bring(st, place);
	snd = st->snd;
	una = st->una;
	for (i = 0; i < BATCH; i++) {
		do
			draw_segment(st, &s);
		while (!is_protected(st, place, &s));
		if (only >= 0 && i != only)
			continue;
		stage_send(st, &s);
		shot = s;
		if (i % QUEUE == 0)
			stage_drain(st, NULL, NULL);
	}
	stage_drain(st, NULL, NULL);
	ok = still_works(st, place);
	if (!ok && only >= 0)
		describe(st, place, &shot, snd, una);
	leave(st);
	return ok;
}

/* Which of the segments that were drawn from @seed on does it alone? */
static void find_culprit(struct stage *st, enum place place, __u64 seed)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		random_state = seed;
		if (!stands(st, place, i))
			return;
	}
	printf("# it takes more than one of them\n");
}

TEST_F_TIMEOUT(hostile, what_is_protected_stands, 7200)
{
	struct stage *st = &self->st;
	unsigned long sent;
	unsigned int i;
	__u64 seed;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		stage_open(st, &self->w, ferry());
		for (sent = 0; sent < self->segments; sent += BATCH) {
			seed = random_state;
			if (stands(st, places[i], -1))
				continue;
			find_culprit(st, places[i], seed);
			ASSERT_TRUE(false)
				TH_LOG("%s, after %lu segments",
				       place_name(places[i]), sent);
		}
		printf("# %s: %lu segments\n", place_name(places[i]), sent);
		stage_close(st);
	}
}

/* A connection that anything may happen to. */
static void fire(struct stage *st, enum place place)
{
	struct segment s;
	int i;

	st->offers = below(2);
	stage_bring(st, place);
	for (i = 0; i < VOLLEY; i++) {
		draw_segment(st, &s);
		stage_send(st, &s);
	}
	stage_drain(st, NULL, NULL);
	leave(st);
	/* Some have been opened by chance. */
	while (wait_for(st->listener, POLLIN, 0)) {
		st->fd = accept_one(st->listener);
		stage_leave(st);
	}
}

TEST_F_TIMEOUT(hostile, anything_is_survived, 7200)
{
	struct stage *st = &self->st;
	unsigned long sent;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		stage_open(st, &self->w, ferry());
		for (sent = 0; sent < self->segments; sent += VOLLEY)
			fire(st, places[i]);
		printf("# %s: %lu segments\n", place_name(places[i]), sent);
		/* Nothing is left but the listener, which works as ever. */
		ASSERT_EQ(1, sockets_in_use(variant->fam, st->proto));
		stage_bring(st, AT_ESTABLISHED);
		ASSERT_TRUE(still_works(st, AT_ESTABLISHED));
		stage_leave(st);
		stage_close(st);
	}
}

TEST_HARNESS_MAIN
