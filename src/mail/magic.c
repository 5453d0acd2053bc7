#include "mail/magic.h"

#include "base/utf8.h"

static const struct {
    const char *bytes;
    uint8_t n, at;
    enum part_magic magic;
} signatures[] = {
    {"%PDF-", 5, 0, MAGIC_PDF}, {"PK\3\4", 4, 0, MAGIC_ZIP}, {"PK\5\6", 4, 0, MAGIC_ZIP},
    {"Rar!\x1a\7", 6, 0, MAGIC_RAR}, {"7z\xbc\xaf\x27\x1c", 6, 0, MAGIC_7Z},
    {"\x1f\x8b\x08", 3, 0, MAGIC_GZIP}, {"\x7f" "ELF", 4, 0, MAGIC_ELF},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, 0, MAGIC_OLE}, {"{\\rtf", 5, 0, MAGIC_RTF},
    {"GIF8", 4, 0, MAGIC_GIF}, {"\xff\xd8\xff", 3, 0, MAGIC_JPEG},
    {"\x89PNG\r\n\x1a\n", 8, 0, MAGIC_PNG}, {"II*\0", 4, 0, MAGIC_TIFF}, {"MM\0*", 4, 0, MAGIC_TIFF},
    {"WEBP", 4, 8, MAGIC_WEBP}, {"\x4c\0\0\0\x01\x14\x02\0", 8, 0, MAGIC_LNK},
    {"MSCF\0\0\0\0", 8, 0, MAGIC_CAB}, {"ID3", 3, 0, MAGIC_AUDIO}, {"OggS", 4, 0, MAGIC_AUDIO},
    {"fLaC", 4, 0, MAGIC_AUDIO}, {"WAVE", 4, 8, MAGIC_AUDIO}, {"MThd", 4, 0, MAGIC_AUDIO},
    {"AVI ", 4, 8, MAGIC_VIDEO}, {"ftyp", 4, 4, MAGIC_VIDEO}, {"\x1a\x45\xdf\xa3", 4, 0, MAGIC_VIDEO},
    {"\0\0\1\xba", 4, 0, MAGIC_VIDEO}, {"#!AMR", 5, 0, MAGIC_AUDIO},
};

/* Markup at the start, after white space and a byte order mark. */
static enum part_magic markup(struct span s)
{
    if (s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
        s = span_sub(s, 3, s.n);
    s = span_trim(s);
    if (!s.n || s.p[0] != '<')
        return MAGIC_UNKNOWN;
    if (span_istarts(s, SPAN_LIT("<!doctype html")) || span_istarts(s, SPAN_LIT("<html")) ||
        span_istarts(s, SPAN_LIT("<head")) || span_istarts(s, SPAN_LIT("<body")))
        return MAGIC_HTML;
    if (span_istarts(s, SPAN_LIT("<svg")) || (span_istarts(s, SPAN_LIT("<?xml")) && span_ifind(s, SPAN_LIT("<svg")) >= 0))
        return MAGIC_SVG;
    return MAGIC_UNKNOWN;
}

static bool is_texty(struct span s)
{
    size_t odd = 0;
    for (size_t i = 0; i < s.n; i++)
        odd += s.p[i] < 9 || (s.p[i] > 13 && s.p[i] < 32 && s.p[i] != 27);
    return odd == 0;
}

/* "MZ" alone is a word; a DOS header has little text after it. */
static bool is_exe(struct span s)
{
    return s.n >= 64 && s.p[0] == 'M' && s.p[1] == 'Z' && !is_texty(span_sub(s, 0, 64));
}

enum part_magic magic_of(struct span s)
{
    if (!s.n)
        return MAGIC_UNKNOWN;
    /* Most parts are text and begin with a letter, which few signatures do. */
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        size_t at = signatures[i].at, n = signatures[i].n;
        if (s.n >= at + n && s.p[at] == (uint8_t)signatures[i].bytes[0] &&
            memcmp(s.p + at, signatures[i].bytes, n) == 0)
            return signatures[i].magic;
    }
    if (is_exe(s))
        return MAGIC_EXE;
    if (s.n >= 26 && s.p[0] == 'B' && s.p[1] == 'M' && s.p[6] == 0 && s.p[7] == 0)
        return MAGIC_BMP;
    enum part_magic m = markup(s);
    if (m != MAGIC_UNKNOWN)
        return m;
    return is_texty(span_sub(s, 0, 128)) ? MAGIC_TEXT : MAGIC_UNKNOWN;
}

bool magic_mismatch(enum part_magic m, struct span type)
{
    if (m == MAGIC_UNKNOWN || m == MAGIC_TEXT)
        return span_istarts(type, SPAN_LIT("application/pdf")) ? m == MAGIC_TEXT : false;
    bool image = m == MAGIC_GIF || m == MAGIC_JPEG || m == MAGIC_PNG || m == MAGIC_BMP ||
                 m == MAGIC_TIFF || m == MAGIC_WEBP || m == MAGIC_SVG;
    if (span_istarts(type, SPAN_LIT("image/")))
        return !image && m != MAGIC_OLE;
    if (span_istarts(type, SPAN_LIT("audio/")) || span_istarts(type, SPAN_LIT("video/")))
        return m != MAGIC_AUDIO && m != MAGIC_VIDEO;
    if (span_istarts(type, SPAN_LIT("text/")))
        return m != MAGIC_HTML && m != MAGIC_SVG && m != MAGIC_RTF;
    if (span_istarts(type, SPAN_LIT("application/pdf")))
        return m != MAGIC_PDF;
    if (m == MAGIC_EXE || m == MAGIC_ELF || m == MAGIC_LNK)
        return span_istarts(type, SPAN_LIT("application/zip")) || span_istarts(type, SPAN_LIT("application/msword")) ||
               span_istarts(type, SPAN_LIT("application/vnd.")) || span_istarts(type, SPAN_LIT("application/rtf"));
    return false;
}

static const char *const programs[] = {
    "exe", "scr", "pif", "com", "bat", "cmd", "vbs", "vbe", "js", "jse", "wsf", "wsh", "hta", "lnk",
    "msi", "jar", "cpl", "ps1", "reg", "dll", "iso", "img", "vhd", "apk", "msc", "chm", "one", "xll",
};
static const char *const harmless[] = {
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "rtf", "jpg", "jpeg", "png", "gif",
    "htm", "html", "csv", "zip", "mp3", "mp4", "avi", "tif", "tiff", "bmp", "eml", "xml", "wav",
};

static bool one_of(struct span s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_ieq(s, span_str(list[i])))
            return true;
    return false;
}

/* The last extension, without the dot; *rest is what stands before. */
static struct span extension(struct span name, struct span *rest)
{
    size_t i = name.n;
    while (i && name.p[i - 1] != '.')
        i--;
    *rest = span_sub(name, 0, i ? i - 1 : 0);
    return i ? span_trim(span_sub(name, i, name.n)) : SPAN_NONE;
}

uint64_t magic_filename(struct span f)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < f.n;) {
        uint32_t cp;
        i += utf8_decode(span_sub(f, i, f.n), &cp);
        if ((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e || cp == 0x200f)
            bits |= ANOMALY_BIT(ANOMALY_BIDI_FILENAME);
    }
    struct span rest, ext = extension(f, &rest);
    if (!one_of(ext, programs, sizeof programs / sizeof *programs))
        return bits;
    bits |= ANOMALY_BIT(ANOMALY_EXECUTABLE);
    ext = extension(rest, &rest);
    if (one_of(ext, harmless, sizeof harmless / sizeof *harmless))
        bits |= ANOMALY_BIT(ANOMALY_DOUBLE_EXTENSION);
    return bits;
}

const char *part_magic_name(enum part_magic magic)
{
    static const char *const names[MAGIC_N] = {
        "unknown", "text", "html", "pdf", "zip", "rar", "7z", "gzip", "exe", "elf", "ole", "rtf",
        "gif", "jpeg", "png", "bmp", "tiff", "webp", "svg", "iso", "lnk", "cab", "audio", "video",
    };
    return (unsigned)magic < MAGIC_N ? names[magic] : "unknown";
}
