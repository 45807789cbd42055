// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From the words of a filter to the kernel's program.
 *
 * An instruction has two jumps, in bytes from itself: for true and for false.
 * A program that arrives exactly behind its end lets the socket pass; four bytes
 * further, it does not.  So a part of a program, too, is true at its end and
 * false four bytes behind it, and parts are put together thus:
 *
 *	A and B	 A's false jumps go behind B
 *	A or B	 a jump over B comes in between: A's true is that jump, A's
 *		 false is B
 *	not A	 a jump to false comes behind A: A's true is that jump
 */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "filter.h"
#include "tool.h"

#define WORDS_MAX 512

#define STATE(name) (1U << TCP_##name)

#define ALL_STATES ((STATE(CLOSING) << 1) - 2)
#define NOT_CONNECTED (STATE(LISTEN) | STATE(CLOSE))
#define NOT_SYNCHRONIZED (NOT_CONNECTED | STATE(SYN_SENT))

__u32 filter_states(const char *word)
{
	static const struct {
		const char *word;
		__u32 states;
	} words[] = {
		{ "established", STATE(ESTABLISHED) },
		{ "syn-sent", STATE(SYN_SENT) },
		{ "syn-recv", STATE(SYN_RECV) },
		{ "fin-wait-1", STATE(FIN_WAIT1) },
		{ "fin-wait-2", STATE(FIN_WAIT2) },
		{ "time-wait", STATE(TIME_WAIT) },
		{ "closed", STATE(CLOSE) },
		{ "close-wait", STATE(CLOSE_WAIT) },
		{ "last-ack", STATE(LAST_ACK) },
		{ "listening", STATE(LISTEN) },
		{ "closing", STATE(CLOSING) },
		{ "all", ALL_STATES },
		{ "connected", ALL_STATES & ~NOT_CONNECTED },
		{ "synchronized", ALL_STATES & ~NOT_SYNCHRONIZED },
		{ "bucket", STATE(SYN_RECV) | STATE(TIME_WAIT) },
		{ "big", ALL_STATES & ~(STATE(SYN_RECV) | STATE(TIME_WAIT)) },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i].word))
			return words[i].states;
	return 0;
}

struct compiler {
	char **at;		/* the next word */
	const char *wrong;
	struct filter *f;
};

/* Append @len bytes; false if the program gets too long. */
static bool emit(struct compiler *c, const void *code, unsigned int len)
{
	struct filter *f = c->f;

	if (f->len + len > sizeof(f->code)) {
		c->wrong = "it is too long";
		return false;
	}
	memcpy((char *)f->code + f->len, code, len);
	f->len += len;
	return true;
}

/* What is false in the part from @start to @end is to be so @by bytes later. */
static void move_false(struct compiler *c, unsigned int start,
		       unsigned int end, unsigned int by)
{
	unsigned int at = start;
	struct inet_diag_bc_op *op;

	while (at < end) {
		op = (void *)((char *)c->f->code + at);
		if (at + op->no == end + 4)
			op->no += by;
		at += op->yes;
	}
}

static bool emit_jump(struct compiler *c, unsigned int distance)
{
	const struct inet_diag_bc_op op = {
		.code = INET_DIAG_BC_JMP, .yes = 4, .no = distance,
	};

	return emit(c, &op, sizeof(op));
}

/* A bound of a port: the second instruction holds the number. */
static bool emit_port(struct compiler *c, int code, int port)
{
	const struct inet_diag_bc_op op[2] = {
		{ .code = code, .yes = 8, .no = 12 },
		{ .no = port },
	};

	return emit(c, op, sizeof(op));
}

/* Make room of @len bytes at @at, for what comes before. */
static bool insert_jump(struct compiler *c, unsigned int at,
			unsigned int distance)
{
	struct inet_diag_bc_op op = {
		.code = INET_DIAG_BC_JMP, .yes = 4, .no = distance,
	};
	char *code = (char *)c->f->code;
	unsigned int behind = c->f->len - at;

	if (!emit(c, &op, sizeof(op)))
		return false;
	memmove(code + at + sizeof(op), code + at, behind);
	memcpy(code + at, &op, sizeof(op));
	return true;
}

static bool negate(struct compiler *c)
{
	return emit_jump(c, 8);
}

static bool fail(struct compiler *c, const char *wrong)
{
	c->wrong = wrong ? wrong : "it ends too early";
	return false;
}

static bool read_port(const char *text, int *port)
{
	char *end;
	long value;

	if (*text == ':')
		text++;
	value = strtol(text, &end, 10);
	*port = value;
	return end != text && !*end && value >= 0 && value <= 65535;
}

/* dport OPERATOR PORT */
static bool compile_port(struct compiler *c, bool dest)
{
	static const struct {
		const char *sign, *word;
		int low, high;	/* of the range, from the port */
		bool negated;
	} operators[] = {
		{ "=", "eq", 0, 0, false }, { "==", "is", 0, 0, false },
		{ "!=", "ne", 0, 0, true }, { "<", "lt", -70000, -1, false },
		{ "<=", "le", -70000, 0, false }, { ">", "gt", 1, 70000, false },
		{ ">=", "ge", 0, 70000, false },
	};
	int port, low, high;
	unsigned int i, start;

	if (!*c->at)
		return fail(c, NULL);
	for (i = 0; i < ARRAY_SIZE(operators); i++)
		if (!strcmp(*c->at, operators[i].sign) ||
		    !strcmp(*c->at, operators[i].word))
			break;
	/* "dport :80" is short for "dport = :80". */
	if (i == ARRAY_SIZE(operators))
		i = 0;
	else
		c->at++;
	if (!*c->at || !read_port(*c->at, &port))
		return fail(c, *c->at);
	c->at++;
	low = port + operators[i].low;
	high = port + operators[i].high;
	if (low > 65535 || high < 0) {
		/* Nothing is: true, negated. */
		return emit_port(c, INET_DIAG_BC_S_GE, 0) && negate(c);
	}
	start = c->f->len;
	if (!emit_port(c, dest ? INET_DIAG_BC_D_GE : INET_DIAG_BC_S_GE,
		       low < 0 ? 0 : low))
		return false;
	move_false(c, start, c->f->len, 8);
	if (!emit_port(c, dest ? INET_DIAG_BC_D_LE : INET_DIAG_BC_S_LE,
		       high > 65535 ? 65535 : high))
		return false;
	return !operators[i].negated || negate(c);
}

/* Take ":PORT" off the end of an address; brackets may be around IPv6. */
static bool split_port(char *text, int *port)
{
	char *colon = strrchr(text, ':');
	char *bracket = strrchr(text, ']');

	*port = -1;
	if (bracket ? colon > bracket : colon && strchr(text, ':') == colon) {
		if (strcmp(colon, ":*") && !read_port(colon, port))
			return false;
		*colon = 0;
	}
	if (*text == '[' && bracket) {
		/* What follows the bracket is a prefix's length, or nothing. */
		memmove(bracket, bracket + 1, strlen(bracket + 1) + 1);
		memmove(text, text + 1, strlen(text));
	}
	return true;
}

/* dst ADDRESS[/LENGTH][:PORT] */
static bool compile_host(struct compiler *c, bool dest)
{
	struct {
		struct inet_diag_bc_op op;
		struct inet_diag_hostcond host;
		__u32 addr[4];
	} cond = {
		.op.code = dest ? INET_DIAG_BC_D_COND : INET_DIAG_BC_S_COND,
	};
	char text[128], *slash, *end;
	unsigned int len, addr_len = 0;
	int bits;

	if (!*c->at)
		return fail(c, NULL);
	snprintf(text, sizeof(text), "%s", *c->at);
	if (!split_port(text, &cond.host.port))
		return fail(c, *c->at);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = 0;
	if (inet_pton(AF_INET, text, cond.addr) == 1) {
		cond.host.family = AF_INET;
		addr_len = 4;
	} else if (inet_pton(AF_INET6, text, cond.addr) == 1) {
		cond.host.family = AF_INET6;
		addr_len = 16;
	} else if (strcmp(text, "*") && *text) {
		return fail(c, *c->at);
	}
	bits = addr_len * 8;
	if (slash) {
		bits = strtol(slash, &end, 10);
		if (end == slash || *end || bits < 0 ||
		    bits > (int)addr_len * 8)
			return fail(c, *c->at);
	}
	cond.host.prefix_len = bits;
	len = sizeof(cond.op) + sizeof(cond.host) + addr_len;
	cond.op.yes = len;
	cond.op.no = len + 4;
	c->at++;
	return emit(c, &cond, len);
}

static bool compile_or(struct compiler *c);

static bool compile_one(struct compiler *c)
{
	const char *word = *c->at;

	if (!word)
		return fail(c, NULL);
	c->at++;
	if (!strcmp(word, "not") || !strcmp(word, "!"))
		return compile_one(c) && negate(c);
	if (!strcmp(word, "(")) {
		if (!compile_or(c))
			return false;
		if (!*c->at || strcmp(*c->at, ")"))
			return fail(c, *c->at);
		c->at++;
		return true;
	}
	if (!strcmp(word, "dst") || !strcmp(word, "src"))
		return compile_host(c, *word == 'd');
	if (!strcmp(word, "dport") || !strcmp(word, "sport"))
		return compile_port(c, *word == 'd');
	return fail(c, word);
}

static bool more_to_and(struct compiler *c)
{
	if (!*c->at || !strcmp(*c->at, "or") || !strcmp(*c->at, "||") ||
	    !strcmp(*c->at, ")"))
		return false;
	if (!strcmp(*c->at, "and") || !strcmp(*c->at, "&&"))
		c->at++;
	return true;
}

static bool compile_and(struct compiler *c)
{
	unsigned int start = c->f->len, end;

	if (!compile_one(c))
		return false;
	while (more_to_and(c)) {
		end = c->f->len;
		if (!compile_one(c))
			return false;
		move_false(c, start, end, c->f->len - end);
	}
	return true;
}

static bool compile_or(struct compiler *c)
{
	unsigned int end;

	if (!compile_and(c))
		return false;
	while (*c->at && (!strcmp(*c->at, "or") || !strcmp(*c->at, "||"))) {
		c->at++;
		end = c->f->len;
		if (!compile_and(c) ||
		    !insert_jump(c, end, c->f->len - end + 4))
			return false;
	}
	return true;
}

/* A filter may come as one argument, and parentheses need no room around. */
static void split(char **argv, char **words, char *text, size_t size)
{
	unsigned int n = 0;
	char *at = text;
	const char *from;

	for (; *argv; argv++) {
		for (from = *argv; *from && at + 4 < text + size; from++) {
			if (*from == '(' || *from == ')')
				*at++ = ' ';
			*at++ = *from;
			if (*from == '(' || *from == ')')
				*at++ = ' ';
		}
		*at++ = ' ';
	}
	*at = 0;
	for (at = strtok(text, " "); at && n < WORDS_MAX; at = strtok(NULL, " "))
		words[n++] = at;
	words[n] = NULL;
}

int filter_compile(struct filter *f, char **argv, const char **wrong)
{
	static char text[8192], *words[WORDS_MAX + 1];
	struct compiler c = { .at = words, .f = f };

	f->len = 0;
	split(argv, words, text, sizeof(text));
	if (!*words)
		return 0;
	if (compile_or(&c) && !*c.at)
		return 0;
	*wrong = c.wrong ? c.wrong : *c.at;
	return -1;
}
