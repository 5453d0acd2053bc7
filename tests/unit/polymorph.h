/* polymorph: makes templates and messages of them, for tests and bench/templates. Filler words; numbers are all that it has of the world.
 * A template is a row of sentences; a word of it is fixed or a choice, and what a message says follows from two seeds, its template's and
 * its own. The words come as the sketcher gives them: lower case, single blanks, URL and ADDRESS for what they stand for. */
#ifndef POSSE_TESTS_POLYMORPH_H
#define POSSE_TESTS_POLYMORPH_H

#include <stdio.h>

#include "base/buf.h"
#include "base/hash.h"

struct polymorph {
    uint64_t seed;
    unsigned sentences;      /* of about ten words */
    unsigned spin;           /* in 1000 words: have synonyms, some of them phrases */
    unsigned numbers;        /* in 1000 words: number, random string, name, address or URL */
    unsigned optional;       /* in 1000 sentences: left out by half of the messages */
    unsigned swap;           /* in 1000 words: may come behind the next one */
    unsigned rare;           /* in 100,000 words of a message: something nobody foresaw */
    bool shuffles;           /* sentences come in any order */
    unsigned poison;         /* sentences of `ham` in every message, each time others, anywhere */
    unsigned fixed_poison;   /* sentences of `ham` that are the same in all messages */
    struct span (*ham)(void *ctx, uint64_t random);
    void *ctx;
};

static const char *const polymorph_words[] = {
    "able", "about", "above", "account", "across", "after", "again", "all", "almost", "also", "always", "among", "and", "another", "answer",
    "any", "apple", "are", "around", "ask", "autumn", "away", "back", "basket", "be", "because", "become", "before", "begin", "behind",
    "below", "best", "better", "between", "blue", "boat", "book", "both", "bread", "bridge", "bright", "bring", "brother", "build", "but",
    "by", "call", "can", "candle", "card", "care", "carry", "castle", "chair", "change", "cheap", "child", "choose", "city", "clean",
    "clear", "close", "cloud", "coast", "cold", "come", "copper", "corner", "could", "country", "cover", "day", "deep", "deliver", "desk",
    "different", "do", "door", "down", "draw", "dream", "dry", "during", "each", "early", "earth", "east", "easy", "eight", "empty", "end",
    "enjoy", "enough", "evening", "ever", "every", "exact", "fair", "fall", "family", "far", "farm", "fast", "field", "find", "fine",
    "first", "five", "flag", "floor", "flower", "follow", "for", "forest", "forget", "four", "free", "fresh", "friend", "from", "full",
    "garden", "gentle", "get", "gift", "give", "glass", "go", "gold", "good", "grain", "grass", "great", "green", "ground", "grow",
    "guest", "half", "hand", "happy", "harbour", "have", "hear", "heart", "help", "here", "high", "hill", "hold", "home", "honest", "hope",
    "hour", "house", "how", "if", "in", "inside", "into", "iron", "island", "it", "join", "journey", "just", "keep", "kind", "kitchen",
    "know", "lake", "lamp", "land", "large", "last", "late", "laugh", "learn", "leave", "left", "letter", "light", "like", "linen",
    "little", "live", "long", "look", "lovely", "make", "many", "map", "market", "may", "meadow", "mean", "meet", "member", "middle",
    "might", "milk", "mind", "minute", "mirror", "month", "moon", "more", "morning", "most", "mountain", "move", "much", "must", "my",
    "name", "near", "need", "never", "new", "next", "night", "north", "not", "note", "nothing", "now", "number", "ocean", "of", "offer",
    "often", "on", "once", "one", "only", "open", "or", "orange", "order", "other", "our", "out", "over", "own", "page", "paint", "paper",
    "part", "path", "pay", "pear", "people", "perhaps", "picture", "place", "plain", "plant", "play", "please", "point", "pound", "price",
    "promise", "quick", "quiet", "rain", "read", "ready", "real", "receive", "red", "remember", "reply", "rest", "right", "ring", "river",
    "road", "roof", "room", "round", "row", "safe", "sail", "same", "sand", "save", "say", "school", "sea", "season", "second", "see",
    "seed", "send", "seven", "several", "shade", "share", "ship", "shop", "short", "should", "show", "side", "silver", "simple", "since",
    "six", "sleep", "slow", "small", "smooth", "snow", "soft", "some", "song", "soon", "south", "special", "spring", "stand", "star",
    "start", "stay", "still", "stone", "store", "story", "street", "strong", "such", "summer", "sun", "sure", "sweet", "table", "take",
    "talk", "tell", "ten", "than", "that", "the", "their", "then", "there", "these", "they", "thing", "think", "this", "three", "through",
    "time", "to", "today", "together", "tower", "town", "travel", "tree", "true", "turn", "two", "under", "until", "up", "use", "valley",
    "very", "village", "visit", "voice", "wait", "walk", "wall", "want", "warm", "was", "watch", "water", "way", "we", "weather", "week",
    "well", "west", "what", "wheat", "when", "where", "which", "while", "white", "who", "whole", "why", "wide", "will", "wind", "window",
    "winter", "wish", "with", "without", "wonder", "wood", "word", "work", "world", "would", "write", "year", "yellow", "yes", "yet", "you",
    "young", "your",
};
enum { POLYMORPH_WORDS = sizeof polymorph_words / sizeof *polymorph_words };

static inline uint64_t polymorph_at(uint64_t seed, uint64_t a, uint64_t b)
{
    return mix64(mix64(mix64(seed + 0x9e3779b97f4a7c15ull) + a) + b);
}

/* Frequent words are frequent: the share of the k-th falls as in speech. */
static inline const char *polymorph_word(uint64_t x)
{
    static const char *const frequent[] = {"the", "of", "and", "to", "in", "for", "you", "that", "with", "on", "your", "this", "we", "or"};
    if (x % 100 < 35)
        return frequent[x / 100 % (sizeof frequent / sizeof *frequent)];
    return polymorph_words[x / 100 % POLYMORPH_WORDS];
}

static inline void polymorph_say(struct buf *b, const char *s)
{
    if (b->n)
        buf_add_byte(b, ' ');
    buf_add_str(b, s);
}

static inline void polymorph_letters(struct buf *b, uint64_t x, unsigned n, bool digits)
{
    char s[32];
    for (unsigned i = 0; i < n && i < 31; i++) {
        s[i] = (digits ? "0123456789" : "abcdefghijklmnopqrstuvwxyz0123456789")[mix64(x + i) % (digits ? 10 : 36)];
        s[i + 1] = '\0';
    }
    polymorph_say(b, s);
}

/* What a machine fills in: a number, a random string, one of many made-up names, an address or a URL. */
static inline void polymorph_fill(struct buf *b, uint64_t place, uint64_t mine)
{
    static const char *const syllable[] = {"ba", "ler", "mo", "tin", "ra", "sel", "do", "vi", "kan", "per", "lu", "nas"};
    char name[32];
    switch (place % 5) {
    case 0: polymorph_letters(b, mine, 1 + (unsigned)(mine >> 32) % 6, true); break;
    case 1: polymorph_letters(b, mine, 6 + (unsigned)(mine >> 32) % 8, false); break;
    case 2:
        snprintf(name, sizeof name, "%s%s%s", syllable[mine % 12], syllable[mine / 12 % 12], mine / 144 % 2 ? syllable[mine / 288 % 12] : "");
        polymorph_say(b, name);
        break;
    case 3: polymorph_say(b, "ADDRESS"); break;
    default: polymorph_say(b, "URL"); break;
    }
}

static inline void polymorph_spin(struct buf *b, uint64_t place, uint64_t mine)
{
    unsigned options = 2 + place / 7 % 5;
    uint64_t option = polymorph_at(place, 77, mine % options);
    polymorph_say(b, polymorph_word(option * 100 + 99));
    if (option % 3 == 0)
        polymorph_say(b, polymorph_word(mix64(option)));
}

static inline void polymorph_sentence(const struct polymorph *t, uint64_t s, uint64_t mine, struct buf *b)
{
    unsigned words = 7 + polymorph_at(t->seed, s, 1) % 8;
    uint64_t sentence = polymorph_at(t->seed, s, 2);
    for (unsigned w = 0; w < words; w++) {
        uint64_t place = polymorph_at(sentence, w, 3), own = polymorph_at(mine, place, 4);
        unsigned what = (unsigned)(place >> 40) % 1000;
        if (own % 100000 < t->rare) {
            polymorph_letters(b, own, 5, false);
            continue;
        }
        if (what < t->numbers)
            polymorph_fill(b, place, own);
        else if (what < t->numbers + t->spin)
            polymorph_spin(b, place, own);
        else if (what < t->numbers + t->spin + t->swap && own >> 32 & 1) {
            polymorph_say(b, polymorph_word(polymorph_at(place, 6, 0)));
            polymorph_say(b, polymorph_word(place));
        } else if (what < t->numbers + t->spin + t->swap) {
            polymorph_say(b, polymorph_word(place));
            polymorph_say(b, polymorph_word(polymorph_at(place, 6, 0)));
        } else {
            polymorph_say(b, polymorph_word(place));
        }
    }
}

static inline void polymorph_ham(const struct polymorph *t, uint64_t random, struct buf *b)
{
    struct span h = t->ham(t->ctx, random);
    if (b->n && h.n)
        buf_add_byte(b, ' ');
    buf_add_span(b, h);
}

/* The text of message `i`, and its subject. */
static inline void polymorph_text(const struct polymorph *t, uint64_t i, struct buf *b)
{
    uint64_t mine = polymorph_at(t->seed, i, 5);
    unsigned turn = t->shuffles ? (unsigned)(mine >> 20) : 0;
    buf_clear(b);
    for (unsigned k = 0; k < t->sentences; k++) {
        unsigned s = t->shuffles && mine & 1 ? (turn + t->sentences - k) % t->sentences : (turn + k) % t->sentences;
        for (unsigned p = 0; p < t->poison; p++)
            if (polymorph_at(mine, p, 8) % t->sentences == k)
                polymorph_ham(t, polymorph_at(mine, p, 9), b);
        for (unsigned p = 0; p < t->fixed_poison; p++)
            if (polymorph_at(t->seed, p, 10) % t->sentences == s)
                polymorph_ham(t, polymorph_at(t->seed, p, 11), b);
        bool is_optional = polymorph_at(t->seed, s, 12) % 1000 < t->optional;
        if (!is_optional || polymorph_at(mine, s, 13) & 1)
            polymorph_sentence(t, s, mine, b);
    }
}

static inline void polymorph_subject(const struct polymorph *t, uint64_t i, struct buf *b)
{
    struct polymorph s = {.seed = mix64(t->seed + 1), .spin = 200, .numbers = 100};
    buf_clear(b);
    polymorph_sentence(&s, 0, polymorph_at(s.seed, i, 5), b);
}

#endif
