// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scenario of segments; play.h says what for.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "play.h"

#define MARKER_PORT 50000

void setting(const struct play *pl, const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	set_sysctl(pl->w.proto, name, text);
}

void play_open(struct play *pl, enum family fam, int proto, bool plain,
	       struct transcript *t)
{
	struct addr at;

	memset(pl, 0, sizeof(*pl));
	pl->t = t;
	wire_open(&pl->w, fam, proto);
	setting(pl, "invalid_ratelimit", 0);
	if (plain) {
		setting(pl, "sack", 0);
		setting(pl, "timestamps", 0);
		setting(pl, "ecn", 0);
	}
	at = pl->w.ours;
	/* Long enough that TCP never falls back on SYN cookies. */
	pl->listener = listen_at(&at, proto, 256);
	pl->port = port_of(&at);
	pl->mine = 40000;
	pl->mss = 1000;
	pl->fd = -1;
	pl->clock = CLOCK;
}

/*
 * Leave no connection behind that would try to reach its peer for minutes:
 * abort those that are open, and answer those that are closing with a RST.
 */
void play_close(struct play *pl)
{
	if (pl->fd >= 0)
		abort_connection(pl->fd);
	else if (pl->snd)
		say(pl, RST);
	close(pl->listener);
	wire_close(&pl->w);
}

struct segment segment(const struct play *pl, __u8 flags)
{
	struct segment s = {
		.from = pl->mine, .to = pl->port, .flags = flags,
		.seq = pl->snd, .ack = flags & ACK ? pl->rcv : 0,
		.window = 60000,
	};

	if (pl->offers & TIMESTAMP)
		add_timestamp(&s, pl->clock, pl->their_clock);
	return s;
}

void say(struct play *pl, __u8 flags)
{
	struct segment s = segment(pl, flags);

	wire_send(&pl->w, &s);
}

void answered(struct play *pl, const struct segment *s, struct segment *r)
{
	wire_send(&pl->w, s);
	wire_await(&pl->w, r);
}

struct segment opening(const struct play *pl)
{
	struct segment s = segment(pl, SYN);

	s.seq = ISS;
	return s;
}

void send_bytes(struct play *pl, int from, int to)
{
	struct segment s = segment(pl, ACK | PSH);

	s.seq = ISS + from;
	s.len = to - from;
	stream_fill(1, from - 1, s.data, s.len);
	wire_send(&pl->w, &s);
}

void note_options(struct play *pl, const struct segment *s)
{
	char text[256] = "";
	int n = 0, len, i;
	const __u8 *p;

	p = find_option(s, 8, &len);
	if (p) {
		pl->their_clock = number_at(p);
		if (number_at(p + 4))
			n += sprintf(text, ", echo %u",
				     number_at(p + 4) - CLOCK);
	}
	p = find_option(s, 5, &len);
	for (i = 0; p && i < len; i += 8)
		n += sprintf(text + n, ", %u to %u", number_at(p + i) - ISS,
			     number_at(p + i + 4) - ISS);
	note(pl->t, "   %s%s", options_text(s), text);
}

void note_segment(struct play *pl, const char *what, const struct segment *s)
{
	note(pl->t, "%s: %s seq %u ack %u len %d%s", what, flags_text(s),
	     s->seq - pl->their_iss, s->flags & ACK ? s->ack - ISS : s->ack,
	     s->len, s->to == pl->mine ? "" : ", to another port");
	note_options(pl, s);
}

void note_answer(struct play *pl, const char *what)
{
	struct segment s;

	wire_await(&pl->w, &s);
	note_segment(pl, what, &s);
}

void ask_for_mark(struct play *pl)
{
	struct segment s = {
		.from = MARKER_PORT, .to = pl->port ^ 1, .seq = 7, .flags = SYN,
	};

	wire_send(&pl->w, &s);
}

bool before_mark(struct play *pl, struct segment *s)
{
	wire_await(&pl->w, s);
	return s->to != MARKER_PORT;
}

void note_silence(struct play *pl, const char *what)
{
	struct segment r;

	ask_for_mark(pl);
	while (before_mark(pl, &r))
		note_segment(pl, what, &r);
	note(pl->t, "%s: then silence", what);
}

void add_offers(struct play *pl, struct segment *s, int offers)
{
	pl->offers = offers;
	s->options_len = 0;
	if (offers & MSS)
		add_mss(s, pl->mss);
	if (offers & WSCALE)
		add_window_scale(s, 0);
	if (offers & SACKOK)
		add_sack_permitted(s);
	if (offers & TIMESTAMP)
		add_timestamp(s, pl->clock, pl->their_clock);
}

void send_syn(struct play *pl, int offers, __u8 flags, __u8 tos)
{
	struct segment s, r;

	s = segment(pl, SYN | flags);
	s.seq = ISS;
	s.tos = tos;
	add_offers(pl, &s, offers);
	wire_send(&pl->w, &s);
	wire_await(&pl->w, &r);
	pl->their_iss = r.seq;
	note_segment(pl, "SYN-ACK", &r);
	if ((r.flags & (SYN | ACK)) != (SYN | ACK) || r.ack != ISS + 1)
		die("%s answered a SYN with %s", proto_name(pl->w.proto),
		    flags_text(&r));
	pl->snd = ISS + 1;
	pl->rcv = r.seq + 1;
}

void open_by_peer(struct play *pl, int offers)
{
	send_syn(pl, offers, 0, 0);
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
}

void dial_peer(struct play *pl, struct segment *syn)
{
	struct addr to = pl->w.peer;

	pl->mine = 9;
	if (to.sa.sa_family == AF_INET)
		to.v4.sin_port = htons(pl->mine);
	else
		to.v6.sin6_port = htons(pl->mine);
	pl->fd = open_socket(pl->w.fam, pl->w.proto);
	set_nonblocking(pl->fd, true);
	connect(pl->fd, &to.sa, to.len);
	wire_await(&pl->w, syn);
	pl->port = syn->from;
	pl->their_iss = syn->seq;
	pl->rcv = syn->seq + 1;
	note_segment(pl, "SYN", syn);
}

void set_route(const struct play *pl, const char *wishes)
{
	run("ip route replace %s dev wire %s",
	    pl->w.fam == V4 ? "192.0.2.2" : "2001:db8::2", wishes);
}

void open_way(struct play *pl, bool dials, int offers, __u8 more,
	      struct segment *first)
{
	struct segment s, r;

	note(pl->t, "opened from %s", dials ? "here" : "there");
	pl->offers = 0;
	if (dials) {
		dial_peer(pl, first);
		s = segment(pl, SYN | ACK | more);
	} else {
		s = segment(pl, SYN | more);
	}
	s.seq = ISS;
	add_offers(pl, &s, offers);
	answered(pl, &s, &r);
	pl->snd = ISS + 1;
	if (dials) {
		/* The SYN may have gone again before it was answered. */
		while (r.flags & SYN)
			wire_await(&pl->w, &r);
		note_segment(pl, "ACK", &r);
		return;
	}
	*first = r;
	pl->their_iss = r.seq;
	pl->rcv = r.seq + 1;
	note_segment(pl, "SYN-ACK", &r);
	say(pl, ACK);
	pl->fd = accept_one(pl->listener);
}

void end_way(struct play *pl)
{
	struct segment r;

	abort_connection(pl->fd);
	pl->fd = -1;
	/* Timers may have sent something before it. */
	do
		wire_await(&pl->w, &r);
	while (!(r.flags & RST));
	note(pl->t, "ends with %s", flags_text(&r));
	pl->snd = 0;
}
