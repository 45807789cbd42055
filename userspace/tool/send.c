// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry send: a file or standard input to a peer.  It ends when the peer has
 * acknowledged the last byte and closed, so its time is the transfer's.
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

static const char usage[] =
	"Usage: ferry send [OPTION]... HOST PORT [FILE]\n"
	"\n"
	"Send FILE, or standard input, to HOST and wait until it has it all.\n"
	"\n"
	"  -p, --protocol ferry|tcp   default: ferry\n"
	"  -t, --timeout SECONDS      for connecting; default: the kernel's\n"
	"  -c, --congestion NAME      an algorithm; default: the kernel's\n"
	"  -j, --json                 print the result as JSON\n"
	"  -q, --quiet                no progress bar\n"
	"  -r, --redraw               redraw the bar although this is no terminal\n"
	"  -h, --help                 this\n";

static void report(const struct options *o, __u64 bytes, __u64 ns,
		   const struct tcp_info *info)
{
	double seconds = ns / 1e9;
	double mbit = ns ? bytes * 8000.0 / ns : 0;

	if (!o->json) {
		printf("%llu bytes in %.3f s, %.2f Mbit/s, ",
		       (unsigned long long)bytes, seconds, mbit);
		printf("%u segments sent again, round trip %.3f ms\n",
		       info->tcpi_total_retrans, info->tcpi_rtt / 1e3);
		return;
	}
	printf("{\"protocol\":\"%s\",\"bytes\":%llu,",
	       protocol_name(o->protocol), (unsigned long long)bytes);
	printf("\"seconds\":%.6f,\"mbit_per_s\":%.3f,", seconds, mbit);
	printf("\"retransmits\":%u,\"srtt_us\":%u,\"cwnd\":%u,\"mss\":%u}\n",
	       info->tcpi_total_retrans, info->tcpi_rtt, info->tcpi_snd_cwnd,
	       info->tcpi_snd_mss);
}

int send_main(int argc, char **argv)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	static char buf[1 << 18];
	struct progress progress;
	struct options o;
	struct stat st = { 0 };
	__u64 start, done = 0;
	int fd, in = STDIN_FILENO;
	ssize_t n;

	options_read(&o, argc, argv, 2, 3, usage);
	if (o.nargs > 2) {
		in = open(o.args[2], O_RDONLY | O_CLOEXEC);
		if (in < 0)
			return complain("%s", o.args[2]);
	}
	if (fstat(in, &st))
		return complain("fstat");
	fd = ferry_connect_protocol(o.args[0], o.args[1], o.timeout_ms,
				    o.protocol);
	if (fd < 0)
		return complain("connect to %s port %s", o.args[0], o.args[1]);

	if (options_congestion(&o, fd))
		return 1;

	progress_start(&progress, &o, S_ISREG(st.st_mode) ? st.st_size : 0);
	start = now_ns();
	while ((n = read(in, buf, sizeof(buf))) != 0) {
		ssize_t at = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain("read");
		/* In pieces, so that the bar moves on a slow link. */
		while (at < n) {
			ssize_t part = n - at < 16384 ? n - at : 16384;

			if (ferry_write_all(fd, buf + at, part))
				return complain("send after %llu bytes",
						(unsigned long long)done);
			at += part;
			done += part;
			progress_show(&progress, done);
		}
	}
	if (shutdown(fd, SHUT_WR))
		return complain("shutdown");
	/* The peer closes when it has read the end. */
	n = ferry_read_exactly(fd, buf, 1);
	if (n < 0)
		return complain("waiting for the peer to finish");
	start = now_ns() - start;
	progress_end(&progress, done);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return complain("TCP_INFO");
	report(&o, done, start, &info);
	return 0;
}
