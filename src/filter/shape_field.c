/* Which fields stand, how their names are spelt and in what order: the hand of the program that wrote them. */
#include "filter/shape_priv.h"

/* Fields whose absence says something too. Append only: the row is part of the feature's hash. */
#define KNOWN(X)                                                                                                      \
    X(TO, "To")                                                                                                       \
    X(CC, "Cc") X(REPLY_TO, "Reply-To") X(IN_REPLY_TO, "In-Reply-To") X(REFERENCES, "References")                     \
        X(USER_AGENT, "User-Agent") X(X_MAILER, "X-Mailer") X(MIME_VERSION, "MIME-Version")                           \
            X(CONTENT_TRANSFER_ENCODING, "Content-Transfer-Encoding") X(CONTENT_TYPE, "Content-Type") X(DATE, "Date") \
                X(MESSAGE_ID, "Message-ID") X(SUBJECT, "Subject") X(FROM, "From")

/* Known to the parser, but most mail has none of them: only their presence speaks. */
#define SOME(X)                                                                                                     \
    X(X_PRIORITY, "X-Priority")                                                                                     \
    X(IMPORTANCE, "Importance") X(X_ORIGINATING_IP, "X-Originating-IP") X(ORGANIZATION, "Organization")             \
        X(LIST_UNSUBSCRIBE, "List-Unsubscribe") X(THREAD_TOPIC, "Thread-Topic") X(DKIM_SIGNATURE, "DKIM-Signature") \
            X(FEEDBACK_ID, "Feedback-ID") X(CONTENT_DISPOSITION, "Content-Disposition")                             \
                X(AUTO_SUBMITTED, "Auto-Submitted") X(BCC, "Bcc")

/* Rare ones: only their presence speaks. Found by name. */
#define RARE(X)                                                                                                \
    X("X-MSMail-Priority")                                                                                     \
    X("X-MimeOLE") X("List-Unsubscribe-Post") X("Thread-Index") X("Content-Language") X("Autocrypt")           \
        X("DomainKey-Signature") X("Disposition-Notification-To") X("X-Accept-Language") X("Face") X("X-Face") \
            X("X-Attribution") X("X-URL") X("X-CSA-Complaints") X("X-Abuse") X("X-Report-Abuse")               \
                X("X-Auto-Response-Suppress") X("Mail-Followup-To") X("X-Operating-System") X("Priority")      \
                    X("X-Mailer-Version") X("X-Sender") X("Comments") X("X-Library") X("X-Complaints-To")      \
                        X("Abuse-Reports-To") X("X-Campaign") X("X-MID") X("X-Authentication-Warning")         \
                            X("Mail-Copies-To") X("Return-Receipt-To") X("X-Newsreader") X("OpenPGP")          \
                                X("X-MS-Has-Attach") X("X-MS-TNEF-Correlator") X("X-Received") X("Approved")   \
                                    X("Resent-From") X("Content-Class") X("X-CampaignID")                      \
                                        X("X-PHP-Originating-Script") X("X-PHP-Script") X("X-Return-Path")     \
                                            X("Keywords")

struct known {
    const char *yes, *no;
    uint8_t id;
};
struct rare {
    const char *name, *yes;
    size_t n;
};

static const struct known known[] = {
#define X(sym, text) {"it has the field " text, "it has no field " text, FIELD_##sym},
    KNOWN(X)
#undef X
};
static const struct known some[] = {
#define X(sym, text) {"it has the field " text, NULL, FIELD_##sym},
    SOME(X)
#undef X
};
static const struct rare rare[] = {
#define X(text) {text, "it has the field " text, sizeof text - 1},
    RARE(X)
#undef X
};
enum {
    KNOWN_N = sizeof known / sizeof *known,
    SOME_N = sizeof some / sizeof *some,
    RARE_N = sizeof rare / sizeof *rare
};
/* Where the rows of each table begin among the kinds of the group. */
enum { KNOWN_AT = 8, SOME_AT = 40, RARE_AT = 64 };
_Static_assert(KNOWN_AT + KNOWN_N <= SOME_AT && SOME_AT + SOME_N <= RARE_AT && RARE_AT + RARE_N <= 256,
               "kinds must not meet");

/* The fields whose order and spelling count: every mailer writes them. 1 + place; 0: not one of them. */
static const uint8_t ordered[FIELD_ID_N] = {
    [FIELD_FROM] = 1,       [FIELD_TO] = 2,           [FIELD_SUBJECT] = 3,      [FIELD_DATE] = 4,
    [FIELD_MESSAGE_ID] = 5, [FIELD_MIME_VERSION] = 6, [FIELD_CONTENT_TYPE] = 7, [FIELD_REPLY_TO] = 8,
};
static const uint8_t spelt[FIELD_ID_N] = {
    [FIELD_FROM] = 1,         [FIELD_TO] = 1,
    [FIELD_SUBJECT] = 1,      [FIELD_DATE] = 1,
    [FIELD_MESSAGE_ID] = 1,   [FIELD_CC] = 1,
    [FIELD_MIME_VERSION] = 1, [FIELD_CONTENT_TYPE] = 1,
    [FIELD_REPLY_TO] = 1,     [FIELD_CONTENT_TRANSFER_ENCODING] = 1,
};

static void presence(struct shape *x)
{
    for (uint32_t i = 0; i < KNOWN_N; i++) {
        const struct field *f = shape_field(x, known[i].id);
        if (!f && known[i].id == FIELD_CC)
            continue; /* most mail but list mail has none: its absence would count against everybody */
        shape_flag(x, SHAPE_KIND(SHAPE_FIELD, KNOWN_AT + i), f, known[i].yes, known[i].no, f ? f->name : SPAN_NONE);
    }
    for (uint32_t i = 0; i < SOME_N; i++) {
        const struct field *f = shape_field(x, some[i].id);
        if (f)
            shape_put(x, SHAPE_KIND(SHAPE_FIELD, SOME_AT + i), 1, some[i].yes, f->name);
    }
}

static void rare_field(struct shape *x, const struct field *f)
{
    struct span name = f->name;
    for (uint32_t i = 0; i < RARE_N; i++)
        if (rare[i].n == name.n && span_istarts(name, span_of(rare[i].name, name.n))) {
            shape_put(x, SHAPE_KIND(SHAPE_FIELD, RARE_AT + i), 1, rare[i].yes, name);
            return;
        }
}

static void order(struct shape *x)
{
    static const char *const name[] = {"",           "From",         "To",           "Subject", "Date",
                                       "Message-ID", "MIME-Version", "Content-Type", "Reply-To"};
    unsigned before = 0;
    for (size_t i = 0; i < x->n_fields; i++) {
        const struct field *f = &x->field[i];
        unsigned now = ordered[f->id];
        if (spelt[f->id])
            shape_text(x, SHAPE_KIND(SHAPE_FIELD, SHAPE_FIELD_SPELT), f->name, "a field's name is spelt", f->name);
        if (f->id == FIELD_OTHER || f->id == FIELD_LIST_OTHER)
            rare_field(x, f);
        if (!now)
            continue;
        if (before)
            shape_pair(x, SHAPE_KIND(SHAPE_ORDER, 0), before * 16 + now, "the order of the header", name[before],
                       name[now], f->name);
        before = now;
    }
}

static void unsubscribe(struct shape *x)
{
    struct span raw = span_sub(shape_raw(x, FIELD_LIST_UNSUBSCRIBE), 0, 1024);
    if (raw.n == 0 || shape_field(x, FIELD_LIST_POST))
        return;
    bool web = span_ifind(raw, SPAN_LIT("http")) >= 0, mail = span_ifind(raw, SPAN_LIT("mailto")) >= 0;
    static const char *const label[] = {
        "a List-Unsubscribe that leads nowhere", "a newsletter with a mail address to unsubscribe",
        "a newsletter with a page to unsubscribe", "a newsletter with page and address to unsubscribe"};
    unsigned how = web * 2u + mail;
    shape_put(x, SHAPE_KIND(SHAPE_FIELD, 1), how, label[how], raw);
}

void shape_fields(struct shape *x)
{
    presence(x);
    order(x);
    unsubscribe(x);
    if (shape_field(x, FIELD_SENDER) && !shape_field(x, FIELD_LIST_ID))
        shape_put(x, SHAPE_KIND(SHAPE_FIELD, 2), 1, "it has a Sender but is no list mail", shape_raw(x, FIELD_SENDER));
    if (shape_field(x, FIELD_X_MAILER) && !shape_field(x, FIELD_MIME_VERSION))
        shape_put(x, SHAPE_KIND(SHAPE_FIELD, 3), 1, "an X-Mailer but no MIME-Version", shape_raw(x, FIELD_X_MAILER));
}
