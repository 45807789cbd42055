// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer made by hand; wire.h says what for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "wire.h"

#define HEADER 20

static void put16(__u8 *p, __u16 v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(__u8 *p, __u32 v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static __u16 get16(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

static __u32 get32(const __u8 *p)
{
	return (__u32)get16(p) << 16 | get16(p + 2);
}

static __u32 add_up(const __u8 *p, int len, __u32 sum)
{
	int i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (len & 1)
		sum += p[len - 1] << 8;
	return sum;
}

static __u16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static const void *ip_of(const struct addr *a)
{
	return a->sa.sa_family == AF_INET ? (void *)&a->v4.sin_addr :
					    (void *)&a->v6.sin6_addr;
}

/* The checksum over pseudo-header and segment; 0 if the one inside is right. */
static __u16 checksum(const struct wire *w, const __u8 *segment, int len)
{
	int ip_len = w->fam == V4 ? 4 : 16;
	__u32 sum = w->proto + len;

	sum = add_up(ip_of(&w->ours), ip_len, sum);
	sum = add_up(ip_of(&w->peer), ip_len, sum);
	return fold(add_up(segment, len, sum));
}

static bool polled;

void wire_polled(void)
{
	polled = true;
}

/* Nothing is let go before its time; /sys of this namespace has the setting. */
static void hold_segments(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/sys", "sysfs", 0, NULL))
		die("mount /sys");
	write_file("/sys/class/net/wire/gro_flush_timeout", "20000000");
}

void wire_open(struct wire *w, enum family fam, int proto)
{
	own_namespace();
	wire_open_here(w, fam, proto);
}

void wire_open_here(struct wire *w, enum family fam, int proto)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	memset(w, 0, sizeof(*w));
	w->fam = fam;
	w->proto = proto;
	/* Small systems have no device nodes for modules not yet loaded. */
	if (access("/dev/net/tun", F_OK))
		run("modprobe tun");
	w->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (w->tun < 0)
		die("/dev/net/tun");
	strcpy(ifr.ifr_name, "wire");
	if (polled)
		ifr.ifr_flags |= IFF_NAPI;
	if (ioctl(w->tun, TUNSETIFF, &ifr))
		die("TUNSETIFF");
	/* Nothing but what the test is about: no router or group messages. */
	run_batch("ip", "link set wire addrgenmode none\n"
			"address add 192.0.2.1/24 dev wire\n"
			"address add 2001:db8::1/64 dev wire nodad\n"
			"link set wire up\n");
	if (polled)
		hold_segments();
	await_address("2001:db8::1");
	w->ours = addr_of(fam == V4 ? "192.0.2.1" : "2001:db8::1", 0);
	w->peer = addr_of(fam == V4 ? "192.0.2.2" : "2001:db8::2", 0);
}

void wire_close(struct wire *w)
{
	close(w->tun);
}

static int build(const struct wire *w, const struct segment *s, __u8 *p)
{
	int len = HEADER + s->options_len + s->len;

	memset(p, 0, HEADER);
	put16(p, s->from);
	put16(p + 2, s->to);
	put32(p + 4, s->seq);
	put32(p + 8, s->ack);
	p[12] = (s->data_offset ? s->data_offset :
				  (HEADER + s->options_len) / 4) << 4;
	p[13] = s->flags;
	put16(p + 14, s->window);
	put16(p + 18, s->urgent);
	memcpy(p + HEADER, s->options, s->options_len);
	memcpy(p + HEADER + s->options_len, s->data, s->len);
	len -= s->cut;
	if (len >= 18) {
		__u16 sum = checksum(w, p, len);

		put16(p + 16, s->bad_checksum ? sum ^ 0x0101 : sum);
	}
	return len;
}

/* An IPv4 header without options in front of @len bytes. */
static void put_ip4(__u8 *p, const void *from, const void *to, int proto,
		    int len)
{
	struct iphdr *ip = (struct iphdr *)p;

	memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = proto;
	ip->tot_len = htons(sizeof(*ip) + len);
	memcpy(&ip->saddr, from, 4);
	memcpy(&ip->daddr, to, 4);
	ip->check = htons(fold(add_up(p, sizeof(*ip), 0)));
}

static void put_ip6(__u8 *p, const void *from, const void *to, int proto,
		    int len)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)p;

	memset(ip, 0, sizeof(*ip));
	ip->ip6_vfc = 6 << 4;
	ip->ip6_hlim = 64;
	ip->ip6_nxt = proto;
	ip->ip6_plen = htons(len);
	memcpy(&ip->ip6_src, from, 16);
	memcpy(&ip->ip6_dst, to, 16);
}

void wire_send(struct wire *w, const struct segment *s)
{
	__u8 packet[2048];
	int len;

	memset(packet, 0, sizeof(packet));
	if (w->fam == V4) {
		struct iphdr *ip = (struct iphdr *)packet;

		len = sizeof(*ip) + build(w, s, packet + sizeof(*ip));
		memset(ip, 0, sizeof(*ip));
		ip->version = 4;
		ip->ihl = 5;
		ip->tos = s->tos;
		/* Those with one ID that may be fragmented are not merged. */
		ip->frag_off = htons(polled ? IP_DF : 0);
		ip->ttl = 64;
		ip->protocol = w->proto;
		ip->tot_len = htons(len);
		memcpy(&ip->saddr, ip_of(&w->peer), 4);
		memcpy(&ip->daddr, ip_of(&w->ours), 4);
		ip->check = htons(fold(add_up(packet, sizeof(*ip), 0)));
	} else {
		struct ip6_hdr *ip = (struct ip6_hdr *)packet;
		int payload = build(w, s, packet + sizeof(*ip));

		len = sizeof(*ip) + payload;
		memset(ip, 0, sizeof(*ip));
		ip->ip6_flow = htonl(6 << 28 | s->tos << 20);
		ip->ip6_hlim = 64;
		ip->ip6_nxt = w->proto;
		ip->ip6_plen = htons(payload);
		memcpy(&ip->ip6_src, ip_of(&w->peer), 16);
		memcpy(&ip->ip6_dst, ip_of(&w->ours), 16);
	}
	len += s->excess;
	if (write(w->tun, packet, len) != len)
		die("write to tun");
}

void wire_icmp(struct wire *w, __u8 type, __u8 code, __u32 info,
	       const struct segment *about)
{
	bool v4 = w->fam == V4;
	int ip_len = v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	const void *ours = ip_of(&w->ours), *peer = ip_of(&w->peer);
	void (*put_ip)(__u8 *p, const void *from, const void *to, int proto,
		       int len) = v4 ? put_ip4 : put_ip6;
	__u8 packet[128] = { 0 };
	__u8 *icmp = packet + ip_len, *inner = icmp + 8;
	__u8 *header = inner + ip_len;
	int len = 8 + ip_len + HEADER, proto = v4 ? 1 : 58;
	__u32 sum = 0;

	put_ip(packet, peer, ours, proto, len);
	icmp[0] = type;
	icmp[1] = code;
	put32(icmp + 4, info);
	put_ip(inner, ours, peer, w->proto, HEADER);
	put16(header, about->from);
	put16(header + 2, about->to);
	put32(header + 4, about->seq);
	header[12] = HEADER / 4 << 4;
	if (!v4)
		sum = add_up(ours, 16, add_up(peer, 16, len + proto));
	put16(icmp + 2, fold(add_up(icmp, len, sum)));
	if (write(w->tun, packet, ip_len + len) != ip_len + len)
		die("write to tun");
}

/* Where the segment begins in @packet, or NULL if it is something else. */
static const __u8 *find_segment(const struct wire *w, const __u8 *packet,
				int *len)
{
	if (w->fam == V4) {
		const struct iphdr *ip = (const struct iphdr *)packet;

		if (ip->version != 4 || ip->protocol != w->proto)
			return NULL;
		*len = ntohs(ip->tot_len) - ip->ihl * 4;
		return packet + ip->ihl * 4;
	}
	if (packet[0] >> 4 != 6 || packet[6] != w->proto)
		return NULL;
	*len = get16(packet + 4);
	return packet + sizeof(struct ip6_hdr);
}

bool wire_recv(struct wire *w, struct segment *s, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;
	__u8 packet[70000];
	const __u8 *p;
	int header, len;

	for (;;) {
		long long left = deadline - now_ms();
		ssize_t n = read(w->tun, packet, sizeof(packet));

		if (n < 0 && errno != EAGAIN)
			die("read from tun");
		if (n > 0) {
			p = find_segment(w, packet, &len);
			if (p)
				break;
			continue;
		}
		if (!wait_for(w->tun, POLLIN, left > 0 ? left : 0))
			return false;
	}
	if (checksum(w, p, len))
		die("%s sent a wrong checksum", proto_name(w->proto));
	header = (p[12] >> 4) * 4;
	if (header < HEADER || header > len)
		die("%s sent a header of %d bytes in a segment of %d",
		    proto_name(w->proto), header, len);
	memset(s, 0, sizeof(*s));
	s->tos = w->fam == V4 ? packet[1] : get16(packet) >> 4;
	s->from = get16(p);
	s->to = get16(p + 2);
	s->seq = get32(p + 4);
	s->ack = get32(p + 8);
	s->flags = p[13];
	s->window = get16(p + 14);
	s->urgent = get16(p + 18);
	s->options_len = header - HEADER;
	memcpy(s->options, p + HEADER, s->options_len);
	s->len = len - header;
	if (s->len > (int)sizeof(s->data))
		die("%s sent %d bytes in a segment", proto_name(w->proto),
		    s->len);
	memcpy(s->data, p + header, s->len);
	return true;
}

void wire_await(struct wire *w, struct segment *s)
{
	if (!wire_recv(w, s, SOON_MS))
		die("%s did not answer", proto_name(w->proto));
}

void add_option(struct segment *s, int kind, const void *data, int len)
{
	__u8 *p = s->options + s->options_len;

	p[0] = kind;
	p[1] = len + 2;
	if (len)
		memcpy(p + 2, data, len);
	s->options_len += len + 2;
	while (s->options_len % 4)
		s->options[s->options_len++] = 1;
}

void add_mss(struct segment *s, __u16 mss)
{
	__u8 v[2];

	put16(v, mss);
	add_option(s, 2, v, 2);
}

void add_window_scale(struct segment *s, __u8 shift)
{
	add_option(s, 3, &shift, 1);
}

void add_sack_permitted(struct segment *s)
{
	add_option(s, 4, NULL, 0);
}

void add_timestamp(struct segment *s, __u32 val, __u32 ecr)
{
	__u8 v[8];

	put32(v, val);
	put32(v + 4, ecr);
	add_option(s, 8, v, 8);
}

const __u8 *find_option(const struct segment *s, int kind, int *len)
{
	int i = 0;

	while (i + 1 < s->options_len && s->options[i]) {
		if (s->options[i] == 1) {
			i++;
			continue;
		}
		if (s->options[i + 1] < 2)
			break;
		if (s->options[i] == kind) {
			*len = s->options[i + 1] - 2;
			return s->options + i + 2;
		}
		i += s->options[i + 1];
	}
	return NULL;
}

__u32 number_at(const __u8 *p)
{
	return get32(p);
}

const char *flags_text(const struct segment *s)
{
	static const char * const names[] = {
		"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR",
	};
	static char text[4][64];
	static unsigned int turn;
	char *t = text[turn++ % 4];
	unsigned int i;

	t[0] = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(s->flags & 1 << i))
			continue;
		if (t[0])
			strcat(t, "|");
		strcat(t, names[i]);
	}
	return t[0] ? t : "none";
}

const char *options_text(const struct segment *s)
{
	static char text[256];
	int i = 0, n = 0;

	text[0] = 0;
	while (i < s->options_len) {
		const __u8 *o = s->options + i;

		if (o[0] == 0)
			break;
		if (o[0] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= s->options_len || o[1] < 2)
			return "broken";
		switch (o[0]) {
		case 2:
			n += sprintf(text + n, " mss %u", get16(o + 2));
			break;
		case 3:
			n += sprintf(text + n, " ws %u", o[2]);
			break;
		case 4:
			n += sprintf(text + n, " sackok");
			break;
		case 5:
			n += sprintf(text + n, " sack");
			break;
		case 8:
			n += sprintf(text + n, " ts");
			break;
		default:
			n += sprintf(text + n, " option %u", o[0]);
		}
		i += o[1];
	}
	return text[0] ? text + 1 : "no options";
}
