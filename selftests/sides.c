// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP and Ferry side by side; sides.h says what for.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sides.h"

#define ISS	1000000u	/* the peer's initial sequence number */

/* When the scenario began; all times are relative to it. */
static long long start;

static __printf(2, 3) void seen(struct side *s, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(&s->log, "%9lld ms  %s", now_ms() - start, text);
}

void enter(const struct side *s)
{
	if (setns(s->ns, CLONE_NEWNET))
		die("setns");
}

void setting(struct side *side, const char *name, const char *value)
{
	struct side *s;

	for (s = side; s < side + 2; s++) {
		enter(s);
		set_sysctl(s->w.proto, name, value);
	}
}

void option(struct side *side, int level, int name, int value)
{
	set_int(side[0].fd, level, name, value);
	set_int(side[1].fd, level, name, value);
}

void sides_start(void)
{
	start = now_ms();
}

void sides_open(struct side *side, enum family fam)
{
	struct side *s;

	for (s = side; s < side + 2; s++) {
		wire_open(&s->w, fam, s == side ? IPPROTO_TCP : ferry());
		s->ns = open("/proc/thread-self/ns/net",
			     O_RDONLY | O_CLOEXEC);
		if (s->ns < 0)
			die("/proc/thread-self/ns/net");
		s->listener = -1;
		s->fd = -1;
		s->closing = -1;
		s->mine = 40000;
		s->window = 60000;
	}
	setting(side, "invalid_ratelimit", "0");
	/* TCP may make one segment of two when it sends them again. */
	enter(&side[0]);
	write_file("/proc/sys/net/ipv4/tcp_retrans_collapse", "0");
	sides_start();
}

void sides_close(struct side *side)
{
	wire_close(&side[0].w);
	wire_close(&side[1].w);
}

bool sides_same(const struct side *side)
{
	return same_transcript(&side[0].log, &side[1].log);
}

bool sides_saw(const struct side *side, const char *what)
{
	return side[1].log.text && strstr(side[1].log.text, what);
}

struct segment segment(const struct side *s, __u8 flags)
{
	return (struct segment){
		.from = s->mine, .to = s->port, .flags = flags,
		.seq = s->snd, .ack = flags & ACK ? s->rcv : 0,
		.window = s->window,
	};
}

void say(struct side *s, __u8 flags)
{
	struct segment out = segment(s, flags);

	wire_send(&s->w, &out);
	s->snd += !!(flags & SYN) + !!(flags & FIN);
}

void say_both(struct side *side, __u8 flags)
{
	say(&side[0], flags);
	say(&side[1], flags);
}

void window_of(struct side *side, __u16 window)
{
	side[0].window = window;
	side[1].window = window;
}

void see(struct side *s, const struct segment *in)
{
	if (in->flags == SYN)
		s->their_iss = in->seq;
	/* Who answers a segment without ACK has no sequence number. */
	seen(s, "%s seq %d len %d", flags_text(in),
	     in->seq ? in->seq - s->their_iss : 0, in->len);
	s->last_flags = in->flags;
}

static void socket_events(struct side *s, short events)
{
	if (!(events & (POLLERR | POLLHUP)))
		return;
	seen(s, "socket: %s %s", poll_name(events),
	     errno_name(get_int(s->fd, SOL_SOCKET, SO_ERROR)));
	s->over = true;
}

static void close_returned(struct side *s)
{
	seen(s, "close returns");
	close(s->closing);
	s->closing = -1;
}

void watch(struct side *side, long long duration, answer_fn *answer)
{
	long long end = now_ms() + duration;

	while (now_ms() < end && !(side[0].over && side[1].over)) {
		struct pollfd p[6];
		struct segment in;
		int i;

		for (i = 0; i < 2; i++) {
			p[i] = (struct pollfd){ side[i].w.tun, POLLIN, 0 };
			p[2 + i] = (struct pollfd){
				side[i].over ? -1 : side[i].fd, 0, 0,
			};
			p[4 + i] = (struct pollfd){
				side[i].closing, POLLIN, 0,
			};
		}
		if (poll(p, 6, end - now_ms()) < 0)
			die("poll");
		for (i = 0; i < 2; i++) {
			while (wire_recv(&side[i].w, &in, 0)) {
				see(&side[i], &in);
				if (answer)
					answer(&side[i], &in);
			}
			if (p[2 + i].revents)
				socket_events(&side[i], p[2 + i].revents);
			if (p[4 + i].revents)
				close_returned(&side[i]);
		}
	}
}

void pass(int ms)
{
	if (usleep(ms * 1000))
		die("usleep");
}

void take(struct side *s, struct segment *in, __u8 flags)
{
	wire_await(&s->w, in);
	if ((in->flags & ~PSH) != flags)
		die("%s sent %s", proto_name(s->w.proto), flags_text(in));
}

void connect_to_nobody(struct side *side, int level, int name, int value)
{
	struct side *s;

	for (s = side; s < side + 2; s++) {
		struct addr to = s->w.peer;

		enter(s);
		s->fd = open_socket_for(&to, s->w.proto);
		set_nonblocking(s->fd, true);
		if (name)
			set_int(s->fd, level, name, value);
		if (s->w.fam == V4)
			to.v4.sin_port = htons(s->mine);
		else
			to.v6.sin6_port = htons(s->mine);
		if (!connect(s->fd, &to.sa, to.len) || errno != EINPROGRESS)
			die("connect");
	}
	start = now_ms();
}

void half_open(struct side *side, int option_name, int value)
{
	struct segment syn, in;
	struct side *s;

	for (s = side; s < side + 2; s++) {
		struct addr at = s->w.ours;

		enter(s);
		s->listener = listen_at(&at, s->w.proto, 16);
		if (option_name)
			set_int(s->listener, SOL_TCP, option_name, value);
		s->port = port_of(&at);
		s->snd = ISS;
		syn = segment(s, SYN);
		add_mss(&syn, 1000);
		wire_send(&s->w, &syn);
		s->snd++;
		take(s, &in, SYN | ACK);
		s->their_iss = in.seq;
		s->rcv = in.seq + 1;
	}
	start = now_ms();
}

void establish(struct side *side)
{
	struct side *s;

	half_open(side, 0, 0);
	pass(RTT_MS);
	for (s = side; s < side + 2; s++) {
		say(s, ACK);
		s->fd = accept_one(s->listener);
	}
	start = now_ms();
}

void send_bytes(struct side *side, int n)
{
	static char bytes[2000];
	struct side *s;

	for (s = side; s < side + 2; s++)
		if (send(s->fd, bytes, n, MSG_NOSIGNAL) != n)
			die("send");
}

void close_all(struct side *side)
{
	struct side *s;

	for (s = side; s < side + 2; s++) {
		close(s->fd);
		s->fd = -1;
	}
}

/* The descriptor is closed by a process that has the only other one. */
static void close_in_child(struct side *s, const struct side *other)
{
	int pipe_fd[2];

	if (pipe2(pipe_fd, O_CLOEXEC))
		die("pipe");
	switch (fork()) {
	case -1:
		die("fork");
	case 0:
		close(pipe_fd[0]);
		if (other->fd >= 0)
			close(other->fd);
		/* Start when the parent's is closed. */
		pass(1);
		close(s->fd);
		_exit(0);
	}
	close(pipe_fd[1]);
	close(s->fd);
	s->fd = -1;
	s->closing = pipe_fd[0];
}

void close_and_wait(struct side *side)
{
	close_in_child(&side[0], &side[1]);
	close_in_child(&side[1], &side[0]);
}

void acknowledges(struct side *s, const struct segment *in)
{
	if (in->flags & RST)
		return;
	s->rcv = in->seq + in->len + !!(in->flags & FIN);
	say(s, ACK);
}

void repeats(struct side *s, const struct segment *in)
{
	if (!(in->flags & RST))
		say(s, ACK);
}

void ask(struct side *side)
{
	say_both(side, ACK);
	watch(side, SECOND, NULL);
}

/*
 * A window counts only if the segment that tells it is new, so the peer has to
 * have sent a byte before.
 */
void establish_with_a_byte(struct side *side)
{
	struct segment out, in;
	struct side *s;

	establish(side);
	for (s = side; s < side + 2; s++) {
		out = segment(s, ACK | PSH);
		out.len = 1;
		wire_send(&s->w, &out);
		s->snd++;
		take(s, &in, ACK);
		if (recv(s->fd, &out.data, 1, 0) != 1)
			die("recv");
	}
}

void ask_until_gone(struct side *side, __u8 flags, __u32 back, int ms)
{
	long long end = now_ms() + ms;
	int last[2] = { 0, 0 }, i;
	struct segment out, in;

	while (now_ms() < end && !(last[0] & last[1] & RST)) {
		for (i = 0; i < 2; i++) {
			struct side *s = &side[i];

			if (last[i] & RST)
				continue;
			out = segment(s, flags);
			out.seq -= back;
			wire_send(&s->w, &out);
			if (!wire_recv(&s->w, &in, 0))
				in.flags = 0;
			if ((in.flags ^ last[i]) & (RST | ACK))
				see(s, &in);
			last[i] = in.flags;
		}
		pass(10);
	}
}

void fin_wait2(struct side *side)
{
	struct segment in;
	struct side *s;

	close_all(side);
	for (s = side; s < side + 2; s++) {
		take(s, &in, FIN | ACK);
		s->rcv++;
		say(s, ACK);
	}
	start = now_ms();
}
