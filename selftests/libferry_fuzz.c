// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing what a peer can do to a stream of libferry.
 *
 * An input says what kinds of frames are looked for, under which limit, and in
 * which pieces the rest of it comes.  Whatever it is, the frames that come out
 * of a stream, and how it ends, must be those that a simple reading of all
 * bytes at once finds.  Memory is the sanitizers' to watch.
 *
 * With clang this is for libFuzzer.  Otherwise it draws inputs itself:
 *
 *	libferry_fuzz [NUMBER [SEED]]
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD	5		/* bytes of the input that are not the peer's */
#define KINDS	4		/* frames after which the kinds come again */

enum kind { MESSAGE, LINE, UNTIL, BYTES };

static const char *const delimiters[] = { "\n", "\r\n", "--", "abab" };

struct plan {
	uint8_t kinds;		/* two bits for each frame */
	uint8_t limit;
	uint8_t size;		/* of bytes */
	const char *delimiter;
	uint8_t piece;
	const uint8_t *data;	/* what the peer sends */
	size_t len;
};

static enum kind kind_of(const struct plan *p, unsigned int frame)
{
	return p->kinds >> (frame % KINDS * 2) & 3;
}

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "libferry_fuzz: %s\n", what);
	abort();
}

/* What is found in the rest of the bytes: 1, 0 or an errno, negative. */
static int expect(const struct plan *p, enum kind kind, size_t *at,
		  const uint8_t **payload, size_t *len)
{
	const uint8_t *data = p->data + *at, *end;
	size_t left = p->len - *at;
	size_t size = kind == LINE ? 1 : strlen(p->delimiter);

	*payload = data;
	if (kind == BYTES) {
		*len = p->size;
		if (*len > p->limit)
			return -EMSGSIZE;
		if (left < *len)
			return left ? -EPROTO : 0;
		*at += *len;
		return 1;
	}
	if (kind == MESSAGE) {
		if (left < 4)
			return left ? -EPROTO : 0;
		*at += 4;
		*payload += 4;
		*len = (size_t)data[0] << 24 | data[1] << 16 | data[2] << 8 |
		       data[3];
		if (*len == 0xffffffff)
			return expect(p, kind, at, payload, len);
		if (*len > p->limit)
			return -EMSGSIZE;
		if (left - 4 < *len)
			return -EPROTO;
		*at += *len;
		return 1;
	}
	end = memmem(data, left, kind == LINE ? "\n" : p->delimiter, size);
	if (!end) {
		if (left >= p->limit + (kind == LINE ? 2 : size))
			return -EMSGSIZE;
		return left ? -EPROTO : 0;
	}
	*len = end - data;
	*at += *len + size;
	if (kind == LINE && *len && end[-1] == '\r')
		--*len;
	return *len > p->limit ? -EMSGSIZE : 1;
}

static int get(struct ferry_stream *s, const struct plan *p, enum kind kind,
	       const void **payload, size_t *len)
{
	const char *text;
	int ret;

	switch (kind) {
	case MESSAGE:
		return ferry_stream_get_message(s, payload, len);
	case BYTES:
		*len = p->size;
		return ferry_stream_get_bytes(s, payload, p->size);
	case LINE:
		ret = ferry_stream_get_line(s, &text, len);
		break;
	default:
		ret = ferry_stream_get_until(s, p->delimiter,
					     strlen(p->delimiter), &text, len);
	}
	if (ret == 1) {
		check(!text[*len], "no NUL follows");
		*payload = text;
	}
	return ret;
}

static void run(const struct plan *p)
{
	size_t at = 0, sent = 0, len, wanted_len;
	const uint8_t *wanted;
	struct ferry_stream *s;
	const void *payload;
	unsigned int frame;
	int fd[2], ret, end;

	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd),
	      "socketpair");
	s = ferry_stream_open(fd[0], p->limit);
	for (frame = 0; frame < 10000; frame++) {
		while ((ret = get(s, p, kind_of(p, frame), &payload,
				  &len)) < 0 && errno == EAGAIN) {
			size_t n = p->len - sent;

			if (!n) {
				shutdown(fd[1], SHUT_WR);
				continue;
			}
			if (n > 1u + p->piece)
				n = 1 + p->piece;
			check(send(fd[1], p->data + sent, n, 0) == (ssize_t)n,
			      "send");
			sent += n;
		}
		end = ret < 0 ? -errno : ret;
		ret = expect(p, kind_of(p, frame), &at, &wanted, &wanted_len);
		check(end == ret, "it ends in another way");
		if (ret != 1)
			break;
		check(len == wanted_len && !memcmp(payload, wanted, len),
		      "a frame is another one");
	}
	ferry_stream_close(s);
	close(fd[1]);
}

/* By the name that libFuzzer calls. */
int one_input(const uint8_t *data, size_t size)
	__asm__("LLVMFuzzerTestOneInput");

int one_input(const uint8_t *data, size_t size)
{
	if (size >= HEAD)
		run(&(struct plan){
			.kinds = data[0],
			.limit = data[1],
			.size = data[2],
			.delimiter = delimiters[data[3] & 3],
			.piece = data[4],
			.data = data + HEAD,
			.len = size - HEAD,
		});
	return 0;
}

#ifndef LIBFUZZER
/* Bytes that mean something, more often than others. */
static uint8_t draw(void)
{
	static const uint8_t known[] = { 0, 0, 0, 1, 2, 5, '\r', '\n', '-', 'a',
					 'b', 255 };
	long r = random();

	return r & 1 ? r >> 8 : known[(r >> 8) % sizeof(known)];
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, i;
	uint8_t input[HEAD + 300];

	srandom(argc > 2 ? strtoul(argv[2], NULL, 0) : 1);
	for (i = 0; i < n; i++) {
		size_t size = HEAD + random() % 300, at;
		/* The end of the memory is the end of the input. */
		uint8_t *exact = input + sizeof(input) - size;

		for (at = 0; at < size; at++)
			exact[at] = draw();
		/* Long frames, short pieces. */
		exact[1] >>= random() % 8;
		exact[2] >>= random() % 8;
		exact[4] >>= random() % 8;
		one_input(exact, size);
	}
	printf("libferry_fuzz: %lu inputs\n", n);
	return 0;
}
#endif
