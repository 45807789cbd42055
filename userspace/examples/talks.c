// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Many talks at once, at either end.
 *
 * A client's talk connects, waits until all the others are connected, sends a
 * line, waits until it comes back, and closes when all has arrived.  A server's
 * sends back each line until the peer ends.  Whatever a talk waits for, it says
 * so to the loop, and is stepped when that has come.
 */
#include "talks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TIMEOUT_MS	60000
#define LIMIT		100	/* of a line */
#define DIALS		200	/* at once: a dial takes three descriptors */

/* What it does is told by which of its objects there is. */
struct talk {
	struct ferry_dial *dial;
	struct ferry_stream *stream;
	struct ferry_ending *ending;
	int listener;
	bool asked;
};

static const char *host, *port;
static int protocol = FERRY_PROTOCOL_FERRY;
static bool serving;
static struct talk *talks;	/* a client's */
static unsigned int wanted, begun, connected, answered, over, failed;
static long long since;

static void fail(const char *what)
{
	if (!failed++)
		perror(what);
}

/* Up to so many connect at once, so that no more are begun than there may be. */
static void begin_some(void)
{
	static bool busy;

	/* One that fails at once calls this again. */
	if (busy)
		return;
	busy = true;
	while (begun < wanted && begun < connected + failed + DIALS) {
		struct talk *t = &talks[begun++];

		t->dial = ferry_dial_new(host, port, TIMEOUT_MS, protocol);
		if (!t->dial) {
			perror("ferry_dial_new");
			exit(1);
		}
		talk_step(t);
	}
	busy = false;
}

static void everybody_speaks(void)
{
	unsigned int i;

	printf("%u connected in %lld ms\n", connected, ferry_now() - since);
	for (i = 0; i < wanted; i++)
		if (talks[i].stream)
			talk_step(&talks[i]);
}

static void step_dial(struct talk *t)
{
	struct ferry_wants wants;
	int fd = ferry_dial_step(t->dial);

	if (fd < 0 && errno == EINPROGRESS) {
		ferry_dial_wants(t->dial, &wants);
		watch(t, &wants);
		return;
	}
	if (fd < 0)
		fail("connecting");
	ferry_dial_free(t->dial);
	t->dial = NULL;
	if (fd >= 0) {
		t->stream = ferry_stream_open(fd, LIMIT);
		connected++;
	}
	if (connected + failed == wanted)
		everybody_speaks();
	else
		begin_some();
}

static void step_ending(struct talk *t)
{
	struct ferry_wants wants;

	if (ferry_ending_step(t->ending)) {
		if (errno == EINPROGRESS) {
			ferry_ending_wants(t->ending, &wants);
			watch(t, &wants);
			return;
		}
		fail("closing");
	}
	ferry_ending_free(t->ending);
	t->ending = NULL;
	over++;
	if (serving)
		free(t);
}

static void end(struct talk *t)
{
	t->ending = ferry_ending_new(ferry_stream_release(t->stream),
				     TIMEOUT_MS);
	t->stream = NULL;
	step_ending(t);
}

static void step_stream(struct talk *t)
{
	struct ferry_wants wants;
	const char *line;
	size_t len;
	int ret;

	if (!serving && !t->asked) {
		ferry_stream_put_line(t->stream, "hello", 5);
		t->asked = true;
	}
	while ((ret = ferry_stream_get_line(t->stream, &line, &len)) == 1) {
		if (!serving) {
			answered++;
			break;
		}
		if (ferry_stream_put_line(t->stream, line, len))
			break;		/* it does not read what it asked for */
	}
	if (ret < 0 && errno == EAGAIN) {
		ferry_stream_wants(t->stream, &wants);
		watch(t, &wants);
	} else {
		end(t);
	}
}

static void step_listener(struct talk *t)
{
	struct ferry_wants wants = {
		.fd = t->listener, .events = POLLIN, .deadline = -1,
	};
	int fd;

	while ((fd = ferry_accept(t->listener)) >= 0) {
		struct talk *new = calloc(1, sizeof(*new));

		fcntl(fd, F_SETFL, O_NONBLOCK);
		new->stream = ferry_stream_open(fd, LIMIT);
		talk_step(new);
	}
	watch(t, &wants);
}

void talk_step(struct talk *t)
{
	if (t->dial)
		step_dial(t);
	else if (t->stream)
		step_stream(t);
	else if (t->ending)
		step_ending(t);
	else
		step_listener(t);
}

static void serve(void)
{
	struct talk *t = calloc(1, sizeof(*t));

	serving = true;
	t->listener = ferry_listen_protocol(NULL, port, 4096, protocol);
	if (t->listener < 0) {
		perror("ferry_listen");
		exit(1);
	}
	fcntl(t->listener, F_SETFL, O_NONBLOCK);
	talk_step(t);
}

void talks_begin(int argc, char **argv)
{
	struct rlimit files;

	if (argc > 1 && !strcmp(argv[1], "tcp")) {
		protocol = FERRY_PROTOCOL_TCP;
		argc--;
		argv++;
	}
	/* As many descriptors as there may be. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	port = argc > 2 ? argv[2] : argv[1];
	since = ferry_now();
	if (argc == 2) {
		serve();
	} else if (argc == 4) {
		host = argv[1];
		wanted = strtoul(argv[3], NULL, 0);
		talks = calloc(wanted, sizeof(*talks));
		begin_some();
	} else {
		fputs("usage: [tcp] PORT | [tcp] HOST PORT NUMBER\n", stderr);
		exit(2);
	}
}

int talks_end(void)
{
	printf("%u answered in %lld ms\n", answered, ferry_now() - since);
	free(talks);
	return failed || answered != wanted;
}
