// SPDX-License-Identifier: GPL-2.0-only
/*
 * What selftests/bench-wan runs in the guest: transfers over long, thin and bad
 * links, one line of results for each.
 *
 *	wan flow|fair SECONDS MEGABYTES BUFFERS RTTS LINKS ALGORITHMS PROTOCOLS
 *
 * "flow" is one connection at a time, which ends after so many seconds, or
 * megabytes if they come first; "fair" is two at once over a link without
 * losses, for the whole time.  The last four are lists, separated by commas.
 *
 * The path, made once, has four hosts:
 *
 *	sender -- card -- router -- receiver
 *
 * The card does what a network card does: packets of up to 64 KB enter and
 * frames leave.  The sender keeps its large packets, and its queue is not the
 * bottleneck's, so neither GSO nor the small-queue limit differs from what a
 * real host sees; and every loss takes one frame, whoever sent it.  The router
 * has the bottleneck: a rate, a propagation delay, and a tail-drop queue of one
 * bandwidth-delay product, in each direction.
 *
 * Connections are made before the link turns bad: a lost SYN costs a second,
 * which says nothing about what is measured here.
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
#include <time.h>
#include <unistd.h>

#include "lib.h"

#define RATE_MBIT 100
#define FRAME 1514
#define CHUNK (256 << 10)
#define LIST_MAX 16

enum { SENDER, CARD, ROUTER, RECEIVER, PLACES };

static int place[PLACES];
static double seconds;
static unsigned long long bytes_max;
static int buffers;		/* bytes, 0 for what the kernel tunes */

static void enter(int which)
{
	if (setns(place[which], CLONE_NEWNET))
		die("setns to place %d", which);
}

/* Cut a list at its commas. */
static int split(char *list, char **words)
{
	char *save = NULL;
	char *word;
	int n = 0;

	for (word = strtok_r(list, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		if (n == LIST_MAX)
			die("more than %d in a list", LIST_MAX);
		words[n++] = word;
	}
	return n;
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
		run("ip link set %s address 02:00:00:00:%02x:%02x", dev, upper,
		    i + 1);
		run("ip address add 10.0.%d.%d/24 dev %s", upper, i + 1, dev);
		run("ip link set %s up", dev);
		run("ip neigh replace 10.0.%d.%d dev %s lladdr 02:00:00:00:%02x:%02x nud permanent",
		    upper, 2 - i, dev, upper, 2 - i);
		write_file("/proc/sys/net/ipv4/ip_forward", "1");
	}
}

static void make_path(void)
{
	int i;

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

/* Ferry's largest buffers like TCP's, where the module is loaded. */
static void allow_ferry_buffers(void)
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
 * The netem parameters of a kind of link; NULL if there is none of that name.
 * A burst takes four frames on average, and a hundredth of all.
 */
static const char *loss_of(const char *link)
{
	static char text[64];
	char *end;
	double percent;

	if (!strcmp(link, "burst"))
		return "loss gemodel 0.25% 25%";
	if (!strcmp(link, "reorder"))
		return "";
	percent = strtod(link, &end);
	if (end == link || *end || percent < 0 || percent > 100)
		return NULL;
	if (percent == 0)
		return "";
	snprintf(text, sizeof(text), "loss %s%%", link);
	return text;
}

/*
 * Give the router's link its character: rate and delay, and if @bad what makes
 * it bad.  On a link that reorders, one frame in twenty skips a tenth of the
 * round trip and overtakes what was sent in that time.
 */
static void set_link(int rtt_ms, const char *link, bool bad)
{
	int frames = RATE_MBIT * 125 * rtt_ms / FRAME;
	int delay_us = rtt_ms * 500, skip_us = rtt_ms * 100;
	bool reorder = !strcmp(link, "reorder");
	static const char * const devs[] = { "ahead", "back" };
	const char *file = "/tmp/tc";
	unsigned int i;
	FILE *f;

	f = fopen(file, "w");
	if (!f)
		die("%s", file);
	for (i = 0; i < ARRAY_SIZE(devs); i++) {
		/* netem counts what waits and what is on its way. */
		fprintf(f, "qdisc replace dev %s handle 1: root ", devs[i]);
		fprintf(f, "netem rate %dmbit delay %dus limit %d %s\n",
			RATE_MBIT, reorder ? delay_us - skip_us : delay_us,
			frames + frames / 2 + 16, bad ? loss_of(link) : "");
		if (!reorder)
			continue;
		fprintf(f, "qdisc replace dev %s parent 1:1 handle 2: ",
			devs[i]);
		fprintf(f, "netem delay %dus limit %d %s\n", skip_us, 2 * frames,
			bad ? "reorder 5%" : "");
	}
	fclose(f);
	enter(ROUTER);
	run("tc -batch %s", file);
}

static void clear_link(void)
{
	enter(ROUTER);
	run_status("tc qdisc del dev ahead root");
	run_status("tc qdisc del dev back root");
}

struct flow {
	int proto;
	const char *algorithm;
	int tx, rx;
	pid_t sender, receiver;
	int go, report;		/* ends of pipes */
	double start_after;	/* seconds */
	unsigned int retransmitted;
};

static int proto_number(const char *name)
{
	if (!strcmp(name, "ferry"))
		return ferry();
	if (!strcmp(name, "tcp"))
		return IPPROTO_TCP;
	die("no protocol '%s'", name);
}

/* Whether this kernel has the algorithm for the protocol. */
static bool available(const char *algorithm, int proto)
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

static void connect_flow(struct flow *f)
{
	struct addr at = addr_of("10.0.2.2", 0);
	int l;

	enter(RECEIVER);
	l = listen_at(&at, f->proto, 1);
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
static void await_go(const struct flow *f)
{
	char c;

	if (read(f->go, &c, 1) != 1)
		die("go");
	usleep(f->start_after * 1e6);
}

static int send_body(void *arg)
{
	struct flow *f = arg;

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

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
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
	struct flow *f = arg;
	struct report r = { 0 };
	double start;

	sigaction(SIGALRM, &act, NULL);
	t.it_value.tv_sec = seconds;
	t.it_value.tv_usec = (seconds - (int)seconds) * 1e6;
	await_go(f);
	setitimer(ITIMER_REAL, &t, NULL);
	start = now();
	while (!over && r.bytes < bytes_max) {
		unsigned long long left = bytes_max - r.bytes;
		size_t len = left < sizeof(chunk) ? left : sizeof(chunk);
		ssize_t n = recv(f->rx, chunk, len, MSG_WAITALL);

		if (n > 0)
			r.bytes += n;
		else if (!over)
			die("%s: recv %zd", proto_name(f->proto), n);
	}
	r.seconds = now() - start;
	return write(f->report, &r, sizeof(r)) != sizeof(r);
}

/* End the flow at once, with nothing left on the link; returns its goodput. */
static double end_flow(struct flow *f)
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

static void run_flows(struct flow *flows, int n, int rtt, const char *link,
		      double *mbit)
{
	int go[2], i;

	set_link(rtt, link, false);
	for (i = 0; i < n; i++)
		connect_flow(&flows[i]);
	if (pipe(go))
		die("pipe");
	for (i = 0; i < n; i++) {
		struct flow *f = &flows[i];
		int report[2];

		if (pipe(report))
			die("pipe");
		f->go = go[0];
		f->report = report[1];
		f->sender = spawn(send_body, f);
		f->receiver = spawn(recv_body, f);
		close(report[1]);
		f->report = report[0];
	}
	set_link(rtt, link, true);
	for (i = 0; i < 2 * n; i++)
		if (write(go[1], "g", 1) != 1)
			die("go");
	for (i = 0; i < n; i++)
		mbit[i] = end_flow(&flows[i]);
	close(go[0]);
	close(go[1]);
	clear_link();
}

static void one_flow(int rtt, const char *link, const char *algorithm,
		     const char *protocol)
{
	struct flow f = {
		.proto = proto_number(protocol), .algorithm = algorithm,
	};
	double mbit;

	run_flows(&f, 1, rtt, link, &mbit);
	printf("flow %d %s %s %s %.6f %u\n", rtt, link, algorithm, protocol,
	       mbit, f.retransmitted);
	fflush(stdout);
}

/* They start within one round trip, in an order that the seed decides. */
static void two_flows(int rtt, const char *algorithm, const char *first,
		      const char *second)
{
	struct flow f[2] = {
		{ .proto = proto_number(first), .algorithm = algorithm },
		{ .proto = proto_number(second), .algorithm = algorithm },
	};
	double mbit[2];
	__u16 random[2];
	int i;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		die("getrandom");
	for (i = 0; i < 2; i++)
		f[i].start_after = rtt / 1000.0 * random[i] / 65536;
	run_flows(f, 2, rtt, "0", mbit);
	printf("fair %d %s %s+%s %.6f %.6f\n", rtt, algorithm, first, second,
	       mbit[0], mbit[1]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char *rtts[LIST_MAX], *links[LIST_MAX], *algorithms[LIST_MAX];
	char *protocols[LIST_MAX];
	int n_rtts, n_links, n_algorithms, n_protocols, r, l, a, p, q;
	bool fair;

	if (argc != 9)
		die("usage: see the top of wan.c");
	fair = !strcmp(argv[1], "fair");
	seconds = atof(argv[2]);
	bytes_max = fair ? ~0ULL : strtoull(argv[3], NULL, 0) << 20;
	buffers = atoi(argv[4]);
	n_rtts = split(argv[5], rtts);
	n_links = split(argv[6], links);
	n_algorithms = split(argv[7], algorithms);
	n_protocols = split(argv[8], protocols);
	for (l = 0; l < n_links; l++)
		if (!loss_of(links[l]))
			die("no kind of link is called '%s'", links[l]);
	make_path();
	allow_ferry_buffers();
	for (a = 0; a < n_algorithms; a++) {
		for (p = 0; p < n_protocols; p++) {
			if (available(algorithms[a],
				      proto_number(protocols[p])))
				continue;
			printf("missing %s %s\n", algorithms[a], protocols[p]);
			break;
		}
		if (p < n_protocols)
			continue;
		for (r = 0; r < n_rtts; r++) {
			for (p = 0; p < n_protocols; p++) {
				for (q = p; fair && q < n_protocols; q++)
					two_flows(atoi(rtts[r]), algorithms[a],
						  protocols[p], protocols[q]);
				for (l = 0; !fair && l < n_links; l++)
					one_flow(atoi(rtts[r]), links[l],
						 algorithms[a], protocols[p]);
			}
		}
	}
	return 0;
}
