// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a scenario saw, line by line, of TCP and of Ferry; lib.h says what each
 * function is for.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib.h"

const char *errno_name(int err)
{
	const char *s = strerrorname_np(err);

	return !err ? "none" : s ? s : "unknown";
}

const char *poll_name(short mask)
{
	static const struct {
		short bit;
		const char *name;
	} names[] = {
		{ POLLIN, "IN" },	{ POLLPRI, "PRI" },
		{ POLLOUT, "OUT" },	{ POLLERR, "ERR" },
		{ POLLHUP, "HUP" },	{ POLLNVAL, "NVAL" },
		{ POLLRDNORM, "RDNORM" }, { POLLRDBAND, "RDBAND" },
		{ POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" },
		{ POLLRDHUP, "RDHUP" },
	};
	static char text[4][96];
	static unsigned int turn;
	char *s = text[turn++ % 4];
	unsigned int i;

	s[0] = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(mask & names[i].bit))
			continue;
		if (s[0])
			strcat(s, "|");
		strcat(s, names[i].name);
	}
	return s[0] ? s : "0";
}

void note(struct transcript *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	t->text = realloc(t->text, t->len + n + 1);
	if (!t->text)
		die("out of memory");
	memcpy(t->text + t->len, line, n);
	t->len += n;
	t->text[t->len] = 0;
}

void note_ret(struct transcript *t, const char *what, long long ret)
{
	if (ret < 0)
		note(t, "%s: %lld %s", what, ret, errno_name(errno));
	else
		note(t, "%s: %lld", what, ret);
}

void note_poll(struct transcript *t, const char *what, int fd, short awaited)
{
	struct pollfd p = {
		.fd = fd,
		.events = EVERY_EVENT | POLLRDNORM | POLLRDBAND | POLLWRNORM |
			  POLLWRBAND,
	};

	wait_for_all(fd, awaited, SOON_MS);
	if (poll(&p, 1, 0) < 0)
		die("poll");
	note(t, "poll %s: %s", what, poll_name(p.revents));
}

void note_so_error(struct transcript *t, int fd)
{
	note(t, "SO_ERROR: %s", errno_name(get_int(fd, SOL_SOCKET, SO_ERROR)));
}

void note_opens(struct transcript *t, int fd, const struct addr *at)
{
	set_nonblocking(fd, true);
	note_ret(t, "connect", connect(fd, &at->sa, at->len));
	note_poll(t, "opens", fd, POLLOUT);
	note_so_error(t, fd);
}

static const char *line_at(const char *text, char *line, size_t size)
{
	const char *end = strchrnul(text, '\n');
	size_t n = end - text;

	if (n >= size)
		n = size - 1;
	memcpy(line, text, n);
	line[n] = 0;
	return *end ? end + 1 : end;
}

bool same_transcript(const struct transcript *tcp,
		     const struct transcript *ferry)
{
	const char *a = tcp->text ? tcp->text : "";
	const char *b = ferry->text ? ferry->text : "";
	char was[512];
	char is[512];

	if (!strcmp(a, b))
		return true;
	fprintf(stderr, "# TCP and Ferry differ:\n");
	while (*a || *b) {
		a = line_at(a, was, sizeof(was));
		b = line_at(b, is, sizeof(is));
		if (!strcmp(was, is))
			fprintf(stderr, "#   both   %s\n", was);
		else
			fprintf(stderr, "#   TCP    %s\n#   Ferry  %s\n", was,
				is);
	}
	return false;
}

bool same_play(scenario run_it, const char *fact)
{
	struct transcript log[2] = { 0 };

	run_it(&log[0], IPPROTO_TCP);
	run_it(&log[1], ferry());
	if (!strstr(log[0].text, fact)) {
		printf("# TCP does not say '%s':\n%s\n", fact, log[0].text);
		return false;
	}
	return same_transcript(&log[0], &log[1]);
}
