/* noop_milter: a milter that does nothing but be told everything. noop_milter CONN [silent]: it says "go on" at each step, as milters
 * do that know no better, or (silent) as seldom as the protocol allows, which is the least that a milter can cost. */
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdbool.h>
#include <stdio.h>

static bool is_silent; /* set before there are threads */
enum { NO_REPLY = SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH };
#define GO_ON (is_silent ? SMFIS_NOREPLY : SMFIS_CONTINUE)

static sfsistat on_connect(SMFICTX *c, char *n, _SOCK_ADDR *a) { return (void)c, (void)n, (void)a, SMFIS_CONTINUE; }
static sfsistat on_helo(SMFICTX *c, char *h) { return (void)c, (void)h, GO_ON; }
static sfsistat on_from(SMFICTX *c, char **v) { return (void)c, (void)v, GO_ON; }
static sfsistat on_rcpt(SMFICTX *c, char **v) { return (void)c, (void)v, SMFIS_CONTINUE; }
static sfsistat on_header(SMFICTX *c, char *n, char *v) { return (void)c, (void)n, (void)v, GO_ON; }
static sfsistat on_eoh(SMFICTX *c) { return (void)c, GO_ON; }
static sfsistat on_plain(SMFICTX *c) { return (void)c, SMFIS_CONTINUE; }
static sfsistat on_body(SMFICTX *c, unsigned char *p, size_t n) { return (void)c, (void)p, (void)n, SMFIS_CONTINUE; }

static sfsistat on_negotiate(SMFICTX *c, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3, unsigned long *o0,
                             unsigned long *o1, unsigned long *o2, unsigned long *o3)
{
    (void)c, (void)f0, (void)f2, (void)f3;
    *o0 = *o2 = *o3 = 0;
    *o1 = is_silent ? f1 & (NO_REPLY | SMFIP_NOUNKNOWN | SMFIP_NODATA) : 0;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct smfiDesc d = {
        .xxfi_name = (char *)"noop", .xxfi_version = SMFI_VERSION, .xxfi_connect = on_connect, .xxfi_helo = on_helo,
        .xxfi_envfrom = on_from, .xxfi_envrcpt = on_rcpt, .xxfi_header = on_header, .xxfi_eoh = on_eoh, .xxfi_body = on_body,
        .xxfi_eom = on_plain, .xxfi_abort = on_plain, .xxfi_close = on_plain, .xxfi_negotiate = on_negotiate,
    };
    is_silent = argc == 3;
    if (argc < 2 || smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(d) != MI_SUCCESS || smfi_main() != MI_SUCCESS)
        return fprintf(stderr, "usage: noop_milter inet:PORT@127.0.0.1 [silent]\n"), 1;
    return 0;
}
