#include "serve/nets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/error.h"

struct net {
    uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct nets {
    bool unix_sockets;
    size_t n;
    struct net net[];
};

static void mapped(const void *v4, uint8_t out[16])
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(out, prefix, 12);
    memcpy(out + 12, v4, 4);
}

/* Reads an address of either family; *most_out: how many bits its family has. */
static bool address_read(struct span s, uint8_t out[16], unsigned *most_out)
{
    char text[PEER_TEXT];
    struct in_addr v4;
    struct in6_addr v6;
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        mapped(&v4, out);
        *most_out = 32;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    memcpy(out, &v6, 16);
    *most_out = 128;
    return true;
}

static bool net_read(struct span s, struct net *out)
{
    unsigned most, bits = 0;
    ptrdiff_t slash = span_chr(s, '/');
    struct span tail = slash < 0 ? SPAN_NONE : span_sub(s, (size_t)slash + 1, s.n);
    if (!address_read(slash < 0 ? s : span_sub(s, 0, (size_t)slash), out->addr, &most))
        return false;
    if (slash >= 0 && (tail.n == 0 || tail.n > 3))
        return false;
    for (size_t i = 0; i < tail.n; i++) {
        if (!ascii_is_digit(tail.p[i]))
            return false;
        bits = bits * 10 + (unsigned)(tail.p[i] - '0');
    }
    if (bits > most)
        return false;
    out->bits = (slash < 0 ? most : bits) + (128 - most);
    return true;
}

int nets_new(const char *const *list, size_t n, const char *what, struct nets **out, struct report *why)
{
    struct nets *all = calloc(1, sizeof *all + n * sizeof *all->net);
    *out = NULL;
    if (!all)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", what);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], "unix") == 0)
            all->unix_sockets = true;
        else if (net_read(span_str(list[i]), &all->net[all->n]))
            all->n++;
        else {
            free(all);
            return report_set(why, POSSE_ESYNTAX, "%s: \"%s\" is no network; write 192.0.2.0/24, 2001:db8::/32, an address, or unix",
                              what, list[i]);
        }
    }
    *out = all;
    return POSSE_OK;
}

void nets_free(struct nets **n)
{
    free(*n);
    *n = NULL;
}

static bool net_has(const struct net *net, const uint8_t addr[16])
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    return memcmp(net->addr, addr, whole) == 0 && (!rest || !((net->addr[whole] ^ addr[whole]) >> (8 - rest)));
}

bool nets_has(const struct nets *n, const struct sockaddr *peer)
{
    uint8_t addr[16];
    if (peer->sa_family == AF_UNIX)
        return n->unix_sockets;
    if (peer->sa_family == AF_INET)
        mapped(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, addr);
    else if (peer->sa_family == AF_INET6)
        memcpy(addr, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
    else
        return false;
    for (size_t i = 0; i < n->n; i++)
        if (net_has(&n->net[i], addr))
            return true;
    return false;
}

void peer_text(const struct sockaddr *peer, char out[PEER_TEXT])
{
    out[0] = '\0';
    if (peer->sa_family == AF_UNIX) {
        memcpy(out, "unix", 5);
    } else if (peer->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, out, PEER_TEXT);
    } else if (peer->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(a))
            inet_ntop(AF_INET, (const uint8_t *)a + 12, out, PEER_TEXT);
        else
            inet_ntop(AF_INET6, a, out, PEER_TEXT);
    }
}

void peer_group(const struct sockaddr *peer, char out[PEER_TEXT])
{
    struct sockaddr_in6 net;
    if (peer->sa_family == AF_INET6) {
        net = *(const struct sockaddr_in6 *)(const void *)peer;
        if (!IN6_IS_ADDR_V4MAPPED(&net.sin6_addr))
            memset(net.sin6_addr.s6_addr + 8, 0, 8);
        peer = (const struct sockaddr *)&net;
    }
    peer_text(peer, out);
}

/* Without what mail servers write around an address. */
static struct span address_bare(struct span s)
{
    s = span_trim(s);
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = span_sub(s, 1, s.n - 1);
    if (span_istarts(s, SPAN_LIT("IPv6:")))
        s = span_sub(s, 5, s.n);
    ptrdiff_t zone = span_chr(s, '%');
    return zone < 0 ? s : span_sub(s, 0, (size_t)zone);
}

bool address_is_text(struct span s)
{
    uint8_t addr[16];
    unsigned most;
    return address_read(address_bare(s), addr, &most);
}

bool address_is_loopback(struct span s)
{
    static const uint8_t one[16] = {[15] = 1};
    static const uint8_t v4[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    uint8_t addr[16];
    unsigned most;
    return address_read(address_bare(s), addr, &most) && (memcmp(addr, one, 16) == 0 || memcmp(addr, v4, 13) == 0);
}
