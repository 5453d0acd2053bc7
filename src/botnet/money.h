/* money: what a message wants people to do: phone numbers, wallets, mail drops, shops and affiliate marks, normalised, so that campaigns
 * which share one are linked (Click Trajectories, Levchenko et al., IEEE S&P 2011).
 * Wallets are checked by their checksums (Base58Check, Bech32 BIP 173/350, EIP-55), phone numbers by form and length (E.164) and by words
 * around them. Recipients' own data are no marks: what stands in To, in the greeting or differs in every message is dropped by campaign.
 * Ownership: texts in the arena.  Errors: none.  Limits: max.  Threads: reentrant. */
#ifndef POSSE_BOTNET_MONEY_H
#define POSSE_BOTNET_MONEY_H

#include "base/arena.h"
#include "campaign/sighting.h"

size_t money_find(struct arena *a, const struct message *m, struct money_mark *out, size_t max);
const char *mark_kind_name(enum mark_kind k);

#endif
