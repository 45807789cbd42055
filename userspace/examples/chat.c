// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A chat server: what one member says is told to all others.  Join with
 * "ferry cat HOST PORT".
 *
 * Members speak in lines, but the connection carries bytes: one recv() may bring
 * half a line or three of them, whatever pieces the member sent them in.  So
 * each member has a buffer in which its line grows until the newline has come; a
 * line that does not fit ends the connection, for a peer must not be able to
 * make us keep any amount of bytes.
 *
 * Nor must a member that does not read keep the others waiting.  What it does
 * not take at once is not kept for it: it has to leave.
 *
 *	chat [PORT [tcp]]
 */
#include <fcntl.h>
#include <ferry/ferry.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMBERS	64
#define LINE	512

/* Line 0 is the listener's; a member's number is that of its line. */
static struct pollfd table[MEMBERS];

static struct {
	size_t len;
	char line[LINE];
} heard[MEMBERS];

static void leave(int who)
{
	close(table[who].fd);
	table[who].fd = -1;
}

static void tell(int who, const char *text, int len)
{
	if (send(table[who].fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		leave(who);
}

static void tell_others(int from, const char *line, int len)
{
	char text[LINE + 16];
	int n = sprintf(text, "%d: %.*s", from, len, line);
	int i;

	for (i = 1; i < MEMBERS; i++)
		if (i != from && table[i].fd >= 0)
			tell(i, text, n);
}

static void join(int listener)
{
	int fd = ferry_accept(listener);
	char text[32];
	int i;

	if (fd < 0)
		return;
	for (i = 1; i < MEMBERS && table[i].fd >= 0; i++)
		;
	if (i == MEMBERS) {
		close(fd);
		return;
	}
	table[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	heard[i].len = 0;
	tell(i, text, sprintf(text, "you are %d\n", i));
}

static void hear(int who)
{
	char *line = heard[who].line, *end;
	size_t *len = &heard[who].len;
	ssize_t n;

	n = recv(table[who].fd, line + *len, LINE - *len, MSG_DONTWAIT);
	if (n <= 0) {
		leave(who);
		return;
	}
	*len += n;
	while ((end = memchr(line, '\n', *len))) {
		n = end + 1 - line;
		tell_others(who, line, n);
		*len -= n;
		memmove(line, end + 1, *len);
	}
	if (*len == LINE)
		leave(who);
}

int main(int argc, char **argv)
{
	int protocol = argc > 2 ? FERRY_PROTOCOL_TCP : FERRY_PROTOCOL_FERRY;
	int listener = ferry_listen_protocol(NULL, argc > 1 ? argv[1] : "7777",
					     16, protocol);
	int i;

	if (listener < 0) {
		perror("ferry_listen");
		return 1;
	}
	/* Who was about to connect may have gone before we accept. */
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (i = 1; i < MEMBERS; i++)
		table[i].fd = -1;
	table[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	while (poll(table, MEMBERS, -1) > 0) {
		for (i = 1; i < MEMBERS; i++)
			if (table[i].fd >= 0 && table[i].revents)
				hear(i);
		if (table[0].revents)
			join(listener);
	}
	perror("poll");
	return 1;
}
