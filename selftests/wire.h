/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A peer made by hand: segments written to and read from a tun device, so that
 * a test decides every bit that the kernel sees and sees every bit of the
 * answer.  No stack of this kernel owns the peer's address, so nobody else
 * answers, and nothing is lost or delayed.
 */
#ifndef FERRY_SELFTESTS_WIRE_H
#define FERRY_SELFTESTS_WIRE_H

#include <linux/types.h>
#include <stdbool.h>

#include "lib.h"

/* Flags, in the order of the header's bits. */
#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define URG 0x20
#define ECE 0x40
#define CWR 0x80

struct segment {
	__u16 from, to;		/* ports */
	__u32 seq, ack;
	__u8 flags;
	__u8 tos;		/* or traffic class; its low bits are ECN's */
	__u16 window;
	__u16 urgent;		/* the urgent pointer */
	__u8 options[40];
	int options_len;
	__u8 data[1500];
	int len;

	/* Lies to tell: */
	int data_offset;	/* in words, 0 for the truth */
	int cut;		/* bytes missing at the end of the packet */
	bool bad_checksum;
	int excess;		/* bytes behind the end that IP announced */
};

struct wire {
	int tun;
	int proto;
	enum family fam;
	struct addr ours;	/* the kernel's address */
	struct addr peer;	/* the address that the test plays */
};

/* In a namespace of our own, a device with ours on it and peer behind it. */
void wire_open(struct wire *w, enum family fam, int proto);
/* The same in the namespace where we are. */
void wire_open_here(struct wire *w, enum family fam, int proto);
void wire_close(struct wire *w);
/*
 * What is opened from here on is polled like a network card, and what comes
 * within the same clock tick may be merged (GRO).
 */
void wire_polled(void);

void wire_send(struct wire *w, const struct segment *s);
/*
 * Say, as the peer or a router in front of it would, that @about, of which only
 * the ports and the sequence number count, was not delivered.
 */
void wire_icmp(struct wire *w, __u8 type, __u8 code, __u32 info,
	       const struct segment *about);
/* The next segment from the kernel; false if none comes in time. */
bool wire_recv(struct wire *w, struct segment *s, int timeout_ms);
/* One must come. */
void wire_await(struct wire *w, struct segment *s);

/* Put an option at the end of those that @s has. */
void add_option(struct segment *s, int kind, const void *data, int len);
void add_mss(struct segment *s, __u16 mss);
void add_window_scale(struct segment *s, __u8 shift);
void add_sack_permitted(struct segment *s);
void add_timestamp(struct segment *s, __u32 val, __u32 ecr);
/* The data of an option, and its length at @len; NULL if it is not there. */
const __u8 *find_option(const struct segment *s, int kind, int *len);
__u32 number_at(const __u8 *p);

/* "SYN|ACK mss 1460 ws 7", without numbers that differ from run to run. */
const char *flags_text(const struct segment *s);
const char *options_text(const struct segment *s);

#endif /* FERRY_SELFTESTS_WIRE_H */
