/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the subcommands of ferry share.
 */
#ifndef FERRY_TOOL_H
#define FERRY_TOOL_H

#include <linux/types.h>
#include <stdbool.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

struct options {
	int protocol;
	bool json;
	bool progress;
	bool redraw;		/* also where there is no terminal */
	int timeout_ms;
	bool listen;		/* cat only */
	const char *bind;	/* local address */
	const char *congestion;	/* NULL: the kernel's choice */
	const char *args[3];	/* what is not an option */
	int nargs;
};

/*
 * Read the options of a subcommand, which takes @min to @max other arguments;
 * ends the program with @usage if it cannot.
 */
void options_read(struct options *o, int argc, char **argv, int min, int max,
		  const char *usage);

/* Give a connection the algorithm that was asked for; 1 if it cannot have it. */
int options_congestion(const struct options *o, int fd);

const char *protocol_name(int protocol);
/* -1 if there is none of this name. */
int protocol_number(const char *name);

/*
 * A line on stderr that shows how far a transfer has come: redrawn on a
 * terminal, a line for each tenth elsewhere.
 */
struct progress {
	const char *what;
	__u64 total;		/* 0: not known */
	__u64 start_ns;
	__u64 drawn_ns;
	int tenth;
	bool on;
	bool terminal;
};

void progress_start(struct progress *p, const struct options *o, __u64 total);
void progress_show(struct progress *p, __u64 done);
void progress_end(struct progress *p, __u64 done);

__u64 now_ns(void);

int send_main(int argc, char **argv);
int recv_main(int argc, char **argv);
int cat_main(int argc, char **argv);
int perf_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int ss_main(int argc, char **argv);
int bridge_main(int argc, char **argv);

/* Print "ferry: ..." with errno's text and return 1. */
int complain(const char *fmt, ...);

#endif /* FERRY_TOOL_H */
