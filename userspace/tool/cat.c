// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry cat: a connection's two ends are standard input and output, as netcat
 * does it.
 *
 * Each direction is a buffer of its own: what was read from one side waits until
 * the other takes it, and nobody waits for anything else.  Where input ends, the
 * connection is shut down in that direction, and the other one goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

static const char usage[] =
	"Usage: ferry cat [OPTION]... HOST PORT\n"
	"       ferry cat --listen [OPTION]... PORT\n"
	"\n"
	"Connect to HOST, or wait for a peer, and send it standard input while what\n"
	"it sends goes to standard output. Ends when both directions have ended.\n"
	"\n"
	"  -l, --listen               wait for a peer at PORT\n"
	"  -p, --protocol ferry|tcp   default: ferry\n"
	"  -t, --timeout SECONDS      for connecting; default: the kernel's\n"
	"  -b, --bind ADDRESS         listen there alone; default: everywhere\n"
	"  -c, --congestion NAME      an algorithm; default: the kernel's\n"
	"  -j, --json                 print the counts as JSON on stderr\n"
	"  -h, --help                 this\n";

struct flow {
	int from, to;
	bool socket;		/* @to is the connection */
	bool ended;		/* nothing more to read */
	bool done;		/* nor to write */
	size_t at, len;		/* what waits in the buffer */
	unsigned long long bytes;
	char buf[1 << 16];
};

/* Not what was asked for, but to be asked for again. */
static bool later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static int finish(struct flow *f)
{
	f->done = true;
	/* The peer may have gone already; it has all then. */
	if (f->socket && shutdown(f->to, SHUT_WR) && errno != ENOTCONN)
		return -1;
	return 0;
}

static int fill(struct flow *f)
{
	ssize_t n = read(f->from, f->buf, sizeof(f->buf));

	if (n < 0)
		return later() ? 0 : -1;
	f->at = 0;
	f->len = n;
	f->ended = !n;
	return n ? 0 : finish(f);
}

static int drain(struct flow *f)
{
	ssize_t n = f->socket ?
		    send(f->to, f->buf + f->at, f->len, MSG_NOSIGNAL) :
		    write(f->to, f->buf + f->at, f->len);

	if (n < 0)
		return later() ? 0 : -1;
	f->at += n;
	f->len -= n;
	f->bytes += n;
	return 0;
}

static int carry(struct flow *out, struct flow *in)
{
	struct flow *flows[] = { out, in };

	while (!out->done || !in->done) {
		struct pollfd p[2];
		unsigned int i;

		for (i = 0; i < 2; i++) {
			struct flow *f = flows[i];

			p[i].fd = f->done ? -1 : f->len ? f->to : f->from;
			p[i].events = f->len ? POLLOUT : POLLIN;
			p[i].revents = 0;
		}
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return complain("poll");
		for (i = 0; i < 2; i++) {
			struct flow *f = flows[i];

			if (!p[i].revents)
				continue;
			if (f->len ? drain(f) : fill(f))
				return complain(f->socket == !!f->len ?
						"send" : "receive");
		}
		/* Nobody is left to read what we might still be told. */
		if (in->done && isatty(out->from))
			break;
	}
	return 0;
}

int cat_main(int argc, char **argv)
{
	static struct flow out, in;
	struct options o;
	int fd, listener, err;

	options_read(&o, argc, argv, 1, 2, usage);
	if (o.listen) {
		if (o.nargs != 1) {
			fprintf(stderr, "ferry: one port to listen at\n\n%s",
				usage);
			return 2;
		}
		listener = ferry_listen_protocol(o.bind, o.args[0], 1,
						 o.protocol);
		if (listener < 0)
			return complain("listen at port %s", o.args[0]);
		fprintf(stderr, "listening at port %d\n",
			ferry_local_port(listener));
		fd = ferry_accept(listener);
		if (fd < 0)
			return complain("accept");
		close(listener);
	} else {
		if (o.nargs != 2) {
			fprintf(stderr, "ferry: a host and a port\n\n%s",
				usage);
			return 2;
		}
		fd = ferry_connect_protocol(o.args[0], o.args[1], o.timeout_ms,
					    o.protocol);
		if (fd < 0)
			return complain("connect to %s port %s", o.args[0],
					o.args[1]);
	}
	if (options_congestion(&o, fd))
		return 1;
	/* Room that poll() has seen is not room for all of a buffer. */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	out = (struct flow){ .from = STDIN_FILENO, .to = fd, .socket = true };
	in = (struct flow){ .from = fd, .to = STDOUT_FILENO };
	err = carry(&out, &in);
	if (o.json)
		fprintf(stderr,
			"{\"protocol\":\"%s\",\"sent\":%llu,\"received\":%llu}\n",
			protocol_name(o.protocol), out.bytes, in.bytes);
	return err;
}
