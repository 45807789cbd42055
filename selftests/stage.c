// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection in any state; stage.h says what for.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stage.h"

#define MARKER_PORT 50000

static const char * const place_names[PLACES] = {
	"CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "SYN_CROSSED",
	"ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING",
	"LAST_ACK", "TIME_WAIT", "FIN_WAIT1_ORPHAN", "FIN_WAIT2_ORPHAN",
};

const char *place_name(enum place place)
{
	return place_names[place];
}

const char *state_name(int state)
{
	static const char * const names[] = {
		"-", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
		"FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK",
		"LISTEN", "CLOSING",
	};

	return state < (int)ARRAY_SIZE(names) ? names[state] : "?";
}

void stage_world(struct wire *w, enum family fam)
{
	wire_open(w, fam, IPPROTO_TCP);
	set_sysctls("sack", "0");
	set_sysctls("timestamps", "0");
	set_sysctls("ecn", "0");
	set_sysctls("invalid_ratelimit", "0");
	set_sysctls("challenge_ack_limit", "2147483647");
}

void stage_open(struct stage *st, struct wire *w, int proto)
{
	struct addr at = w->ours;

	memset(st, 0, sizeof(*st));
	st->w = w;
	st->proto = proto;
	st->fd = -1;
	/* Half-open connections that a test leaves must not fill it. */
	st->listener = listen_at(&at, proto, 4096);
	st->listen_port = port_of(&at);
	st->mine = 10000;
}

void stage_close(struct stage *st)
{
	close(st->listener);
}

struct segment stage_segment(const struct stage *st, __u8 flags)
{
	return (struct segment){
		.from = st->mine, .to = st->port, .flags = flags,
		.seq = st->snd, .ack = flags & ACK ? st->nxt : 0,
		.window = PEER_WINDOW,
	};
}

void stage_send(struct stage *st, const struct segment *s)
{
	st->w->proto = st->proto;
	wire_send(st->w, s);
}

/* Note what it says about the kernel's numbers. */
static void learn(struct stage *st, const struct segment *r)
{
	__u32 end = r->seq + r->len + !!(r->flags & SYN) + !!(r->flags & FIN);

	if ((int)(end - st->nxt) > 0 || r->flags & SYN)
		st->nxt = end;
	if (r->flags & ACK)
		st->edge = r->ack + r->window;
}

void stage_await(struct stage *st, struct segment *r)
{
	st->w->proto = st->proto;
	do
		wire_await(st->w, r);
	while (r->to != st->mine);
	learn(st, r);
}

void stage_drain(struct stage *st,
		 void (*seen)(struct stage *st, const struct segment *r,
			      void *arg), void *arg)
{
	struct segment marker = {
		.from = MARKER_PORT, .to = 1, .seq = 7, .flags = SYN,
	};
	struct segment r;

	stage_send(st, &marker);
	for (;;) {
		wire_await(st->w, &r);
		if (r.to == MARKER_PORT)
			break;
		if (r.to == st->mine && seen)
			seen(st, &r, arg);
	}
}

static void send_flags(struct stage *st, __u8 flags)
{
	struct segment s = stage_segment(st, flags);

	stage_send(st, &s);
}

static void await_flags(struct stage *st, __u8 flags)
{
	struct segment r;

	do
		stage_await(st, &r);
	while ((r.flags & (SYN | FIN | RST | ACK)) != flags);
	if (r.flags & SYN) {
		st->iss = r.seq;
		st->una = r.seq;
	}
}

static void open_passively(struct stage *st)
{
	struct segment s;

	st->port = st->listen_port;
	s = stage_segment(st, SYN);
	s.seq = ISS;
	add_mss(&s, 1000);
	if (st->offers) {
		add_sack_permitted(&s);
		add_timestamp(&s, PEER_TIME, 0);
	}
	stage_send(st, &s);
	await_flags(st, SYN | ACK);
	st->snd = ISS + 1;
}

static void open_actively(struct stage *st)
{
	struct addr to = st->w->peer;

	if (to.sa.sa_family == AF_INET)
		to.v4.sin_port = htons(st->mine);
	else
		to.v6.sin6_port = htons(st->mine);
	st->fd = open_socket_for(&to, st->proto);
	set_nonblocking(st->fd, true);
	if (connect(st->fd, &to.sa, to.len) != -1 || errno != EINPROGRESS)
		die("connect");
	do {
		struct segment r;

		st->w->proto = st->proto;
		wire_await(st->w, &r);
		if (r.to != st->mine)
			continue;
		st->port = r.from;
		st->iss = r.seq;
		st->una = r.seq;
		st->nxt = r.seq + 1;
	} while (!st->port);
	st->snd = ISS;
}

static void establish(struct stage *st)
{
	open_passively(st);
	send_flags(st, ACK);
	st->una = st->nxt;
	st->fd = accept_one(st->listener);
	set_nonblocking(st->fd, true);
}

/* The kernel sends a little, which the peer does not acknowledge. */
static void send_something(struct stage *st)
{
	struct segment r;

	if (!send_stream(st->fd, 2, 0, UNSENT))
		die("send");
	do
		stage_await(st, &r);
	while (r.len != UNSENT);
}

static void kernel_closes(struct stage *st, bool orphan)
{
	if (orphan) {
		close(st->fd);
		st->fd = -1;
	} else if (shutdown(st->fd, SHUT_WR)) {
		die("shutdown");
	}
	await_flags(st, FIN | ACK);
}

static void peer_closes(struct stage *st)
{
	struct segment s = stage_segment(st, FIN | ACK);

	s.ack = st->una;
	stage_send(st, &s);
	st->snd++;
	await_flags(st, ACK);
}

static void peer_acks(struct stage *st)
{
	st->una = st->nxt;
	send_flags(st, ACK);
}

void stage_bring(struct stage *st, enum place place)
{
	st->mine++;
	if (st->mine == MARKER_PORT)
		die("no ports left");
	st->fd = -1;
	st->port = 0;
	st->iss = 0;
	st->snd = ISS;
	st->una = 0;
	st->nxt = 0;
	st->edge = ISS + PEER_WINDOW;

	switch (place) {
	case AT_CLOSED:
		st->port = 2;
		return;
	case AT_LISTEN:
		st->port = st->listen_port;
		return;
	case AT_SYN_SENT:
		open_actively(st);
		return;
	case AT_SYN_RECV:
		open_passively(st);
		return;
	case AT_SYN_CROSSED:
		open_actively(st);
		send_flags(st, SYN);
		st->snd++;
		await_flags(st, SYN | ACK);
		return;
	default:
		establish(st);
	}

	switch (place) {
	case AT_ESTABLISHED:
		send_something(st);
		break;
	case AT_FIN_WAIT1:
	case AT_FIN_WAIT1_ORPHAN:
		send_something(st);
		kernel_closes(st, place == AT_FIN_WAIT1_ORPHAN);
		break;
	case AT_FIN_WAIT2:
	case AT_FIN_WAIT2_ORPHAN:
		kernel_closes(st, place == AT_FIN_WAIT2_ORPHAN);
		peer_acks(st);
		break;
	case AT_CLOSE_WAIT:
		send_something(st);
		peer_closes(st);
		break;
	case AT_CLOSING:
		kernel_closes(st, false);
		peer_closes(st);
		break;
	case AT_LAST_ACK:
		send_something(st);
		peer_closes(st);
		kernel_closes(st, false);
		break;
	case AT_TIME_WAIT:
		kernel_closes(st, false);
		peer_acks(st);
		peer_closes(st);
		break;
	default:
		break;
	}
}

void stage_leave(struct stage *st)
{
	if (st->fd >= 0) {
		abort_connection(st->fd);
		st->fd = -1;
	} else {
		send_flags(st, RST);
	}
}

int stage_state(const struct stage *st)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (st->fd < 0)
		return 0;
	if (getsockopt(st->fd, SOL_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	return info.tcpi_state;
}

void see(struct sight *sight, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sight->len += vsnprintf(sight->text + sight->len,
				sizeof(sight->text) - sight->len, fmt, ap);
	va_end(ap);
	if (sight->len >= sizeof(sight->text))
		die("no room for more: %s", sight->text);
}
