/* money: what a message wants people to do: phone numbers, wallets, mail drops, shops and affiliate marks, normalised, so that campaigns
 * which share one are linked (Click Trajectories, Levchenko et al., IEEE S&P 2011).
 * Wallets count only with a right checksum: "btc:", "ltc:", "doge:", "dash:", "trx:" (Base58Check), "btc:bc1...", "ltc:ltc1..." (Bech32,
 * BIP 173 and 350), "eth:0x..." in small letters (EIP-55 where it has letters of both cases). Phone numbers by form and length (E.164):
 * "+44..." with a country, else the digits where a word before them says what they are; the North American form is "+1...".
 * A mail drop is an address in the text or a Reply-To of another mailbox than From's, in small letters, but none that
 * says of itself that nobody reads it (no-reply). A shop is the registered
 * domain of a link to goods or a basket, an affiliate mark "name=value" of a link's query.
 * Recipients' own addresses (To, Cc, Delivered-To) are no marks; what differs in every message is dropped by who counts.
 * Ownership: texts in the arena.  Errors: none: without memory fewer are found.  Limits: max; 256 KB of text.
 * Threads: reentrant.  Cost: a pass over the visible text; hashing for what looks like a wallet only. */
#ifndef POSSE_BOTNET_MONEY_H
#define POSSE_BOTNET_MONEY_H

#include "base/arena.h"
#include "campaign/sighting.h"

/* In order of appearance: text, then links, then Reply-To; each once. */
size_t money_find(struct arena *a, const struct message *m, struct money_mark *out, size_t max);
const char *mark_kind_name(enum mark_kind k); /* "phone", "wallet", "maildrop", "shop", "affiliate" */

/* A token that is a wallet with a right checksum, as money_find writes it; SPAN_NONE: it is none. */
struct span wallet_read(struct arena *a, struct span token);

#endif
