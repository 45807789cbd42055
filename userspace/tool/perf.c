// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry perf: how fast a connection is, against a peer that runs the same.
 *
 *	stream	 bytes one way, as fast as they go
 *	rr	 request and response on one connection, one at a time
 *	crr	 a connection for each request and response
 *
 * A client says with the first bytes of a connection what it is for (struct
 * hello); the server serves each in a process of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ferry/ferry.h>
#include <getopt.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json.h"
#include "tool.h"

#define SIZE_MAX_BYTES	1048576
#define SAMPLES_MAX	1048576

static const char usage[] =
	"Usage: ferry perf --server [OPTION]... PORT\n"
	"       ferry perf [OPTION]... HOST PORT\n"
	"\n"
	"Measure a connection to HOST, where a server runs.\n"
	"\n"
	"  -s, --server               serve, until interrupted\n"
	"  -m, --mode stream|rr|crr   bytes one way (default), requests and responses,\n"
	"                             or connections with one of them each\n"
	"  -t, --time SECONDS         how long; default: 5\n"
	"  -n, --size BYTES           of a write, a request and a response; default:\n"
	"                             65536 for stream, else 64\n"
	"  -p, --protocol ferry|tcp   default: ferry\n"
	"  -c, --congestion NAME      an algorithm; default: the kernel's\n"
	"  -j, --json                 the result as JSON\n"
	"  -h, --help                 this\n";

enum mode { STREAM, RR, CRR };

static const char *const mode_names[] = { "stream", "rr", "crr" };

struct hello {
	char magic[8];
	__be32 mode;
	__be32 size;
};

static const char magic[8] = "ferryprf";

struct perf {
	enum mode mode;
	double seconds;
	long size;
	bool server, json;
	struct options common;
	char buf[SIZE_MAX_BYTES];
};

/* The server's half of one connection. */
static int serve(struct perf *p, int fd)
{
	struct hello hello;
	ssize_t n;

	if (ferry_read_exactly(fd, &hello, sizeof(hello)) != sizeof(hello) ||
	    memcmp(hello.magic, magic, sizeof(magic)))
		return 1;
	if (ntohl(hello.mode) == STREAM) {
		do {
			n = recv(fd, p->buf, sizeof(p->buf), 0);
		} while (n > 0 || (n < 0 && errno == EINTR));
		return n < 0;
	}
	p->size = ntohl(hello.size);
	if (p->size < 1 || p->size > SIZE_MAX_BYTES)
		return 1;
	while ((n = ferry_read_exactly(fd, p->buf, p->size)) == p->size)
		if (ferry_write_all(fd, p->buf, p->size))
			return 1;
	return n != 0;
}

static int serve_all(struct perf *p, const char *port)
{
	int l = ferry_listen_protocol(NULL, port, 1024, p->common.protocol);
	int fd;

	if (l < 0)
		return complain("listen at port %s", port);
	/* Nobody asks how the processes end. */
	signal(SIGCHLD, SIG_IGN);
	fprintf(stderr, "listening at port %d\n", ferry_local_port(l));
	while ((fd = ferry_accept(l)) >= 0) {
		switch (fork()) {
		case 0:
			close(l);
			_exit(serve(p, fd));
		case -1:
			complain("fork");
		}
		close(fd);
	}
	return complain("accept");
}

static int open_one(const struct perf *p)
{
	const struct options *o = &p->common;
	const struct hello hello = {
		.magic = "ferryprf",
		.mode = htonl(p->mode == STREAM ? STREAM : RR),
		.size = htonl(p->size),
	};
	int fd = ferry_connect_protocol(o->args[0], o->args[1], -1,
					o->protocol);
	int on = 1;

	if (fd < 0 || options_congestion(o, fd))
		return -1;
	/* A request goes at once, whatever is on its way. */
	if (p->mode != STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return ferry_write_all(fd, &hello, sizeof(hello)) ? -1 : fd;
}

static void report_transport(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	json_number("retransmits", info.tcpi_total_retrans);
	json_number("srtt_us", info.tcpi_rtt);
	json_number("cwnd", info.tcpi_snd_cwnd);
	json_number("mss", info.tcpi_snd_mss);
}

static int stream(struct perf *p)
{
	__u64 start = now_ns(), end = start + p->seconds * 1e9, bytes = 0;
	int fd = open_one(p);
	double seconds;

	if (fd < 0)
		return complain("connect");
	while (now_ns() < end) {
		if (ferry_write_all(fd, p->buf, p->size))
			return complain("send");
		bytes += p->size;
	}
	/* The peer closes when it has read the end. */
	if (shutdown(fd, SHUT_WR) || ferry_read_exactly(fd, p->buf, 1) < 0)
		return complain("waiting for the peer to finish");
	seconds = (now_ns() - start) / 1e9;
	if (!p->json) {
		printf("%llu bytes in %.3f s, %.2f Mbit/s\n",
		       (unsigned long long)bytes, seconds,
		       bytes * 8 / seconds / 1e6);
		return 0;
	}
	json_number("bytes", bytes);
	json_real("seconds", seconds, 6);
	json_real("mbit_per_s", bytes * 8 / seconds / 1e6, 3);
	report_transport(fd);
	return 0;
}

static int compare(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

static void report_times(const struct perf *p, __u32 *us, unsigned long n,
			 double seconds)
{
	unsigned long kept = n < SAMPLES_MAX ? n : SAMPLES_MAX;

	qsort(us, kept, sizeof(*us), compare);
	if (!p->json) {
		printf("%lu %s in %.3f s, %.1f/s; ", n,
		       p->mode == RR ? "round trips" : "connections",
		       seconds, n / seconds);
		printf("microseconds: least %u, median %u, 99 %% %u, most %u\n",
		       us[0], us[kept / 2],
		       us[kept * 99 / 100], us[kept - 1]);
		return;
	}
	json_number("count", n);
	json_real("seconds", seconds, 6);
	json_real("per_s", n / seconds, 1);
	json_number("min_us", us[0]);
	json_number("median_us", us[kept / 2]);
	json_number("p99_us", us[kept * 99 / 100]);
	json_number("max_us", us[kept - 1]);
}

static int one_trip(struct perf *p, int fd)
{
	if (ferry_write_all(fd, p->buf, p->size) ||
	    ferry_read_exactly(fd, p->buf, p->size) != p->size)
		return complain("request");
	return 0;
}

static int trips(struct perf *p)
{
	__u64 start = now_ns(), end = start + p->seconds * 1e9, at;
	static __u32 us[SAMPLES_MAX];
	unsigned long n = 0;
	int fd = -1;

	if (p->mode == RR) {
		fd = open_one(p);
		if (fd < 0)
			return complain("connect");
		start = now_ns();
	}
	do {
		at = now_ns();
		if (p->mode == CRR) {
			fd = open_one(p);
			if (fd < 0)
				return complain("connect");
		}
		if (one_trip(p, fd))
			return 1;
		if (p->mode == CRR)
			close(fd);
		/* After so many, the older half of a long run says enough. */
		us[n++ % SAMPLES_MAX] = (now_ns() - at) / 1000;
	} while (now_ns() < end);
	report_times(p, us, n, (now_ns() - start) / 1e9);
	if (p->json && p->mode == RR)
		report_transport(fd);
	return 0;
}

static int wrong_usage(const char *what, const char *arg)
{
	fprintf(stderr, "ferry: %s '%s'\n\n%s", what, arg, usage);
	return 2;
}

static int measure(struct perf *p)
{
	int err;

	if (!p->size)
		p->size = p->mode == STREAM ? 65536 : 64;
	if (p->json) {
		json_open(NULL, '{');
		json_text("protocol", protocol_name(p->common.protocol));
		json_text("mode", mode_names[p->mode]);
		json_number("size", p->size);
	}
	err = p->mode == STREAM ? stream(p) : trips(p);
	if (p->json) {
		json_close('}');
		json_end();
	}
	return err;
}

int perf_main(int argc, char **argv)
{
	static const struct option list[] = {
		{ "server", no_argument, NULL, 's' },
		{ "mode", required_argument, NULL, 'm' },
		{ "time", required_argument, NULL, 't' },
		{ "size", required_argument, NULL, 'n' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "congestion", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	static struct perf p;
	unsigned int i;
	char *end;
	int c;

	p.seconds = 5;
	p.common.protocol = FERRY_PROTOCOL_FERRY;
	while ((c = getopt_long(argc, argv, "sm:t:n:p:c:jh", list, NULL)) !=
	       -1) {
		switch (c) {
		case 's':
			p.server = true;
			break;
		case 'm':
			for (i = 0; i < ARRAY_SIZE(mode_names); i++)
				if (!strcmp(optarg, mode_names[i]))
					break;
			if (i == ARRAY_SIZE(mode_names))
				return wrong_usage("not a mode:", optarg);
			p.mode = i;
			break;
		case 't':
			p.seconds = strtod(optarg, &end);
			if (end == optarg || *end || !(p.seconds > 0))
				return wrong_usage("not a time:", optarg);
			break;
		case 'n':
			p.size = strtol(optarg, &end, 10);
			if (end == optarg || *end || p.size < 1 ||
			    p.size > SIZE_MAX_BYTES)
				return wrong_usage("not a size:", optarg);
			break;
		case 'p':
			p.common.protocol = protocol_number(optarg);
			if (p.common.protocol < 0)
				return wrong_usage("not a protocol:", optarg);
			break;
		case 'c':
			p.common.congestion = optarg;
			break;
		case 'j':
			p.json = true;
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			fprintf(stderr, "\n%s", usage);
			return 2;
		}
	}
	if (argc - optind != (p.server ? 1 : 2)) {
		fprintf(stderr, "ferry: %s\n\n%s", p.server ? "which port?" :
			"a host and a port", usage);
		return 2;
	}
	if (p.server)
		return serve_all(&p, argv[optind]);
	p.common.args[0] = argv[optind];
	p.common.args[1] = argv[optind + 1];
	return measure(&p);
}
