// SPDX-License-Identifier: GPL-2.0-only
/*
 * A path with a bottleneck, and connections over it; see path.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib.h"
#include "losses.h"
#include "path.h"

#define FRAME 1514
#define CHUNK (256 << 10)
#define LOWAT (16 << 10)

enum { SENDER, CARD, ROUTER, RECEIVER, PLACES };

static int place[PLACES];
static int rate_mbit;
/* What has been put on the router's link and has to go. */
static bool is_set, loses;

static void enter(int which)
{
	if (setns(place[which], CLONE_NEWNET))
		die("setns to place %d", which);
}

/* Each network is 10.0.N.0/24 between place N (.1) and place N + 1 (.2). */
static void join(int upper)
{
	int i;

	enter(upper);
	run("ip link add name ahead type veth peer name back netns /proc/%d/fd/%d",
	    getpid(), place[upper + 1]);
	for (i = 0; i < 2; i++) {
		const char *dev = i ? "back" : "ahead";

		enter(upper + i);
		run_batch("ip",
			  "link set %s address 02:00:00:00:%02x:%02x\n"
			  "address add 10.0.%d.%d/24 dev %s\n"
			  "link set %s up\n"
			  "neigh replace 10.0.%d.%d dev %s lladdr 02:00:00:00:%02x:%02x nud permanent\n",
			  dev, upper, i + 1, upper, i + 1, dev, dev,
			  upper, 2 - i, dev, upper, 2 - i);
		write_file("/proc/sys/net/ipv4/ip_forward", "1");
	}
}

void path_make(int mbit)
{
	int i;

	rate_mbit = mbit;
	for (i = 0; i < PLACES; i++) {
		own_namespace();
		place[i] = open("/proc/self/ns/net", O_RDONLY);
		if (place[i] < 0)
			die("open /proc/self/ns/net");
		/* What one transfer has learned is not for the next. */
		write_file("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
		/* The network decides, not the largest buffer allowed. */
		write_file("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 33554432");
		write_file("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 33554432");
	}
	for (i = 0; i < PLACES - 1; i++)
		join(i);
	enter(SENDER);
	run("ip route add default via 10.0.0.2");
	enter(CARD);
	run("ip route add 10.0.2.0/24 via 10.0.1.2");
	run("ip link set ahead gso_max_segs 1");
	enter(ROUTER);
	run("ip route add 10.0.0.0/24 via 10.0.1.1");
	enter(RECEIVER);
	run("ip route add default via 10.0.2.1");
}

void path_allow_ferry_buffers(void)
{
	static const struct {
		const char *tcp, *ferry;
	} same[] = {
		{ "/proc/sys/net/ipv4/tcp_wmem", "/proc/sys/net/ferry/wmem" },
		{ "/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/ferry/rmem" },
	};
	char now[64], text[64];
	unsigned int i, j;
	int min, start;

	for (i = 0; i < PLACES; i++) {
		enter(i);
		for (j = 0; j < ARRAY_SIZE(same); j++) {
			if (!read_file(same[j].ferry, now, sizeof(now)) ||
			    sscanf(now, "%d %d", &min, &start) != 2)
				continue;
			snprintf(text, sizeof(text), "%d %d 33554432", min,
				 start);
			write_file(same[j].ferry, text);
		}
	}
}

/*
 * What a kind of link loses; returns whether there is one of that name.
 * A burst takes every second of eight frames on average, and all of them a
 * hundredth of the frames.  If it took every frame, three in four retransmissions
 * by a timer that doubles would find it still there: the time to wait would have
 * no mean, and no number of runs would show one.
 */
static bool losses_of(const char *link, struct losses *l)
{
	char *end;

	*l = (struct losses){ 0 };
	if (!strcmp(link, "reorder"))
		return true;
	if (!strcmp(link, "burst")) {
		*l = (struct losses){ .begin = 0.255, .end = 12.5, .lost = 50 };
		return true;
	}
	l->lost = strtod(link, &end);
	return end != link && !*end && l->lost >= 0 && l->lost <= 100;
}

static const char * const devs[] = { "ahead", "back" };

/* What the bottleneck sends in a round trip. */
static int frames_on(int rtt_ms)
{
	return rate_mbit * 125 * rtt_ms / FRAME;
}

/* On a link that reorders, one frame in twenty skips this and overtakes. */
static int skip_us(int rtt_ms, const char *link)
{
	return strcmp(link, "reorder") ? 0 : rtt_ms * 100;
}

/*
 * Make the router's link anew: nothing is left of what was on it.  It has its
 * rate and its delay, and nothing bad yet.
 */
static void set_link(int rtt_ms, const char *link)
{
	int frames = frames_on(rtt_ms);
	int skip = skip_us(rtt_ms, link);
	char lines[1024];
	unsigned int i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(devs); i++) {
		if (is_set)
			n += sprintf(lines + n, "qdisc del dev %s root\n",
				     devs[i]);
		if (loses)
			n += sprintf(lines + n, "qdisc del dev %s clsact\n",
				     devs[i]);
		/* netem counts what waits and what is on its way. */
		n += sprintf(lines + n,
			     "qdisc add dev %s handle 1: root netem rate %dmbit delay %dus limit %d\n",
			     devs[i], rate_mbit, rtt_ms * 500 - skip,
			     frames + frames / 2 + 16);
		if (skip)
			n += sprintf(lines + n,
				     "qdisc add dev %s parent 1:1 handle 2: netem delay %dus limit %d\n",
				     devs[i], skip, 2 * frames);
	}
	enter(ROUTER);
	run_batch("tc", "%s", lines);
	is_set = true;
	loses = false;
}

/* Let the link be as bad as it is called. */
static void spoil_link(int rtt_ms, const char *link, __u64 dice)
{
	int skip = skip_us(rtt_ms, link);
	struct losses losses;
	unsigned int i;

	enter(ROUTER);
	for (i = 0; skip && i < ARRAY_SIZE(devs); i++)
		run("tc qdisc change dev %s parent 1:1 netem delay %dus limit %d reorder 5%%",
		    devs[i], skip, 2 * frames_on(rtt_ms));
	if (!losses_of(link, &losses) || !losses.lost)
		return;
	/* What one direction loses does not depend on what goes in the other. */
	for (i = 0; i < ARRAY_SIZE(devs); i++)
		losses_begin(devs[i], &losses,
			     dice + i * 0x9e3779b97f4a7c15);
	loses = true;
}

int path_proto(const char *name)
{
	if (!strcmp(name, "ferry"))
		return ferry();
	if (!strcmp(name, "tcp"))
		return IPPROTO_TCP;
	die("no protocol '%s'", name);
}

bool path_has(const char *algorithm, int proto)
{
	int fd = open_socket(V4, proto);
	bool yes;

	yes = !setsockopt(fd, SOL_TCP, TCP_CONGESTION, algorithm,
			  strlen(algorithm));
	if (!yes && errno != ENOENT)
		die("TCP_CONGESTION '%s'", algorithm);
	close(fd);
	return yes;
}

static void connect_flow(struct path_flow *f, int buffers)
{
	struct addr at = addr_of("10.0.2.2", 0);
	int l;

	enter(RECEIVER);
	l = listen_at(&at, f->proto, 1);
	/*
	 * Most of what a simulation costs is to wake processes.  A dozen
	 * segments at a time are as good for a receiver that is always there.
	 */
	set_int(l, SOL_SOCKET, SO_RCVLOWAT, LOWAT);
	if (buffers)
		set_int(l, SOL_SOCKET, SO_RCVBUFFORCE, buffers);
	enter(SENDER);
	f->tx = open_socket(V4, f->proto);
	if (buffers)
		set_int(f->tx, SOL_SOCKET, SO_SNDBUFFORCE, buffers);
	if (setsockopt(f->tx, SOL_TCP, TCP_CONGESTION, f->algorithm,
		       strlen(f->algorithm)))
		die("TCP_CONGESTION '%s'", f->algorithm);
	if (connect(f->tx, &at.sa, at.len))
		die("%s: connect", proto_name(f->proto));
	f->rx = accept_one(l);
	close(l);
}

static char chunk[CHUNK];

/* A child waits for its byte of the pipe; all start at the same moment. */
static void await_go(const struct path_flow *f)
{
	char c;

	if (read(f->go, &c, 1) != 1)
		die("go");
	usleep(f->start_after * 1e6);
}

static int send_body(void *arg)
{
	struct path_flow *f = arg;

	await_go(f);
	while (send(f->tx, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
		;
	die("%s: send", proto_name(f->proto));
}

static sig_atomic_t over;

static void time_is_over(int sig)
{
	(void)sig;
	over = 1;
}

struct report {
	unsigned long long bytes;
	double seconds;
};

static int recv_body(void *arg)
{
	/* Repeated, for a signal just before recv() does not end it. */
	struct itimerval t = { .it_interval.tv_usec = 1000 };
	struct sigaction act = { .sa_handler = time_is_over };
	struct path_flow *f = arg;
	struct report r = { 0 };
	double start;

	sigaction(SIGALRM, &act, NULL);
	t.it_value.tv_sec = f->limits->seconds;
	t.it_value.tv_usec = (f->limits->seconds - t.it_value.tv_sec) * 1e6;
	await_go(f);
	setitimer(ITIMER_REAL, &t, NULL);
	start = now_s();
	while (!over && r.bytes < f->limits->bytes) {
		unsigned long long left = f->limits->bytes - r.bytes;
		size_t len = left < sizeof(chunk) ? left : sizeof(chunk);
		ssize_t n = recv(f->rx, chunk, len, MSG_WAITALL);

		if (n > 0)
			r.bytes += n;
		else if (!over)
			die("%s: recv %zd", proto_name(f->proto), n);
	}
	r.seconds = now_s() - start;
	return write(f->report, &r, sizeof(r)) != sizeof(r);
}

/* End the flow at once, with nothing left on the link; returns its goodput. */
static double end_flow(struct path_flow *f)
{
	struct linger now = { .l_onoff = 1 };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	struct report r;

	if (read(f->report, &r, sizeof(r)) != sizeof(r))
		die("%s: no report", proto_name(f->proto));
	close(f->report);
	waitpid(f->receiver, NULL, 0);
	kill(f->sender, SIGKILL);
	waitpid(f->sender, NULL, 0);
	if (getsockopt(f->tx, SOL_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	f->retransmitted = info.tcpi_total_retrans;
	setsockopt(f->tx, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	setsockopt(f->rx, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(f->tx);
	close(f->rx);
	return r.bytes * 8 / 1e6 / r.seconds;
}

void path_run(struct path_flow *flows, int n, int rtt, const char *link,
	      const struct path_limits *limits, double *mbit)
{
	int go[2], i;

	set_link(rtt, link);
	for (i = 0; i < n; i++)
		connect_flow(&flows[i], limits->buffers);
	if (pipe(go))
		die("pipe");
	for (i = 0; i < n; i++) {
		struct path_flow *f = &flows[i];
		int report[2];

		if (pipe(report))
			die("pipe");
		f->limits = limits;
		f->go = go[0];
		f->report = report[1];
		f->sender = spawn(send_body, f);
		f->receiver = spawn(recv_body, f);
		close(report[1]);
		f->report = report[0];
	}
	spoil_link(rtt, link, limits->dice);
	for (i = 0; i < 2 * n; i++)
		if (write(go[1], "g", 1) != 1)
			die("go");
	for (i = 0; i < n; i++)
		mbit[i] = end_flow(&flows[i]);
	close(go[0]);
	close(go[1]);
}

bool path_knows(const char *link)
{
	struct losses l;

	return losses_of(link, &l);
}
