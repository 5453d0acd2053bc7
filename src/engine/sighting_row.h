/* sighting_row: a sighting and its mailer as bytes, for a queue or for another process of this machine (never for the disk).
 *
 *     u32 version | fixed values | each list as its length and its entries | texts, each as varint length and bytes
 *
 * Who makes one may have been talked into anything by the mail that it reads: every length is checked, and a sketch that none of ours
 * would be is refused.
 * Ownership: what sighting_row_read gives points into the bytes.  Threads: reentrant.
 * Limits: a row of SIGHTING_ROW_MAX bytes; of a text that is longer than SIGHTING_TEXT_MAX nothing is sent, nor of an original that does
 * not fit.  Errors: ENOMEM; reading: ECORRUPT, EVERSION. */
#ifndef POSSE_ENGINE_SIGHTING_ROW_H
#define POSSE_ENGINE_SIGHTING_ROW_H

#include "base/buf.h"
#include "botnet/mailer.h"
#include "campaign/sighting.h"

enum { SIGHTING_ROW_MAX = 18 << 20, SIGHTING_TEXT_MAX = 1 << 20, SIGHTING_RAW_MAX = 16 << 20 };

/* Appends. with_texts: subject, text and the original too. time_ms of the sighting is the caller's to mean what it likes. */
int sighting_row_write(struct buf *out, const struct sighting *s, const struct mailer *m, bool with_texts);
int sighting_row_read(struct span row, struct sighting *s, struct mailer *m);

#endif
