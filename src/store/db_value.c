/* db_value: what goes into rows and comes out of them. */
#include "base/error.h"
#include "store/db.h"

int db_bind_text(sqlite3_stmt *s, int parameter, struct span x)
{
    return sqlite3_bind_text(s, parameter, x.n ? (const char *)x.p : "", (int)x.n, SQLITE_STATIC);
}

int db_bind_blob(sqlite3_stmt *s, int parameter, struct span x)
{
    return sqlite3_bind_blob(s, parameter, x.n ? (const void *)x.p : "", (int)x.n, SQLITE_STATIC);
}

struct span db_column(sqlite3_stmt *s, int column)
{
    const void *p = sqlite3_column_blob(s, column);
    return span_of(p, p ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

void db_pack(struct buf *b, struct span x)
{
    buf_add_varint(b, x.n);
    buf_add_span(b, x);
}

struct span db_unpack(struct reader *r)
{
    uint64_t n = reader_varint(r);
    if (n > reader_left(r))
        reader_fail(r, POSSE_ECORRUPT);
    return reader_error(r) ? SPAN_NONE : reader_bytes(r, (size_t)n);
}

bool db_like(const char *pattern, struct span s) { return !pattern || span_iglob(s, span_str(pattern)); }

struct span db_cut(struct span s, size_t max)
{
    if (s.n <= max)
        return s;
    size_t n = max;
    for (int back = 0; back < 4 && n && (s.p[n] & 0xc0) == 0x80; back++)
        n--;
    return span_sub(s, 0, n);
}
