// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry recv: wait for one peer and write what it sends to a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

static const char usage[] =
	"Usage: ferry recv [OPTION]... PORT [FILE]\n"
	"\n"
	"Wait for a peer, and write what it sends to FILE or standard output.\n"
	"With PORT 0 the kernel picks a port, which is printed on stderr.\n"
	"\n"
	"  -p, --protocol ferry|tcp   default: ferry\n"
	"  -b, --bind ADDRESS         listen there alone; default: everywhere\n"
	"  -j, --json                 print the result as JSON on stderr\n"
	"  -q, --quiet                no progress bar\n"
	"  -r, --redraw               redraw the bar although this is no terminal\n"
	"  -h, --help                 this\n";

static int write_file(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		buf += n;
		len -= n;
	}
	return 0;
}

int recv_main(int argc, char **argv)
{
	static char buf[1 << 18];
	struct progress progress;
	struct options o;
	__u64 start, done = 0;
	int listener, fd, out = STDOUT_FILENO;
	ssize_t n;

	options_read(&o, argc, argv, 1, 2, usage);
	listener = ferry_listen_protocol(o.bind, o.args[0], 1, o.protocol);
	if (listener < 0)
		return complain("listen at port %s", o.args[0]);
	/* Whoever waits for this line may connect once it is there. */
	if (o.progress)
		fprintf(stderr, "listening at port %d\n",
			ferry_local_port(listener));
	if (o.nargs > 1) {
		out = open(o.args[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			   0666);
		if (out < 0)
			return complain("%s", o.args[1]);
	}
	fd = ferry_accept(listener);
	if (fd < 0)
		return complain("accept");
	close(listener);

	progress_start(&progress, &o, 0);
	start = now_ns();
	while ((n = recv(fd, buf, sizeof(buf), 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain("receive after %llu bytes",
					(unsigned long long)done);
		if (write_file(out, buf, n))
			return complain("write");
		done += n;
		progress_show(&progress, done);
	}
	if (o.nargs > 1 && close(out))
		return complain("%s", o.args[1]);
	start = now_ns() - start;
	progress_end(&progress, done);
	if (o.json)
		fprintf(stderr,
			"{\"protocol\":\"%s\",\"bytes\":%llu,\"seconds\":%.6f}\n",
			protocol_name(o.protocol), (unsigned long long)done,
			start / 1e9);
	return 0;
}
