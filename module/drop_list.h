/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a segment is dropped: our name, that of its counter in
 * /proc/net/ferry_stat, and the kernel's reason that comes closest, without
 * SKB_DROP_REASON_.  For drop.h and drop.c: each makes of it what it needs.
 */
/* on the way in, before there is a socket */
FERRY_DROP(OTHER_HOST, "DropOtherHost", OTHERHOST),
FERRY_DROP(HEADER, "DropHeader", PKT_TOO_SMALL),
FERRY_DROP(CHECKSUM, "DropChecksum", TCP_CSUM),
FERRY_DROP(MAPPED, "DropMappedAddress", IP_INADDRERRORS),
FERRY_DROP(NO_SOCKET, "DropNoSocket", NO_SOCKET),
FERRY_DROP(POLICY, "DropPolicy", XFRM_POLICY),
FERRY_DROP(FILTER, "DropFilter", SOCKET_FILTER),
FERRY_DROP(BACKLOG, "DropBacklog", SOCKET_BACKLOG),
FERRY_DROP(CLOSED, "DropClosed", TCP_CLOSE),
/* listeners and half-open connections */
FERRY_DROP(LISTEN_RESET, "DropListenReset", TCP_RESET),
FERRY_DROP(LISTEN_ACK, "DropListenAck", TCP_FLAGS),
FERRY_DROP(LISTEN_FLAGS, "DropListenFlags", TCP_FLAGS),
FERRY_DROP(LISTEN_CLOSED, "DropListenClosed", TCP_CLOSE),
FERRY_DROP(LISTEN_OVERFLOW, "ListenOverflows", TCP_LISTEN_OVERFLOW),
FERRY_DROP(HALF_OPEN_FULL, "ReqQFullDrop", TCP_LISTEN_OVERFLOW),
FERRY_DROP(LISTEN_MEMORY, "DropListenMemory", NOMEM),
FERRY_DROP(ACCEPT_OVERFLOW, "AcceptOverflows", TCP_LISTEN_OVERFLOW),
FERRY_DROP(ACCEPT_MEMORY, "DropAcceptMemory", NOMEM),
FERRY_DROP(ACCEPT_RACE, "DropAcceptRace", NOT_SPECIFIED),
/* RFC 9293 section 3.10.7.3 and 3.10.7.4, in the order of the checks */
FERRY_DROP(SEQUENCE, "DropSequence", TCP_INVALID_SEQUENCE),
FERRY_DROP(RESET, "DropReset", TCP_RESET),
FERRY_DROP(SYN, "DropSyn", TCP_INVALID_SYN),
FERRY_DROP(FLAGS, "DropFlags", TCP_FLAGS),
FERRY_DROP(BAD_ACK, "DropBadAck", TCP_INVALID_ACK_SEQUENCE),
FERRY_DROP(OLD_ACK, "DropOldAck", TCP_TOO_OLD_ACK),
FERRY_DROP(ACK_UNSENT, "DropAckUnsent", TCP_ACK_UNSENT_DATA),
FERRY_DROP(AFTER_CLOSE, "DropAfterClose", TCP_CLOSE),
FERRY_DROP(OLD_DATA, "DropOldData", TCP_OLD_DATA),
FERRY_DROP(ZERO_WINDOW, "DropZeroWindow", TCP_ZEROWINDOW),
FERRY_DROP(OVER_WINDOW, "DropOverWindow", TCP_OVERWINDOW),
FERRY_DROP(MEMORY, "DropMemory", SOCKET_RCVBUFF),
FERRY_DROP(OFO_MEMORY, "DropOutOfOrderMemory", TCP_OFO_DROP),
FERRY_DROP(OFO_MERGED, "OutOfOrderMerged", TCP_OFOMERGE),
FERRY_DROP(OFO_PRUNED, "OutOfOrderPruned", TCP_OFO_QUEUE_PRUNE),
/* TIME_WAIT, and FIN_WAIT2 without a file descriptor */
FERRY_DROP(TIME_WAIT_RESET, "DropTimeWaitReset", TCP_RESET),
FERRY_DROP(TIME_WAIT, "DropTimeWait", TCP_INVALID_SEQUENCE),
/* on the way out */
FERRY_DROP(NO_ROUTE, "OutNoRoutes", IP_OUTNOROUTES),
