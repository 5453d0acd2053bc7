/* posse case: its verbs, each a command of its own with the options that it takes. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_case.h"
#include "cli/cli_watch.h"

enum { OPT_BY = 400, OPT_SUBJECT, OPT_ID, OPT_NAME, OPT_MEDIA, OPT_SOURCE, OPT_SEEN, OPT_WHAT, OPT_REDACTS, OPT_KEY, OPT_HEAD, OPT_TOKEN, OPT_CA,
       OPT_REQUEST, OPT_TO, OPT_CAMPAIGN, OPT_BOTNET, OPT_TRACE, OPT_CONTROLLER, OPT_INFECTED, OPT_CASE_AS, OPT_SAMPLES, OPT_CASE_SVG, OPT_CASE_UNTIL,
       OPT_NEW_KEY };

struct case_verb {
    struct cli_command cmd; /* first: what the table of commands points to */
    int (*run)(struct case_request *q, int argc, char **argv);
};

static void who_am_i(struct case_request *q)
{
    const struct passwd *p = getpwuid(getuid());
    snprintf(q->by_name, sizeof q->by_name, "%s", q->by ? q->by : p ? p->pw_name : "unknown");
    q->writer = (struct case_writer){.by = q->by_name, .tool = "posse " POSSE_VERSION, .now = case_now};
}

/* As it was typed, for the log: what is longer than a line of it is cut. */
static void keep_command(struct case_request *q, int argc, char **argv)
{
    size_t at = (size_t)snprintf(q->command, sizeof q->command, "posse case");
    for (int i = 0; i < argc && at < sizeof q->command; i++)
        at += (size_t)snprintf(q->command + at, sizeof q->command - at, strpbrk(argv[i], " \t\n\"") ? " '%s'" : " %s", argv[i]);
}

/* What is to be gathered. */
static int case_find_option(struct case_request *q, int key)
{
    const char **list = key == OPT_CAMPAIGN ? q->campaign : key == OPT_BOTNET ? q->botnet : key == OPT_TRACE ? q->trace : NULL;
    size_t *n = key == OPT_CAMPAIGN ? &q->n_campaigns : key == OPT_BOTNET ? &q->n_botnets : &q->n_traces;
    int64_t *time = key == OPT_SINCE ? &q->since_ms : key == OPT_CASE_UNTIL ? &q->until_ms : NULL;
    if (list) {
        if (*n == CASE_WANTS)
            return cli_usage(q->cmd, "at most %d of one kind at once; add the others afterwards", CASE_WANTS);
        list[(*n)++] = optarg;
        return CLI_OK;
    }
    if (time)
        return cli_time(optarg, cli_now_ms(), time) ? CLI_OK
                                                     : cli_usage(q->cmd, "'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", optarg);
    switch (key) {
    case OPT_CONTROLLER: case OPT_INFECTED: q->only = optarg; return CLI_OK;
    case OPT_CASE_AS: q->as = optarg; return CLI_OK;
    case OPT_CASE_SVG: q->svg = optarg; return CLI_OK;
    case OPT_NEW_KEY: q->is_new_key = true; return CLI_OK;
    case OPT_SAMPLES:
        return cli_number(optarg, 0, 1000, &q->samples) ? CLI_OK : cli_usage(q->cmd, "--samples is a number up to 1000");
    default: return CLI_TROUBLE;
    }
}

/* False: not one of those that take a text as it is. */
static bool case_text_option(struct case_request *q, int key)
{
    switch (key) {
    case OPT_HOME: q->home = optarg; return true;
    case OPT_BY: q->by = optarg; return true;
    case OPT_SUBJECT: q->subject = optarg; return true;
    case OPT_ID: q->id = optarg; return true;
    case OPT_NAME: q->name = optarg; return true;
    case OPT_MEDIA: q->media = optarg; return true;
    case OPT_SOURCE: q->source = optarg; return true;
    case OPT_SEEN: q->seen = optarg; return true;
    case OPT_WHAT: q->what = optarg; return true;
    case OPT_REDACTS: q->redacts = optarg; return true;
    case OPT_KEY: q->key = optarg; return true;
    case OPT_HEAD: q->head = optarg; return true;
    case OPT_TOKEN: q->token = optarg; return true;
    case OPT_CA: q->ca = optarg; return true;
    case OPT_REQUEST: q->request = optarg; return true;
    case OPT_TO: q->to = optarg; return true;
    case OPT_MARKS: q->marks = optarg; return true;
    case OPT_PDF: q->is_pdf = true; return true;
    case OPT_RECIPIENTS: q->shows_recipients = true; return true;
    case OPT_JSON: q->is_json = true; return true;
    default: return false;
    }
}

/* Of any verb: argv[0] is its name. */
static int verb_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct case_request q = {.cmd = cmd, .subject = "", .source = "", .what = "", .only = "", .samples = UINT64_MAX};
    int key, first;
    keep_command(&q, argc, argv);
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (key == CLI_HELP || key == '?')
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        if (!case_text_option(&q, key) && !case_list_option(&q, key, optarg) && case_find_option(&q, key) != CLI_OK)
            return CLI_TROUBLE;
    }
    if (!cli_home(q.home, q.home_path, sizeof q.home_path))
        return cli_error("the path of the home is too long");
    who_am_i(&q);
    return ((const struct case_verb *)cmd)->run(&q, argc - first, argv + first);
}

/* ---- what each takes ---- */

#define CASE_ABOUT "CASE is an id, or the path of a case's folder."
#define CASE_OPTIONS                                                          \
    {OPT_BY, "by", "NAME", "who does this, for the log; without, the login name"}, \
    {OPT_JSON, "json", NULL, "one JSON object a line"},                       \
    {OPT_HOME, "home", "DIR", "where the cases are"},                         \
    {0, NULL, NULL, NULL}
#define CASE_GATHER                                                                                                          \
    {OPT_BOTNET, "botnet", "NAME", "a botnet that the observatory knows, with its campaigns and their kept messages"},       \
    {OPT_CAMPAIGN, "campaign", "ID", "one campaign, likewise"},                                                              \
    {OPT_TRACE, "trace", "FILE", "what 'posse trace --json' printed"},                                                       \
    {OPT_CONTROLLER, "controller", "IP|NAME", "of --trace only incidents with this controller"},                             \
    {OPT_INFECTED, "host", "IP", "of --trace only incidents with this host"},                                                \
    {OPT_CASE_AS, "as", "FILE", "autonomous systems, to say whose networks they are"},                                       \
    {OPT_SAMPLES, "samples", "N", "at most so many kept messages of each campaign (all)"},                                   \
    {OPT_SINCE, "since", "TIME", "figures from then on (all that is kept)"},                                                 \
    {OPT_CASE_UNTIL, "until", "TIME", "figures up to then"}
#define CASE_SAID_BY                                                \
    {OPT_ORG, "org", "NAME", "who says so"},                        \
    {OPT_CONTACT, "contact", "ADDRESS", "where that can be asked"}, \
    {OPT_AT, "at", "TIME", "as of then, not of now"}

static const struct cli_option plain_options[] = {CASE_OPTIONS};
static const struct cli_option open_options[] = {
    {OPT_SUBJECT, "subject", "TEXT", "what the case is about: a campaign, a botnet, a host"},
    {OPT_ID, "id", "ID", "its name on disk; without, made of day and title"},
    CASE_GATHER,
    CASE_OPTIONS,
};
static const struct cli_option add_options[] = {
    {OPT_NAME, "name", "TEXT", "what to call the exhibit; without, the file's name"},
    {OPT_MEDIA, "media", "TYPE", "its media type; without, by the file's name"},
    {OPT_SOURCE, "source", "TEXT", "where it came from"},
    {OPT_SEEN, "seen", "TIME", "when the source saw it"},
    {OPT_REDACTS, "redacts", "N", "it is a redacted copy of exhibit N"},
    {OPT_WHAT, "what", "TEXT", "what was taken out of a redacted copy"},
    CASE_GATHER,
    CASE_OPTIONS,
};
static const struct cli_option redact_options[] = {
    {OPT_WHAT, "what", "TEXT", "take this out too, wherever it stands"},
    CASE_OPTIONS,
};
static const struct cli_option watch_options[] = {
    {OPT_SINCE, "since", "TIME", "before: from then on"},
    {OPT_CASE_UNTIL, "until", "TIME", "after: look no further"},
    {OPT_CASE_SVG, "svg", "FILE", "draw what was sent before and after"},
    CASE_OPTIONS,
};
static const struct cli_option seal_options[] = {
    {OPT_NEW_KEY, "new-key", NULL, "the key that sealed this case is lost; go on with another, and say so in the log"},
    CASE_OPTIONS,
};
static const struct cli_option stamp_options[] = {
    {OPT_REQUEST, "request", "FILE", "write a request for a timestamp authority (RFC 3161)"},
    {OPT_TOKEN, "token", "FILE", "take its answer"},
    {OPT_CA, "ca", "FILE", "certificates (PEM) of the authorities that you trust"},
    CASE_OPTIONS,
};
static const struct cli_option verify_options[] = {
    {OPT_KEY, "key", "FINGERPRINT", "who must have sealed it, as you noted it elsewhere"},
    {OPT_HEAD, "head", "FILE", "a head that was held elsewhere"},
    {OPT_TOKEN, "token", "FILE", "an authority's answer that was held elsewhere"},
    {OPT_CA, "ca", "FILE", "certificates (PEM) of the authorities that you trust"},
    CASE_OPTIONS,
};
static const struct cli_option ledger_options[] = {
    {OPT_AT, "at", "TIME", "it was then, not now"},
    CASE_OPTIONS,
};
static const struct cli_option dossier_options[] = {
    {OPT_OUT, "out", "FILE", "where to write it; without, standard output"},
    {OPT_PDF, "pdf", NULL, "a PDF beside it, by WeasyPrint"},
    {OPT_MARKS, "marks", "FILE", "trademarks of your own, beside those that ship: name, other names, own domains, flags, logos; by tabs"},
    {OPT_RECIPIENTS, "recipients", NULL, "show recipients' addresses and infected machines; without, they are left out"},
    CASE_OPTIONS,
};
static const struct cli_option notices_options[] = {
    {OPT_OUT, "out", "DIR", "a folder to make"},
    {OPT_CONTACTS, "contacts", "FILE", "AS64500 or a network, a mail address, the firm's name; a line each"},
    {OPT_RECEIVERS, "receivers", "FILE", "an address, @domain, AS or *, then xarf, arf, text or all, then single or grouped"},
    {OPT_ALLOW, "allow", "FILE", "names and *.names of pages that nobody is told of; may be repeated"},
    CASE_SAID_BY,
    CASE_OPTIONS,
};
static const struct cli_option export_options[] = {
    {OPT_TO, "to", "DIR", "a folder to make"},
    {OPT_FORM + EXPORT_STIX, "stix", NULL, "a STIX 2.1 bundle"},
    {OPT_FORM + EXPORT_MISP, "misp", NULL, "a MISP event"},
    {OPT_FORM + EXPORT_CSV, "csv", NULL, "a table"},
    {OPT_FORM + EXPORT_RPZ, "rpz", NULL, "a response policy zone for resolvers"},
    {OPT_FORM + EXPORT_RBLDNSD, "rbldnsd", NULL, "zones for rbldnsd"},
    {OPT_FORM + EXPORT_NFT, "nft", NULL, "sets for nftables"},
    {OPT_FORM + EXPORT_POSTFIX, "postfix", NULL, "maps for Postfix"},
    {OPT_FORM + EXPORT_RSPAMD, "rspamd", NULL, "maps for rspamd"},
    {OPT_ALLOW, "allow", "FILE", "names, *.names, addresses and networks that must not be listed; may be repeated"},
    {OPT_DAYS, "days", "N", "how long after it was seen last an entry is good (30)"},
    {OPT_RESERVED, "reserved", NULL, "list private and documentation addresses too (rehearsals)"},
    CASE_SAID_BY,
    CASE_OPTIONS,
};

/* A verb: its name, what it does in a line, what it takes, what there is to say, its options. */
#define VERB(word, what, takes, text, list)                                                                                      \
    static const struct case_verb verb_##word = {                                                                                \
        {.name = "case " #word, .summary = what, .synopsis = takes, .about = text, .options = list, .run = verb_run}, case_##word##_run}

VERB(open, "begin a case", "TITLE [OPTION]...",
     "Begins a case, and prints its id. With --botnet, --campaign or --trace it begins with what was found: findings.json,\n"
     "from which dossier, notices and exports are made, and the kept messages, as exhibits.", open_options);
VERB(add, "add exhibits", "CASE FILE... [OPTION]...\n       posse case add CASE --botnet NAME | --campaign ID | --trace FILE",
     "Adds files, byte for byte, or what observatory and trace found since. " CASE_ABOUT, add_options);
VERB(note, "write something into the log", "CASE TEXT", "Writes a line into the case's log. " CASE_ABOUT, plain_options);
VERB(list, "list the cases", "", "Lists the cases of this home by their ids.", plain_options);
VERB(show, "tell what is in a case", "CASE", "Prints the log and the exhibits. " CASE_ABOUT, plain_options);
VERB(read, "write an exhibit to standard output", "CASE N",
     "Writes exhibit N as it was added; that it was read is written into the log. " CASE_ABOUT, plain_options);
VERB(redact, "make a copy without those to whom it was sent", "CASE N",
     "Adds a copy of exhibit N in which recipients cannot be told; the original stays as it is. " CASE_ABOUT, redact_options);
VERB(seal, "sign what stands now", "CASE [--new-key]",
     "Signs the log as it stands and prints the signed head: keep that elsewhere. Refuses to sign with another key than\n"
     "before, unless that one is lost. " CASE_ABOUT, seal_options);
VERB(key, "tell with what key this home signs", "", "Prints the key's fingerprint; the key is made on first use.", plain_options);
VERB(stamp, "have the newest head stamped", "CASE --request FILE | --token FILE [--ca FILE]",
     "Writes a request for a timestamp authority, or takes its answer; sends nothing. " CASE_ABOUT, stamp_options);
VERB(verify, "tell whether it is still what it was", "CASE [OPTION]...",
     "Reads the folder and nothing else, and names what was changed, removed, added or moved; says what is not proven.\n" CASE_ABOUT
     "\nExit status: 0 fine, 1 something was found, 2 trouble.", verify_options);
VERB(export, "write it out for others", "CASE --to DIR [OPTION]...",
     "Without a form: every exhibit as a file, to be verified elsewhere. With forms: what was found, for those who act on it.\n" CASE_ABOUT,
     export_options);
VERB(dossier, "make one page of it for its receiver", "CASE [--out FILE [--pdf]] [OPTION]...",
     "Writes a self-contained page of what is under the newest seal, without those to whom the messages were sent. " CASE_ABOUT, dossier_options);
VERB(notices, "prepare one notice a hosting firm", "CASE --out DIR --org NAME --contact ADDRESS [OPTION]...",
     "Writes, and never sends: XARF, ARF and text, and drafts in a Maildir, to whoever is told of abuse there. " CASE_ABOUT, notices_options);
VERB(sent, "record that a notice was sent", "CASE NOTICE [TEXT]", "Writes it into the ledger. " CASE_ABOUT, ledger_options);
VERB(answered, "record an answer", "CASE NOTICE TEXT", "Writes it into the ledger. " CASE_ABOUT, ledger_options);
VERB(outcome, "record what came of a notice", "CASE NOTICE TEXT", "Writes it into the ledger. " CASE_ABOUT, ledger_options);
VERB(ledger, "list notices, and what came of each", "CASE", "Lists what was recorded of notices. " CASE_ABOUT, plain_options);
VERB(action, "enter a day of action", "CASE TIME TEXT", "What was done against them, and when: watch measures from then on. " CASE_ABOUT,
     plain_options);
VERB(watch, "tell whether it stopped", "CASE [OPTION]...",
     "Compares what the observatory saw before the day of action with what it saw after. " CASE_ABOUT, watch_options);
VERB(close, "close it", "CASE TEXT", "Nothing more is taken until it is reopened. " CASE_ABOUT, plain_options);
VERB(reopen, "open it again", "CASE TEXT", "Takes exhibits again. " CASE_ABOUT, plain_options);

static const struct cli_command *const verbs[] = {
    &verb_open.cmd,
    &verb_add.cmd,
    &verb_note.cmd,
    &verb_list.cmd,
    &verb_show.cmd,
    &verb_read.cmd,
    &verb_redact.cmd,
    &verb_seal.cmd,
    &verb_key.cmd,
    &verb_stamp.cmd,
    &verb_verify.cmd,
    &verb_export.cmd,
    &verb_dossier.cmd,
    &verb_notices.cmd,
    &verb_sent.cmd,
    &verb_answered.cmd,
    &verb_outcome.cmd,
    &verb_ledger.cmd,
    &verb_action.cmd,
    &verb_watch.cmd,
    &verb_close.cmd,
    &verb_reopen.cmd,
    NULL,
};

static int case_run(const struct cli_command *cmd, int argc, char **argv)
{
    const struct cli_command *verb = argc > 1 ? cli_find_verb(cmd, argv[1]) : NULL;
    if (verb)
        return verb->run(verb, argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        cli_print_help(cmd);
        return CLI_OK;
    }
    return argc > 1 ? cli_usage(cmd, "'%s' is none of its verbs", argv[1]) : cli_usage(cmd, "say what to do with which case");
}

const struct cli_command cli_case = {
    .name = "case",
    .summary = "evidence that stays as it was, and what is made of it",
    .synopsis = "VERB [OPTION]... [ARGUMENT]...",
    .about = "A case holds exhibits, the bytes as they were, and a log of all that was done with them, to which one can only add.\n"
             "From what it holds come dossier, notices, exports, and afterwards the measurement of whether it stopped.\n"
             "Exit status: 0 fine, 1 verify found something, 2 trouble.",
    .verbs = verbs,
    .run = case_run,
};
