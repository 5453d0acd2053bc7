#include "serve/zbody.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"

enum { WINDOW_LOG_MAX = 23, STEP = 64 << 10 };

static int decode(ZSTD_DCtx *z, struct span in, struct buf *out)
{
    ZSTD_inBuffer from = {in.p, in.n, 0};
    size_t left = 1;
    while (left) {
        size_t room = out->max - out->n < STEP ? out->max - out->n : STEP, at = out->n;
        uint8_t one;
        uint8_t *p = room ? buf_reserve(out, room) : NULL;
        if (room && !p)
            return buf_error(out) == POSSE_ENOMEM ? POSSE_ENOMEM : POSSE_ETOOBIG;
        ZSTD_outBuffer to = {room ? p : &one, room ? room : 1, 0}; /* a full buffer must see whether anything comes still */
        size_t was = from.pos;
        left = ZSTD_decompressStream(z, &to, &from);
        if (ZSTD_isError(left))
            return ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge ? POSSE_ETOOBIG : POSSE_ECORRUPT;
        if (!room && to.pos)
            return POSSE_ETOOBIG;
        if (room)
            out->n = at + to.pos;
        if (left && from.pos == from.size && to.pos < to.size)
            return POSSE_ECORRUPT; /* cut short */
        if (left && from.pos == was && to.pos == 0)
            return POSSE_ECORRUPT;
    }
    return from.pos == from.size ? POSSE_OK : POSSE_ECORRUPT;
}

int zbody_decode(struct span in, struct buf *out)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (!z)
        return POSSE_ENOMEM;
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    int err = decode(z, in, out);
    ZSTD_freeDCtx(z);
    return err;
}

int zbody_encode(struct span in, struct buf *out)
{
    size_t most = ZSTD_compressBound(in.n), at = out->n;
    uint8_t *p = buf_reserve(out, most);
    if (!p)
        return POSSE_ENOMEM;
    size_t n = ZSTD_compress(p, most, in.p, in.n, 1);
    out->n = at + (ZSTD_isError(n) ? 0 : n);
    return ZSTD_isError(n) ? POSSE_ENOMEM : POSSE_OK;
}
