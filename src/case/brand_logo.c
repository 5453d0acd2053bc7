/* brand_logo: see the header. A hash by blocks (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
 * 2010) of a mask in
 * place of grey values. Low frequencies (DCT) were tried first: a symmetric mark has few of them, and two rings with different
 * hearts were one.
 * Whole numbers only: the hash is the same on every machine. */
#include "case/brand_logo.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "base/hash.h"

enum {
    SIDE = 16,
    APART = 48 /* of 255: another colour than the background's */,
    BORDER_LEAST = 60 /* per cent of one colour */
};

/* ---- decoding ---- */

static uint8_t *read_png(struct span file, uint32_t *w, uint32_t *h)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *rgba = NULL;
    if (!png_image_begin_read_from_memory(&image, file.p, file.n))
        return NULL;
    image.format = PNG_FORMAT_RGBA;
    *w = image.width;
    *h = image.height;
    if (*w && *h && *w <= LOGO_SIDE && *h <= LOGO_SIDE && (uint64_t)*w * *h <= LOGO_PIXELS)
        rgba = calloc((size_t)*w * *h, 4);
    if (rgba && !png_image_finish_read(&image, NULL, rgba, 0, NULL)) {
        free(rgba);
        rgba = NULL;
    }
    png_image_free(&image);
    return rgba;
}

struct jpeg_trap {
    struct jpeg_error_mgr manager;
    jmp_buf back;
};

static void jpeg_fails(j_common_ptr c)
{
    struct jpeg_trap *t = (struct jpeg_trap *)c->err;
    longjmp(t->back, 1);
}

static void jpeg_says(j_common_ptr c, int level)
{
    if (level < 0 && ++c->err->num_warnings > 1000) /* a progressive file of nothing but errors costs time */
        jpeg_fails(c);
}

static void quiet(j_common_ptr c) { (void)c; }

/* rgb rows into rgba. */
static void read_rows(struct jpeg_decompress_struct *d, uint8_t *rgba, uint8_t *row)
{
    while (d->output_scanline < d->output_height) {
        uint8_t *to = rgba + (size_t)4 * d->output_width * d->output_scanline;
        JSAMPROW rows[1] = {row};
        if (jpeg_read_scanlines(d, rows, 1) != 1)
            return;
        for (size_t x = 0; x < d->output_width; x++) {
            memcpy(to + 4 * x, row + 3 * x, 3);
            to[4 * x + 3] = 255;
        }
    }
}

static uint8_t *read_jpeg(struct span file, uint32_t *w, uint32_t *h)
{
    struct jpeg_decompress_struct d;
    struct jpeg_trap trap;
    uint8_t *volatile rgba = NULL, *volatile row = NULL;
    volatile bool ok = false;
    d.err = jpeg_std_error(&trap.manager);
    trap.manager.error_exit = jpeg_fails;
    trap.manager.emit_message = jpeg_says;
    trap.manager.output_message = quiet;
    jpeg_create_decompress(&d);
    if (setjmp(trap.back) == 0) {
        d.mem->max_memory_to_use = 64 << 20;
        jpeg_mem_src(&d, file.p, (unsigned long)file.n);
        if (jpeg_read_header(&d, TRUE) == JPEG_HEADER_OK && d.image_width <= LOGO_SIDE && d.image_height <= LOGO_SIDE &&
            (uint64_t)d.image_width * d.image_height <= LOGO_PIXELS) {
            d.out_color_space = JCS_RGB;
            jpeg_start_decompress(&d);
            rgba = calloc((size_t)d.output_width * d.output_height, 4);
            row = malloc((size_t)3 * d.output_width);
            *w = d.output_width;
            *h = d.output_height;
            if (rgba && row && d.output_components == 3) {
                read_rows(&d, rgba, row);
                ok = true;
            }
        }
    }
    jpeg_destroy_decompress(&d);
    free(row);
    if (!ok) {
        free(rgba);
        return NULL;
    }
    return rgba;
}

/* ---- the mask ---- */

struct rgb {
    int r, g, b;
};

/* On white where it is transparent, as it is shown. */
static struct rgb pixel(const uint8_t *p)
{
    int a = p[3];
    return (struct rgb){(p[0] * a + 255 * (255 - a)) / 255, (p[1] * a + 255 * (255 - a)) / 255,
                        (p[2] * a + 255 * (255 - a)) / 255};
}

static bool differs(struct rgb x, struct rgb y)
{
    return abs(x.r - y.r) > APART || abs(x.g - y.g) > APART || abs(x.b - y.b) > APART;
}

/* The colour of a corner that most of the border has; false: none. */
static bool background(const uint8_t *p, uint32_t w, uint32_t h, struct rgb *out)
{
    size_t corner[4] = {0, w - 1, (size_t)w * (h - 1), (size_t)w * h - 1}, border = 2 * ((size_t)w + h);
    for (int c = 0; c < 4; c++) {
        size_t same = 0;
        *out = pixel(p + 4 * corner[c]);
        for (uint32_t x = 0; x < w; x++)
            same += (size_t)!differs(*out, pixel(p + 4 * (size_t)x)) +
                    !differs(*out, pixel(p + 4 * ((size_t)w * (h - 1) + x)));
        for (uint32_t y = 0; y < h; y++)
            same += (size_t)!differs(*out, pixel(p + 4 * ((size_t)w * y))) +
                    !differs(*out, pixel(p + 4 * ((size_t)w * y + w - 1)));
        if (100 * same >= BORDER_LEAST * border)
            return true;
    }
    return false;
}

struct box {
    uint32_t x0, y0, x1, y1;
};

static bool cut(const uint8_t *p, uint32_t w, uint32_t h, struct rgb ground, struct box *b)
{
    *b = (struct box){w, h, 0, 0};
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            if (differs(ground, pixel(p + 4 * ((size_t)w * y + x)))) {
                b->x0 = x < b->x0 ? x : b->x0;
                b->x1 = x + 1 > b->x1 ? x + 1 : b->x1;
                b->y0 = y < b->y0 ? y : b->y0;
                b->y1 = y + 1;
            }
    return b->x1 > b->x0 + 7 && b->y1 > b->y0 + 7;
}

static uint64_t overlap(uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1)
{
    uint64_t from = a0 > b0 ? a0 : b0, to = a1 < b1 ? a1 : b1;
    return to > from ? to - from : 0;
}

/* How much of each of the 16 x 16 fields is not background, 0 to 255; by area, in 16ths of a pixel, else small pictures differ
 * from big ones. */
static void shrink(const uint8_t *p, uint32_t w, struct rgb ground, const struct box *b, int mask[SIDE][SIDE])
{
    uint64_t bw = b->x1 - b->x0, bh = b->y1 - b->y0;
    for (uint64_t i = 0; i < SIDE; i++)
        for (uint64_t j = 0; j < SIDE; j++) {
            uint64_t on = 0;
            for (uint64_t y = i * bh / SIDE; y * SIDE < (i + 1) * bh; y++)
                for (uint64_t x = j * bw / SIDE; x * SIDE < (j + 1) * bw; x++)
                    if (differs(ground, pixel(p + 4 * ((size_t)w * (b->y0 + y) + b->x0 + x))))
                        on += overlap(y * SIDE, (y + 1) * SIDE, i * bh, (i + 1) * bh) *
                              overlap(x * SIDE, (x + 1) * SIDE, j * bw, (j + 1) * bw);
            mask[i][j] = (int)(255 * on / (bw * bh));
        }
}

static unsigned count(const uint64_t bits[4])
{
    return (unsigned)(__builtin_popcountll(bits[0]) + __builtin_popcountll(bits[1]) + __builtin_popcountll(bits[2]) +
                      __builtin_popcountll(bits[3]));
}

bool logo_of_pixels(const uint8_t *rgba, uint32_t width, uint32_t height, struct logo *out)
{
    struct rgb ground;
    struct box b;
    int mask[SIDE][SIDE];
    if (width < 8 || height < 8 || !background(rgba, width, height, &ground) || !cut(rgba, width, height, ground, &b))
        return false;
    shrink(rgba, width, ground, &b, mask);
    uint64_t aspect = 100ull * (b.x1 - b.x0) / (b.y1 - b.y0);
    *out = (struct logo){.aspect = (uint16_t)(aspect < 1 ? 1 : aspect > 10000 ? 10000 : aspect)};
    for (int i = 0; i < SIDE * SIDE; i++)
        out->bits[i / 64] |= (uint64_t)(mask[i / SIDE][i % SIDE] >= 128) << i % 64;
    unsigned full = count(out->bits);
    return full >= SIDE * SIDE / 8 && full <= SIDE * SIDE * 9 / 10;
}

bool logo_hash(struct span file, struct logo *out)
{
    uint32_t w = 0, h = 0;
    if (file.n < 16 || file.n > LOGO_BYTES)
        return false;
    uint8_t *rgba = memcmp(file.p, "\x89PNG", 4) == 0        ? read_png(file, &w, &h)
                    : file.p[0] == 0xff && file.p[1] == 0xd8 ? read_jpeg(file, &w, &h)
                                                             : NULL;
    bool ok = rgba && logo_of_pixels(rgba, w, h, out);
    free(rgba);
    return ok;
}

/* ---- comparing, writing ---- */

unsigned logo_distance(const struct logo *a, const struct logo *b)
{
    uint32_t x = a->aspect, y = b->aspect, ink = count(a->bits), n = 0;
    for (int i = 0; i < 4; i++)
        n += (unsigned)__builtin_popcountll(a->bits[i] ^ b->bits[i]);
    if (100 * x > 115 * y || 100 * y > 115 * x || 8 * n > ink) /* of a thin mark few fields are all of it */
        return LOGO_FAR;
    return n;
}

void logo_text(const struct logo *l, char out[LOGO_TEXT])
{
    snprintf(out, LOGO_TEXT, "%016llx%016llx%016llx%016llx/%u", (unsigned long long)l->bits[0],
             (unsigned long long)l->bits[1], (unsigned long long)l->bits[2], (unsigned long long)l->bits[3], l->aspect);
}

bool logo_read(struct span text, struct logo *out)
{
    uint8_t b[32];
    unsigned aspect = 0;
    if (text.n < 66 || text.n > 70 || text.p[64] != '/' || !hex_decode(span_sub(text, 0, 64), b, 32))
        return false;
    for (size_t i = 65; i < text.n; i++) {
        if (!ascii_is_digit(text.p[i]))
            return false;
        aspect = 10 * aspect + text.p[i] - '0';
    }
    *out = (struct logo){.aspect = (uint16_t)aspect};
    for (int i = 0; i < 32; i++)
        out->bits[i / 8] = out->bits[i / 8] << 8 | b[i];
    return aspect >= 1 && aspect <= 10000;
}
