// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Ferry says of what it does: every drop that a peer can cause raises the
 * counter of its reason in /proc/net/ferry_stat, and that counter alone, and
 * is seen with the same name at the tracepoint ferry:ferry_drop; and the other
 * tracepoints fire when they should.
 *
 * The peer is the test itself (wire.h).  There is no TCP to compare with: its
 * counters have other names and count less.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"
#include "wire.h"

#define ISS 1000000u	/* the peer's initial sequence number */
#define TRACING "/sys/kernel/tracing/"

/* The kernel's end, and where the peer stands. */
struct scene {
	struct wire w;
	int listener;
	int fd;		/* the connection, -1 if there is none */
	__u16 port;	/* the kernel's */
	__u16 mine;	/* the peer's */
	__u32 snd;	/* next sequence number of the peer */
	__u32 rcv;	/* next that the peer expects */
	bool sack;	/* the SYN permits it */
};

static void scene_open(struct scene *s, int backlog)
{
	struct addr at;

	memset(s, 0, sizeof(*s));
	wire_open(&s->w, V4, ferry());
	set_sysctl(ferry(), "sack", "0");
	set_sysctl(ferry(), "timestamps", "0");
	set_sysctl(ferry(), "ecn", "0");
	set_sysctl(ferry(), "syncookies", "0");
	set_sysctl(ferry(), "invalid_ratelimit", "0");
	at = s->w.ours;
	s->listener = listen_at(&at, ferry(), backlog);
	s->port = port_of(&at);
	s->mine = 40000;
	s->fd = -1;
}

static struct segment segment(const struct scene *s, __u8 flags)
{
	return (struct segment){
		.from = s->mine, .to = s->port, .flags = flags,
		.seq = s->snd, .ack = flags & ACK ? s->rcv : 0,
		.window = 60000,
	};
}

static void send_flags(struct scene *s, __u8 flags)
{
	struct segment seg = segment(s, flags);

	wire_send(&s->w, &seg);
}

/* A segment of the peer's whose ACK is so far from what it expects. */
static void send_ack(struct scene *s, int offset, __u16 window)
{
	struct segment seg = segment(s, ACK);

	seg.ack += offset;
	seg.window = window;
	wire_send(&s->w, &seg);
}

static void send_bytes(struct scene *s, int offset, int len)
{
	struct segment seg = segment(s, ACK | PSH);

	seg.seq += offset;
	seg.len = len;
	wire_send(&s->w, &seg);
}

/* SYN and SYN-ACK: the kernel's end is half-open then. */
static void half_open(struct scene *s)
{
	struct segment seg;

	s->snd = ISS;
	seg = segment(s, SYN);
	if (s->sack)
		add_sack_permitted(&seg);
	wire_send(&s->w, &seg);
	do
		wire_await(&s->w, &seg);
	while (seg.to != s->mine);
	if (seg.flags != (SYN | ACK))
		die("SYN answered with %s", flags_text(&seg));
	s->snd = ISS + 1;
	s->rcv = seg.seq + 1;
}

/* Its round trip takes so many microseconds. */
static void establish_after(struct scene *s, int us)
{
	half_open(s);
	usleep(us);
	send_flags(s, ACK);
	s->fd = accept_one(s->listener);
}

static void establish(struct scene *s)
{
	establish_after(s, 0);
}

/* The kernel's FIN has come and is acknowledged, and so is the peer's. */
static void to_time_wait(struct scene *s)
{
	struct segment seg;

	establish(s);
	close(s->fd);
	s->fd = -1;
	do
		wire_await(&s->w, &seg);
	while (!(seg.flags & FIN));
	s->rcv = seg.seq + 1;
	send_flags(s, FIN | ACK);
	s->snd++;
	wire_await(&s->w, &seg);
}

/* ------------------------------------------------------------------ */
/* How to have a segment dropped */

static void short_header(struct scene *s)
{
	struct segment seg = segment(s, SYN);

	seg.data_offset = 3;
	wire_send(&s->w, &seg);
}

static void checksum(struct scene *s)
{
	struct segment seg = segment(s, SYN);

	seg.bad_checksum = true;
	wire_send(&s->w, &seg);
}

static void broadcast(struct scene *s)
{
	struct addr ours = s->w.ours;

	s->w.ours = addr_of("192.0.2.255", 0);
	send_flags(s, SYN);
	s->w.ours = ours;
}

static void no_socket(struct scene *s)
{
	struct segment seg = segment(s, SYN);

	seg.to ^= 1;
	wire_send(&s->w, &seg);
}

static void filter(struct scene *s)
{
	struct sock_filter none[] = { { 0x06, 0, 0, 0 } };
	struct sock_fprog prog = { .len = 1, .filter = none };

	if (setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		die("SO_ATTACH_FILTER");
	send_bytes(s, 0, 10);
}

static void listen_reset(struct scene *s)
{
	send_flags(s, RST);
}

static void listen_ack(struct scene *s)
{
	send_flags(s, ACK);
}

static void listen_flags(struct scene *s)
{
	send_flags(s, FIN);
}

/* A backlog of none has room for one. */
static void listen_overflow(struct scene *s)
{
	half_open(s);
	send_flags(s, ACK);
	wait_for(s->listener, 1, SOON_MS);
	s->mine++;
	s->snd = ISS;
	send_flags(s, SYN);
}

static void accept_overflow(struct scene *s)
{
	__u32 rcv;

	half_open(s);
	rcv = s->rcv;
	s->mine++;
	half_open(s);
	send_flags(s, ACK);
	wait_for(s->listener, 1, SOON_MS);
	s->mine--;
	s->rcv = rcv;
	send_flags(s, ACK);
}

static void half_open_full(struct scene *s)
{
	/* As in TCP, one more than it says fits in. */
	set_sysctl(ferry(), "max_syn_backlog", "1");
	half_open(s);
	s->mine++;
	half_open(s);
	s->mine++;
	s->snd = ISS;
	send_flags(s, SYN);
}

static void sequence(struct scene *s)
{
	send_bytes(s, 1 << 30, 10);
}

static void reset(struct scene *s)
{
	s->snd += 1;
	send_flags(s, RST);
}

static void syn(struct scene *s)
{
	send_flags(s, SYN);
}

static void no_flags(struct scene *s)
{
	send_flags(s, PSH);
}

static void bad_ack(struct scene *s)
{
	half_open(s);
	s->rcv += 1000;
	send_flags(s, ACK);
}

static void old_ack(struct scene *s)
{
	s->rcv -= 1 << 30;
	send_flags(s, ACK);
}

static void ack_unsent(struct scene *s)
{
	s->rcv += 1000;
	send_flags(s, ACK);
}

static void after_close(struct scene *s)
{
	close(s->fd);
	s->fd = -1;
	send_bytes(s, 0, 10);
}

static void old_data(struct scene *s)
{
	struct segment seg;

	send_bytes(s, 0, 10);
	wire_await(&s->w, &seg);
	send_bytes(s, 0, 10);
}

static void merged(struct scene *s)
{
	send_bytes(s, 1000, 100);
	send_bytes(s, 1000, 100);
}

static void time_wait_reset(struct scene *s)
{
	to_time_wait(s);
	send_flags(s, RST);
}

static void time_wait(struct scene *s)
{
	to_time_wait(s);
	s->snd--;
	send_flags(s, FIN | ACK);
}

static const struct {
	const char *reason;
	void (*cause)(struct scene *s);
	bool connected;
	bool no_queue;	/* one connection fills it, and half-open ones have none */
} drops[] = {
	{ .reason = "DropHeader", .cause = short_header },
	{ .reason = "DropChecksum", .cause = checksum },
	{ .reason = "DropOtherHost", .cause = broadcast },
	{ .reason = "DropNoSocket", .cause = no_socket },
	{ .reason = "DropFilter", .cause = filter, .connected = true },
	{ .reason = "DropListenReset", .cause = listen_reset },
	{ .reason = "DropListenAck", .cause = listen_ack },
	{ .reason = "DropListenFlags", .cause = listen_flags },
	{ .reason = "ListenOverflows", .cause = listen_overflow,
	  .no_queue = true },
	{ .reason = "AcceptOverflows", .cause = accept_overflow,
	  .no_queue = true },
	{ .reason = "ReqQFullDrop", .cause = half_open_full },
	{ .reason = "DropSequence", .cause = sequence, .connected = true },
	{ .reason = "DropReset", .cause = reset, .connected = true },
	{ .reason = "DropSyn", .cause = syn, .connected = true },
	{ .reason = "DropFlags", .cause = no_flags, .connected = true },
	{ .reason = "DropBadAck", .cause = bad_ack },
	{ .reason = "DropOldAck", .cause = old_ack, .connected = true },
	{ .reason = "DropAckUnsent", .cause = ack_unsent, .connected = true },
	{ .reason = "DropAfterClose", .cause = after_close, .connected = true },
	{ .reason = "DropOldData", .cause = old_data, .connected = true },
	{ .reason = "OutOfOrderMerged", .cause = merged, .connected = true },
	{ .reason = "DropTimeWaitReset", .cause = time_wait_reset },
	{ .reason = "DropTimeWait", .cause = time_wait },
};

/* ------------------------------------------------------------------ */
/* Counters and tracepoints */

static bool has_counted(void *name)
{
	return counter(ferry(), name) > 0;
}

static void trace_start(const char *event)
{
	char path[200];
	int fd;

	if (access(TRACING "trace", F_OK) &&
	    mount("tracefs", TRACING, "tracefs", 0, NULL))
		die("tracefs");
	write_file(TRACING "events/ferry/enable", "0");
	/* To open it so empties it; to write to it does not. */
	fd = open(TRACING "trace", O_WRONLY | O_TRUNC);
	if (fd < 0)
		die("trace");
	close(fd);
	snprintf(path, sizeof(path), TRACING "events/ferry/%s/enable", event);
	write_file(path, "1");
	write_file(TRACING "tracing_on", "1");
}

/* How many lines of the trace have both. */
static int traced(const char *a, const char *b)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[600];
	int n = 0;

	if (!f)
		die("trace");
	while (fgets(line, sizeof(line), f))
		n += line[0] != '#' && strstr(line, a) && strstr(line, b);
	fclose(f);
	return n;
}

struct wanted {
	const char *a, *b;
};

static bool is_traced(void *arg)
{
	struct wanted *w = arg;

	return traced(w->a, w->b) > 0;
}

/* Of all reasons, which have been counted? */
static void reasons(char *to, size_t size)
{
	char text[8192], *line, *save;
	char name[60];
	long n;

	to[0] = 0;
	if (!read_file("/proc/net/ferry_stat", text, sizeof(text)))
		die("/proc/net/ferry_stat");
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%59s %ld", name, &n) != 2 || !n)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(drops); i++)
			if (!strcmp(drops[i].reason, name))
				snprintf(to + strlen(to), size - strlen(to),
					 "%s %ld ", name, n);
	}
}

TEST(each_drop_has_its_counter_and_is_traced)
{
	for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
		char want[100], got[400];
		struct scene s;

		scene_open(&s, drops[i].no_queue ? 0 : 16);
		if (drops[i].no_queue)
			set_sysctl(ferry(), "syncookies", "1");
		trace_start("ferry_drop");
		if (drops[i].connected)
			establish(&s);
		drops[i].cause(&s);
		wait_until(has_counted, (void *)drops[i].reason, SOON_MS);
		snprintf(want, sizeof(want), "%s 1 ", drops[i].reason);
		reasons(got, sizeof(got));
		EXPECT_STREQ(want, got);
		snprintf(want, sizeof(want), "reason=%s\n", drops[i].reason);
		EXPECT_EQ(1, traced("ferry_drop: src=192.0.2.2:", want)) {
			TH_LOG("%s", drops[i].reason);
		}
		if (s.fd >= 0)
			close(s.fd);
		close(s.listener);
		wire_close(&s.w);
	}
}

/* For whoever watches the kernel's own tracepoint, of all protocols. */
TEST(the_kernel_is_told_the_reason)
{
	static const struct {
		const char *reason;
		void (*cause)(struct scene *s);
		bool connected;
	} told[] = {
		{ "reason: TCP_CSUM\n", checksum, false },
		{ "reason: NO_SOCKET\n", no_socket, false },
		{ "reason: SOCKET_FILTER\n", filter, true },
		{ "reason: TCP_INVALID_SEQUENCE\n", sequence, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		struct wanted w = { "kfree_skb:", told[i].reason };
		struct scene s;

		scene_open(&s, 16);
		if (told[i].connected)
			establish(&s);
		trace_start("ferry_drop");
		write_file(TRACING "events/skb/kfree_skb/enable", "1");
		told[i].cause(&s);
		EXPECT_TRUE(wait_until(is_traced, &w, SOON_MS)) {
			TH_LOG("%s", told[i].reason);
		}
		write_file(TRACING "events/skb/kfree_skb/enable", "0");
		if (s.fd >= 0)
			close(s.fd);
		close(s.listener);
		wire_close(&s.w);
	}
}

TEST(resets_are_traced)
{
	struct wanted sent = { "ferry_reset: sent",
			       "local=192.0.2.1" };
	struct wanted received = { "ferry_reset: received",
				   "remote=192.0.2.2:40001 state=ESTABLISHED" };
	struct scene s;

	scene_open(&s, 16);
	trace_start("ferry_reset");
	no_socket(&s);
	EXPECT_TRUE(wait_until(is_traced, &sent, SOON_MS));
	EXPECT_EQ(1, counter(ferry(), "OutRsts"));
	s.mine++;
	establish(&s);
	send_flags(&s, RST);
	EXPECT_TRUE(wait_until(is_traced, &received, SOON_MS));
}

TEST(states_are_traced)
{
	static const char * const steps[] = {
		"oldstate=CLOSE newstate=LISTEN",
		"oldstate=CLOSE newstate=NEW_SYN_RECV",
		"oldstate=CLOSE newstate=SYN_RECV",
		"oldstate=SYN_RECV newstate=ESTABLISHED",
		"oldstate=ESTABLISHED newstate=FIN_WAIT1",
		"oldstate=FIN_WAIT1 newstate=FIN_WAIT2",
		"newstate=TIME_WAIT",
	};
	struct scene s;

	wire_open(&s.w, V4, ferry());
	wire_close(&s.w);
	trace_start("ferry_state");
	scene_open(&s, 16);
	to_time_wait(&s);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct wanted w = { "ferry_state: local=192.0.2.1:", steps[i] };

		if (!i)
			w.a = "ferry_state:";
		EXPECT_TRUE(wait_until(is_traced, &w, SOON_MS)) {
			TH_LOG("%s", steps[i]);
		}
	}
}

/* Does the tracepoint tell that something goes out again for that reason? */
static bool sent_again(const char *why)
{
	char reason[40];
	struct wanted w = { "ferry_retransmit: local=192.0.2.1:", reason };

	snprintf(reason, sizeof(reason), "reason=%s\n", why);
	return wait_until(is_traced, &w, SOON_MS);
}

static void send_data(struct scene *s, size_t len)
{
	static const char data[8000];

	if (send(s->fd, data, len, 0) != (ssize_t)len)
		die("send");
}

TEST(retransmissions_are_traced_with_their_reason)
{
	struct segment seg;
	struct scene s;

	scene_open(&s, 16);
	trace_start("ferry_retransmit");
	/* The SYN-ACK's timer. */
	half_open(&s);
	wire_await(&s.w, &seg);
	send_flags(&s, ACK);
	s.fd = accept_one(s.listener);
	/* Three duplicate ACKs, then silence until the timer has expired. */
	send_data(&s, 8000);
	do
		wire_await(&s.w, &seg);
	while (seg.to != s.mine || seg.seq - s.rcv + seg.len < 4000);
	for (int i = 0; i < 4; i++)
		send_flags(&s, ACK);
	EXPECT_TRUE(sent_again("synack"));
	EXPECT_TRUE(sent_again("fast"));
	EXPECT_TRUE(sent_again("rto"));
}

TEST(retransmissions_after_a_timeout_are_traced)
{
	struct scene s;

	scene_open(&s, 16);
	trace_start("ferry_retransmit");
	establish(&s);
	/* Segments without options; and nothing new, with which F-RTO began. */
	send_data(&s, 5 * 536);
	EXPECT_TRUE(sent_again("rto"));
	s.rcv += 536;
	send_flags(&s, ACK);
	EXPECT_TRUE(sent_again("slow_start"));
}

TEST(what_asks_a_silent_peer_is_traced)
{
	struct addr at = addr_of("192.0.2.2", 9);
	struct scene s;
	int fd;

	scene_open(&s, 16);
	trace_start("ferry_retransmit");
	establish(&s);
	set_int(s.fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_int(s.fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	EXPECT_TRUE(sent_again("keepalive"));
	set_int(s.fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	send_ack(&s, 0, 0);
	send_data(&s, 1);
	EXPECT_TRUE(sent_again("probe"));

	fd = open_socket(V4, ferry());
	set_nonblocking(fd, true);
	EXPECT_EQ(-1, connect(fd, &at.sa, at.len));
	EXPECT_EQ(EINPROGRESS, errno);
	EXPECT_TRUE(sent_again("syn"));
}

/* For the connections that follow; the peer knows SACK. */
static void trace_recovery(struct scene *s)
{
	set_sysctl(ferry(), "sack", "1");
	s->sack = true;
	trace_start("ferry_retransmit");
	write_file(TRACING "events/ferry/ferry_cong/enable", "1");
}

/* So long a round trip that the timer for retransmission is far away. */
#define LONG_WAY_US 400000

/*
 * The last segment is lost, or so it seems.  The ACK for it and for what came
 * after the probe shows that the probe has repaired that.
 */
TEST(the_tail_loss_probe_is_traced)
{
	struct wanted reduced = { "ferry_cong:",
				  "oldstate=Open newstate=CWR" };
	struct wanted over = { "ferry_cong:", "oldstate=CWR newstate=Open" };
	struct segment seg;
	struct scene s;

	scene_open(&s, 16);
	trace_recovery(&s);
	establish_after(&s, LONG_WAY_US);
	set_int(s.fd, IPPROTO_TCP, TCP_NODELAY, 1);
	send_data(&s, 1);
	for (int copies = 0; copies < 2; copies += seg.len)
		wire_await(&s.w, &seg);
	send_data(&s, 1);
	s.rcv += 2;
	send_flags(&s, ACK);
	EXPECT_TRUE(sent_again("tlp"));
	EXPECT_TRUE(wait_until(is_traced, &reduced, SOON_MS));
	EXPECT_TRUE(wait_until(is_traced, &over, SOON_MS));
}

/*
 * One segment has overtaken another: for a quarter of a round trip that may be
 * all, and then it is a loss (RFC 8985 section 6.2).
 */
TEST(what_the_reordering_timer_does_is_traced)
{
	struct wanted recovery = { "ferry_cong:",
				   "oldstate=Disorder newstate=Recovery" };
	struct segment seg;
	struct scene s;
	__u32 block[2];

	scene_open(&s, 16);
	trace_recovery(&s);
	establish_after(&s, LONG_WAY_US);
	set_int(s.fd, IPPROTO_TCP, TCP_NODELAY, 1);
	send_data(&s, 1);
	send_data(&s, 1);
	do
		wire_await(&s.w, &seg);
	while (seg.seq != s.rcv + 1);
	usleep(LONG_WAY_US);
	block[0] = htonl(s.rcv + 1);
	block[1] = htonl(s.rcv + 2);
	seg = segment(&s, ACK);
	add_option(&seg, 5, block, sizeof(block));
	wire_send(&s.w, &seg);
	EXPECT_TRUE(sent_again("reo"));
	EXPECT_TRUE(wait_until(is_traced, &recovery, SOON_MS));
	EXPECT_EQ(1, counter(ferry(), "FastRecovery"));
}

/* What each of these has the peer say is all that happens. */
TEST(every_ack_is_traced)
{
	static const struct {
		const char *what;
		int offset;
		__u16 window;
		int acked;
	} acks[] = {
		{ "for data", 0, 60000, 1 },
		{ "once more", 0, 60000, 0 },
		{ "of a window", 0, 50000, 0 },
		{ "that was overtaken", -100, 60000, 0 },
	};
	char line[100];
	struct wanted w = { line, NULL };
	struct segment seg;
	struct scene s;

	scene_open(&s, 16);
	establish(&s);
	send_data(&s, 500);
	do
		wire_await(&s.w, &seg);
	while (!seg.len);
	s.rcv += 500;
	for (size_t i = 0; i < ARRAY_SIZE(acks); i++) {
		char una[40];

		trace_start("ferry_ack");
		send_ack(&s, acks[i].offset, acks[i].window);
		snprintf(line, sizeof(line), "ack_seq=%u acked=%d ",
			 s.rcv + acks[i].offset, acks[i].acked);
		snprintf(una, sizeof(una), "snd_una=%u ", s.rcv);
		w.b = una;
		EXPECT_TRUE(wait_until(is_traced, &w, SOON_MS)) {
			TH_LOG("%s", acks[i].what);
		}
		EXPECT_EQ(1, traced("ferry_ack:", "acked="));
	}
}

TEST(a_timeout_is_traced)
{
	char line[60];
	struct wanted loss = { line, "oldstate=Open newstate=Loss cwnd=1 " };
	struct scene s;

	scene_open(&s, 16);
	/* Those of the tests before have their timers, too. */
	snprintf(line, sizeof(line), "ferry_cong: local=192.0.2.1:%u ", s.port);
	trace_start("ferry_cong");
	establish(&s);
	send_data(&s, 500);
	EXPECT_TRUE(wait_until(is_traced, &loss, SOON_MS));
}

TEST_HARNESS_MAIN
