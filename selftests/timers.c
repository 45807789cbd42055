// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers at their true length, in virtual time: how often and when a segment
 * is sent again, a probe goes out, a connection is given up or forgotten.
 *
 * TCP and Ferry each have a peer made by hand, and both are watched at once:
 * every scenario begins in the same tick of the clock for both, so that what
 * the kernel's timers round is rounded in the same way, and the two lists of
 * events and their times must be equal to the millisecond.
 *
 * Runs with --reproducible on user-mode Linux only, where two idle hours take
 * no time.
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

#include "ktest.h"
#include "lib.h"
#include "wire.h"

/* Virtual time: the two-hour keep-alive is only one of many. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT (7 * 86400)

#define ISS	1000000u	/* the peer's initial sequence number */
#define RTT_MS	20		/* until the peer completes a handshake */
#define SECOND	1000
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)

/* One protocol, its peer, and what was seen of it. */
struct side {
	struct wire w;
	int ns;			/* where its sockets are */
	struct transcript log;
	int listener;
	int fd;
	__u16 port;		/* the kernel's */
	__u16 mine;		/* the peer's */
	__u16 window;		/* the peer's */
	__u32 snd;		/* next sequence number of the peer */
	__u32 rcv;		/* next that the peer expects */
	__u32 their_iss;
	int last_flags;
	bool over;		/* the socket has told its end */
};

/* What the peer does with a segment, if it is there at all. */
typedef void answer_fn(struct side *s, const struct segment *in);

FIXTURE(timers) {
	struct side side[2];
};

FIXTURE_VARIANT(timers) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(timers, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(timers, v6) { .fam = V6 };

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

/* From here on sockets are made, and settings changed, on this side. */
static void enter(const struct side *s)
{
	if (setns(s->ns, CLONE_NEWNET))
		die("setns");
}

#define for_each_side(s, self) \
	for ((s) = (self)->side; (s) < (self)->side + 2; (s)++)

/* A setting by its name without "tcp_". */
static void setting(struct side *side, const char *name, const char *value)
{
	struct side *s;
	char path[100];

	for (s = side; s < side + 2; s++) {
		enter(s);
		snprintf(path, sizeof(path), "/proc/sys/net/%s%s",
			 s->w.proto == IPPROTO_TCP ? "ipv4/tcp_" : "ferry/",
			 name);
		write_file(path, value);
	}
}

static void option(struct side *side, int level, int name, int value)
{
	set_int(side[0].fd, level, name, value);
	set_int(side[1].fd, level, name, value);
}

FIXTURE_SETUP(timers)
{
	struct side *s;

	for_each_side(s, self) {
		wire_open(&s->w, variant->fam,
			  s == self->side ? IPPROTO_TCP : ferry());
		s->ns = open("/proc/thread-self/ns/net",
			     O_RDONLY | O_CLOEXEC);
		if (s->ns < 0)
			die("/proc/thread-self/ns/net");
		s->listener = -1;
		s->fd = -1;
		s->mine = 40000;
		s->window = 60000;
	}
	setting(self->side, "invalid_ratelimit", "0");
	/* TCP may make one segment of two when it sends them again. */
	enter(&self->side[0]);
	write_file("/proc/sys/net/ipv4/tcp_retrans_collapse", "0");
	start = now_ms();
}

FIXTURE_TEARDOWN(timers)
{
	struct side *s;

	for_each_side(s, self)
		wire_close(&s->w);
}

static struct segment segment(const struct side *s, __u8 flags)
{
	return (struct segment){
		.from = s->mine, .to = s->port, .flags = flags,
		.seq = s->snd, .ack = flags & ACK ? s->rcv : 0,
		.window = s->window,
	};
}

static void say(struct side *s, __u8 flags)
{
	struct segment out = segment(s, flags);

	wire_send(&s->w, &out);
	s->snd += !!(flags & SYN) + !!(flags & FIN);
}

static void see(struct side *s, const struct segment *in)
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

/* Look at both sides for so long, or until both sockets have told their end. */
static void watch(struct side *side, long long duration, answer_fn *answer)
{
	long long end = now_ms() + duration;

	while (now_ms() < end && !(side[0].over && side[1].over)) {
		struct pollfd p[4];
		struct segment in;
		int i;

		for (i = 0; i < 2; i++) {
			p[i] = (struct pollfd){ side[i].w.tun, POLLIN, 0 };
			p[2 + i] = (struct pollfd){
				side[i].over ? -1 : side[i].fd, 0, 0,
			};
		}
		if (poll(p, 4, end - now_ms()) < 0)
			die("poll");
		for (i = 0; i < 2; i++) {
			while (wire_recv(&side[i].w, &in, 0)) {
				see(&side[i], &in);
				if (answer)
					answer(&side[i], &in);
			}
			if (p[2 + i].revents)
				socket_events(&side[i], p[2 + i].revents);
		}
	}
}

static void pass(int ms)
{
	if (usleep(ms * 1000))
		die("usleep");
}

static void take(struct side *s, struct segment *in, __u8 flags)
{
	wire_await(&s->w, in);
	if ((in->flags & ~PSH) != flags)
		die("%s sent %s", proto_name(s->w.proto), flags_text(in));
}

/* The kernel connects, and nobody is there. */
static void connect_to_nobody(struct side *side, int level, int name, int value)
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

/* A listener, and a SYN from the peer, which the kernel has answered. */
static void half_open(struct side *side, int option_name, int value)
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

/* The peer's ACK comes a round trip after its SYN. */
static void establish(struct side *side)
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

static void send_bytes(struct side *side, int n)
{
	static char bytes[2000];
	struct side *s;

	for (s = side; s < side + 2; s++)
		if (send(s->fd, bytes, n, MSG_NOSIGNAL) != n)
			die("send");
}

static void close_all(struct side *side)
{
	struct side *s;

	for (s = side; s < side + 2; s++) {
		close(s->fd);
		s->fd = -1;
	}
}

/* The peer acknowledges whatever comes. */
static void acknowledges(struct side *s, const struct segment *in)
{
	if (in->flags & RST)
		return;
	s->rcv = in->seq + in->len + !!(in->flags & FIN);
	say(s, ACK);
}

/* The peer says again what it has said. */
static void repeats(struct side *s, const struct segment *in)
{
	if (!(in->flags & RST))
		say(s, ACK);
}

#define EXPECT_SAME(self) \
	EXPECT_TRUE(same_transcript(&(self)->side[0].log, &(self)->side[1].log))
/* So that a scenario cannot pass by showing nothing twice. */
#define EXPECT_SEEN(self, what) \
	EXPECT_NE(NULL, strstr((self)->side[1].log.text, what))

TEST_F(timers, syn)
{
	connect_to_nobody(self->side, 0, 0, 0);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, syn_by_setting)
{
	setting(self->side, "syn_retries", "2");
	connect_to_nobody(self->side, 0, 0, 0);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, syn_by_option)
{
	connect_to_nobody(self->side, SOL_TCP, TCP_SYNCNT, 9);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, syn_until_user_timeout)
{
	connect_to_nobody(self->side, SOL_TCP, TCP_USER_TIMEOUT, 9000);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

/* When is a half-open connection forgotten?  Then its ACK is answered by RST. */
static void last_ack_at(struct side *side, int ms)
{
	watch(side, ms - (now_ms() - start), NULL);
	say(&side[0], ACK);
	say(&side[1], ACK);
	watch(side, SECOND, NULL);
}

TEST_F(timers, syn_ack)
{
	half_open(self->side, 0, 0);
	last_ack_at(self->side, 70000);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, syn_ack_almost_forgotten)
{
	half_open(self->side, 0, 0);
	last_ack_at(self->side, 62900);
	EXPECT_SAME(self);
	EXPECT_EQ(NULL, strstr(self->side[1].log.text, "RST"));
}

TEST_F(timers, syn_ack_by_setting)
{
	setting(self->side, "synack_retries", "2");
	half_open(self->side, 0, 0);
	last_ack_at(self->side, 7500);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, syn_ack_by_option)
{
	half_open(self->side, TCP_SYNCNT, 7);
	last_ack_at(self->side, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, retransmission)
{
	establish(self->side);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, retransmission_by_setting)
{
	setting(self->side, "retries2", "4");
	establish(self->side);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, retransmission_until_user_timeout)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 10 * SECOND);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, retransmission_of_a_fin)
{
	establish(self->side);
	shutdown(self->side[0].fd, SHUT_WR);
	shutdown(self->side[1].fd, SHUT_WR);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

/* An orphan tells nobody when it has given up: ask, and be reset. */
static void ask(struct side *side)
{
	say(&side[0], ACK);
	say(&side[1], ACK);
	watch(side, SECOND, NULL);
}

TEST_F(timers, orphan)
{
	establish(self->side);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, orphan_by_setting)
{
	setting(self->side, "orphan_retries", "3");
	establish(self->side);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, orphan_late)
{
	establish(self->side);
	send_bytes(self->side, 10);
	watch(self->side, 5 * MINUTE, NULL);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, orphan_until_user_timeout)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 3 * MINUTE);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

/*
 * A window counts only if the segment that tells it is new, so the peer has to
 * have sent a byte before.
 */
static void establish_with_a_byte(struct side *side)
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

static void shut_the_window(struct side *side)
{
	struct side *s;

	for (s = side; s < side + 2; s++) {
		s->window = 0;
		say(s, ACK);
	}
}

/* The peer's window is closed, and data waits for it. */
static void close_the_window(struct side *side)
{
	establish_with_a_byte(side);
	shut_the_window(side);
	send_bytes(side, 10);
}

TEST_F(timers, probes_without_answer)
{
	close_the_window(self->side);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ACK seq 0 len 0");
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, probes_without_answer_by_setting)
{
	setting(self->side, "retries2", "4");
	close_the_window(self->side);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, probes_without_answer_until_user_timeout)
{
	close_the_window(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 10 * SECOND);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, probes_with_answer)
{
	close_the_window(self->side);
	watch(self->side, 3 * HOUR, repeats);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ACK seq 0 len 0");
	EXPECT_EQ(NULL, strstr(self->side[1].log.text, "ETIMEDOUT"));
}

TEST_F(timers, probes_with_answer_until_user_timeout)
{
	close_the_window(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 10 * SECOND);
	watch(self->side, HOUR, repeats);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, probes_of_an_orphan)
{
	close_the_window(self->side);
	close_all(self->side);
	watch(self->side, HOUR, repeats);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ACK seq 0 len 0");
}

TEST_F(timers, probes_of_an_orphan_by_setting)
{
	setting(self->side, "orphan_retries", "3");
	close_the_window(self->side);
	close_all(self->side);
	watch(self->side, HOUR, repeats);
	EXPECT_SAME(self);
}

/* Data is on its way, and the peer takes its window back. */
TEST_F(timers, window_taken_back)
{
	establish_with_a_byte(self->side);
	send_bytes(self->side, 10);
	shut_the_window(self->side);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, keepalive)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 10 * HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, keepalive_by_setting)
{
	setting(self->side, "keepalive_time", "100");
	setting(self->side, "keepalive_intvl", "7");
	setting(self->side, "keepalive_probes", "3");
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, keepalive_by_option)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 50);
	option(self->side, SOL_TCP, TCP_KEEPINTVL, 11);
	option(self->side, SOL_TCP, TCP_KEEPCNT, 4);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, keepalive_until_user_timeout)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 50);
	option(self->side, SOL_TCP, TCP_KEEPINTVL, 11);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 2 * MINUTE);
	watch(self->side, HOUR, NULL);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "ETIMEDOUT");
}

TEST_F(timers, keepalive_with_answer)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 10 * HOUR, repeats);
	EXPECT_SAME(self);
	EXPECT_EQ(NULL, strstr(self->side[1].log.text, "ETIMEDOUT"));
}

/* The time counts from when the peer was last heard of. */
TEST_F(timers, keepalive_after_traffic)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 50);
	watch(self->side, 30 * SECOND, NULL);
	send_bytes(self->side, 10);
	watch(self->side, 3 * MINUTE, acknowledges);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "len 0");
}

/*
 * Ask every tick, with a segment that does not move the state: it is answered
 * with an ACK while there is a connection, and with a RST after that.
 */
static void ask_until_gone(struct side *side, __u8 flags, __u32 back, int ms)
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

/* The kernel has closed first, and its FIN is acknowledged. */
static void fin_wait2(struct side *side)
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

TEST_F(timers, fin_wait2)
{
	establish(self->side);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, fin_wait2_by_setting)
{
	setting(self->side, "fin_timeout", "15");
	establish(self->side);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, fin_wait2_by_option)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_LINGER2, 20);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, fin_wait2_longest)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_LINGER2, 120);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, fin_wait2_without)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_LINGER2, -1);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, time_wait)
{
	struct side *s;

	establish(self->side);
	for_each_side(s, self)
		close(s->listener);
	fin_wait2(self->side);
	for_each_side(s, self)
		say(s, FIN | ACK);
	ask_until_gone(self->side, SYN, 1000, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_F(timers, time_wait_begins_anew)
{
	struct side *s;

	establish(self->side);
	for_each_side(s, self)
		close(s->listener);
	fin_wait2(self->side);
	for_each_side(s, self)
		say(s, FIN | ACK);
	watch(self->side, 40 * SECOND, NULL);
	for_each_side(s, self) {
		s->snd--;
		say(s, FIN | ACK);
	}
	watch(self->side, SECOND, NULL);
	ask_until_gone(self->side, SYN, 1000, 5 * MINUTE);
	EXPECT_SAME(self);
	EXPECT_SEEN(self, "RST");
}

TEST_HARNESS_MAIN
