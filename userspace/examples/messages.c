// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A protocol of messages: a client asks, the server answers in capitals.
 *
 *	messages [tcp] PORT &
 *	messages [tcp] HOST PORT QUESTION...
 *
 * A protocol needs three things that a stream of bytes does not bring.
 *
 * Where a message ends: libferry sends its length before it, and takes none that
 * is longer than LIMIT, however much a peer announces.
 *
 * What a message means: a byte that says what it is, and a number by which an
 * answer finds its question.  Whatever else comes is an error of the peer's, and
 * ends its connection: who goes on after an error never knows where he is.
 *
 * Whether the peer lives: while nobody has anything to say, each end sends a
 * sign of life every EVERY_MS, and takes the other one for dead when nothing has
 * come for DEAD_MS.  Neither a peer without power nor a program that hangs is
 * noticed otherwise by those who wait for it.
 *
 * The server has many peers and waits for all of them in poll(); the client has
 * one, and simply waits.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PEERS		64
#define LIMIT		1000	/* bytes of a message */
#define EVERY_MS	300
#define DEAD_MS		3000
#define PATIENCE_MS	10000	/* to connect, and to take leave */

enum kind {
	QUESTION = 1,
	ANSWER = 2,
};

#define HEAD 5			/* kind, number; the text follows */

struct message {
	enum kind kind;
	uint32_t number;
	size_t len;
	const char *text;
};

static int put(struct ferry_stream *s, const struct message *m)
{
	unsigned char bytes[LIMIT] = {
		m->kind, m->number >> 24, m->number >> 16, m->number >> 8,
		m->number,
	};

	if (m->len > LIMIT - HEAD) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(bytes + HEAD, m->text, m->len);
	return ferry_stream_put_message(s, bytes, HEAD + m->len);
}

/* As ferry_stream_get_message(); EPROTO for one that is not of this @kind. */
static int get(struct ferry_stream *s, enum kind kind, struct message *m)
{
	const unsigned char *bytes;
	const void *message;
	size_t len;
	int ret = ferry_stream_get_message(s, &message, &len);

	if (ret != 1)
		return ret;
	bytes = message;
	if (len < HEAD || bytes[0] != kind) {
		errno = EPROTO;
		return -1;
	}
	m->kind = kind;
	m->number = (uint32_t)bytes[1] << 24 | bytes[2] << 16 |
		    bytes[3] << 8 | bytes[4];
	m->text = (const char *)bytes + HEAD;
	m->len = len - HEAD;
	return 1;
}

static const char *reason(void)
{
	return errno == ETIMEDOUT ? "dead" : strerror(errno);
}

/* ------------------------------------------------------------------ */

static struct ferry_stream *peers[PEERS];

static void join(int listener)
{
	int fd = ferry_accept(listener);
	int i;

	for (i = 0; i < PEERS && peers[i]; i++)
		;
	if (fd < 0 || i == PEERS)
		goto out;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	peers[i] = ferry_stream_open(fd, LIMIT);
	if (!peers[i])
		goto out;
	ferry_stream_heartbeat(peers[i], EVERY_MS, DEAD_MS);
	return;
out:
	if (fd >= 0)
		close(fd);
}

static int answer(struct ferry_stream *s, struct message *m)
{
	char text[LIMIT];
	size_t i;

	for (i = 0; i < m->len; i++)
		text[i] = toupper((unsigned char)m->text[i]);
	m->kind = ANSWER;
	m->text = text;
	return put(s, m);
}

/* Take what has come.  Looking also sends: answers, and signs of life. */
static void hear(int who)
{
	struct ferry_stream *s = peers[who];
	struct message m;
	bool full = false;
	int ret;

	while (!full && (ret = get(s, QUESTION, &m)) == 1)
		full = answer(s, &m);	/* of who asks, and does not listen */
	if (!full && ret < 0 && errno == EAGAIN)
		return;
	if (full || ret < 0)
		printf("peer %d: %s\n", who, full ? "full" : reason());
	ferry_stream_close(s);
	peers[who] = NULL;
}

static int serve(const char *port, int protocol)
{
	int listener = ferry_listen_protocol(NULL, port, 16, protocol);
	struct pollfd table[PEERS + 1];
	struct ferry_wants wants;
	int i, left, timeout;

	if (listener < 0) {
		perror("ferry_listen");
		return 1;
	}
	fcntl(listener, F_SETFL, O_NONBLOCK);
	setvbuf(stdout, NULL, _IOLBF, 0);
	table[PEERS] = (struct pollfd){ .fd = listener, .events = POLLIN };
	do {
		for (i = 0; i < PEERS; i++)
			if (peers[i])
				hear(i);
		timeout = -1;
		for (i = 0; i < PEERS; i++) {
			table[i].fd = -1;
			if (!peers[i])
				continue;
			ferry_stream_wants(peers[i], &wants);
			table[i].fd = wants.fd;
			table[i].events = wants.events;
			left = ferry_timeout(&wants);
			if (left >= 0 && (timeout < 0 || left < timeout))
				timeout = left;
		}
		if (poll(table, PEERS + 1, timeout) > 0 && table[PEERS].revents)
			join(listener);
	} while (true);
}

/* ------------------------------------------------------------------ */

static int ask(const char *host, const char *port, int protocol, char **texts,
	       uint32_t number)
{
	int fd = ferry_connect_protocol(host, port, PATIENCE_MS, protocol);
	struct ferry_stream *s = fd < 0 ? NULL : ferry_stream_open(fd, LIMIT);
	struct message m;
	uint32_t i;
	int ret = 1;

	if (!s) {
		perror("ferry_connect");
		return 1;
	}
	ferry_stream_heartbeat(s, EVERY_MS, DEAD_MS);
	for (i = 0; i < number; i++) {
		m = (struct message){ QUESTION, i, strlen(texts[i]), texts[i] };
		if (put(s, &m)) {
			perror(texts[i]);
			ferry_stream_close(s);
			return 1;
		}
	}
	for (i = 0; i < number && (ret = get(s, ANSWER, &m)) == 1; i++)
		printf("%s: %.*s\n", m.number < number ? texts[m.number] : "?",
		       (int)m.len, m.text);
	if (ret != 1) {
		fprintf(stderr, "the server: %s\n", ret ? reason() : "gone");
		ferry_stream_close(s);
		return 1;
	}
	if (ferry_stream_finish(s, PATIENCE_MS)) {
		perror("ferry_stream_finish");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int protocol = FERRY_PROTOCOL_FERRY;

	if (argc > 1 && !strcmp(argv[1], "tcp")) {
		protocol = FERRY_PROTOCOL_TCP;
		argc--;
		argv++;
	}
	if (argc == 2)
		return serve(argv[1], protocol);
	if (argc > 3)
		return ask(argv[1], argv[2], protocol, argv + 3, argc - 3);
	fputs("usage: messages [tcp] PORT | [tcp] HOST PORT QUESTION...\n",
	      stderr);
	return 2;
}
