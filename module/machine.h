/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state machine of RFC 9293 section 3.10: which event leads from which
 * state to which, what is sent, and what the application is told.
 * Pure: no sockets, no clock.
 */
#ifndef _FERRY_MACHINE_H
#define _FERRY_MACHINE_H

#include <linux/types.h>
#include <net/tcp_states.h>

/* Numbers of states: TCP_ESTABLISHED ... TCP_NEW_SYN_RECV, 0 is none. */
#define FERRY_STATES		(TCP_NEW_SYN_RECV + 1)

/**
 * enum ferry_event - what can happen to a connection
 * @FERRY_CALL_CONNECT: connect()
 * @FERRY_CALL_LISTEN: listen()
 * @FERRY_CALL_CLOSE: close(), or shutdown() of the sending side
 * @FERRY_CALL_ABORT: connect(AF_UNSPEC), close() with a linger time of zero
 * @FERRY_CALL_ABORT_LOSSY: the same, or close(), and data is thrown away: some
 *	that came was not read, or some that was written was not sent
 * @FERRY_SEG_OUTSIDE: no part of the segment is in the window, or PAWS says
 *	that it is old; in TIME_WAIT whatever deserves an ACK
 * @FERRY_SEG_OUTSIDE_RST: the same, and it is a RST
 * @FERRY_SEG_RST: a RST that has the one right number (RFC 5961 section 3.2)
 * @FERRY_SEG_RST_BLIND: a RST in the window with any other number
 * @FERRY_SEG_SYN: a SYN
 * @FERRY_SEG_SYN_AGAIN: the SYN that opened the connection, once more
 * @FERRY_SEG_SYN_NEW: a SYN that is newer than all that the connection in
 *	TIME_WAIT ever had
 * @FERRY_SEG_SYN_ACK: a SYN that acknowledges ours
 * @FERRY_SEG_FLAGS: the control bits mean nothing in this state
 * @FERRY_SEG_ACK_BAD: acknowledges what was never sent
 * @FERRY_SEG_ACK_OLD: acknowledges what is so old that it may be forged
 *	(RFC 5961 section 5.2)
 * @FERRY_SEG_ACK: an acceptable segment that calls for nothing special
 * @FERRY_SEG_ACK_SYN: acknowledges our SYN
 * @FERRY_SEG_ACK_FIN: acknowledges our FIN
 * @FERRY_SEG_DATA_LATE: brings data that nobody is left to read
 * @FERRY_SEG_FIN: the peer's FIN, in order; in TIME_WAIT once more
 * @FERRY_TIMEOUT: the state has lasted too long, or the peer is silent
 * @FERRY_ICMP: an ICMP error about a segment that is in flight
 * @FERRY_EVENTS: their number
 *
 * One segment can be several events, one after the other: the ACK of our FIN
 * and the peer's FIN, for instance.
 */
enum ferry_event {
	FERRY_CALL_CONNECT,
	FERRY_CALL_LISTEN,
	FERRY_CALL_CLOSE,
	FERRY_CALL_ABORT,
	FERRY_CALL_ABORT_LOSSY,
	FERRY_SEG_OUTSIDE,
	FERRY_SEG_OUTSIDE_RST,
	FERRY_SEG_RST,
	FERRY_SEG_RST_BLIND,
	FERRY_SEG_SYN,
	FERRY_SEG_SYN_AGAIN,
	FERRY_SEG_SYN_NEW,
	FERRY_SEG_SYN_ACK,
	FERRY_SEG_FLAGS,
	FERRY_SEG_ACK_BAD,
	FERRY_SEG_ACK_OLD,
	FERRY_SEG_ACK,
	FERRY_SEG_ACK_SYN,
	FERRY_SEG_ACK_FIN,
	FERRY_SEG_DATA_LATE,
	FERRY_SEG_FIN,
	FERRY_TIMEOUT,
	FERRY_ICMP,
	FERRY_EVENTS,
};

/**
 * enum ferry_send - what is sent because of an event
 * @FERRY_SEND_NOTHING: nothing
 * @FERRY_SEND_SYN: <SEQ=ISS><CTL=SYN>
 * @FERRY_SEND_SYN_ACK: <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>
 * @FERRY_SEND_ACK: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
 * @FERRY_SEND_ACK_DELAYED: the same, but the next data or our FIN may carry it
 * @FERRY_SEND_ACK_LIMITED: the same at once, but not too often for one
 *	connection: two ends that disagree must not answer each other for ever
 * @FERRY_SEND_CHALLENGE: the same, and not too often for a namespace either
 *	(RFC 5961 section 7)
 * @FERRY_SEND_FIN: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=FIN,ACK>, after all data
 * @FERRY_SEND_RST: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>
 * @FERRY_SEND_RST_BACK: <SEQ=SEG.ACK><CTL=RST> if the segment has an ACK, else
 *	<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
 */
enum ferry_send {
	FERRY_SEND_NOTHING,
	FERRY_SEND_SYN,
	FERRY_SEND_SYN_ACK,
	FERRY_SEND_ACK,
	FERRY_SEND_ACK_DELAYED,
	FERRY_SEND_ACK_LIMITED,
	FERRY_SEND_CHALLENGE,
	FERRY_SEND_FIN,
	FERRY_SEND_RST,
	FERRY_SEND_RST_BACK,
};

/**
 * struct ferry_step - the effect of an event
 * @next: the state after it
 * @reply: one of &enum ferry_send
 * @err: errno for the application, 0 if there is nothing to tell
 */
struct ferry_step {
	u8 next;
	u8 reply;
	u8 err;
};

/**
 * struct ferry_seg - a segment, as far as the state machine looks at it
 * @seq: SEG.SEQ
 * @end_seq: SEG.SEQ + SEG.LEN
 * @ack: SEG.ACK
 * @flags: control bits
 * @ts: its timestamp against TS.Recent, see ferry_ts_compare(); 0 if there is
 *	none, or if PAWS has been done already
 */
struct ferry_seg {
	u32 seq;
	u32 end_seq;
	u32 ack;
	u8 flags;
	s8 ts;
};

/**
 * struct ferry_expected - what a connection expects
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @max_window: the largest window that the peer ever announced, or all that
 *	it has acknowledged if that is less
 * @rcv_wup: RCV.NXT when the window was last announced
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND, measured from @rcv_nxt
 * @strict: a mini socket, which can make no use of the header of a segment
 *	that only repeats what has been acknowledged
 *
 * In SYN_SENT only @snd_una and @snd_nxt mean something, in CLOSE and LISTEN
 * nothing does.
 */
struct ferry_expected {
	u32 snd_una;
	u32 snd_nxt;
	u32 max_window;
	u32 rcv_wup;
	u32 rcv_nxt;
	u32 rcv_wnd;
	bool strict;
};

struct ferry_step ferry_machine(int state, enum ferry_event event);
struct ferry_seg ferry_reset_for(const struct ferry_seg *seg);
enum ferry_event ferry_classify(int state, const struct ferry_seg *seg,
				const struct ferry_expected *x);

#endif /* _FERRY_MACHINE_H */
