/* read_report FILE...: what GMime makes of abuse reports (RFC 5965): a line each with the report's type, its three parts, the feedback's
 * type and source, and the original's Message-ID. Exit status 1 where a file is no such report. */
#include <gmime/gmime.h>
#include <stdio.h>

static char *field_of(GMimeObject *part, const char *name)
{
    GMimeDataWrapper *w = GMIME_IS_PART(part) ? g_mime_part_get_content(GMIME_PART(part)) : NULL;
    GMimeStream *s = w ? g_mime_stream_mem_new() : NULL;
    if (!s)
        return g_strdup("?");
    g_mime_data_wrapper_write_to_stream(w, s);
    GByteArray *a = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(s));
    char *text = g_strndup((char *)a->data, a->len), *found = NULL;
    for (char **all = g_strsplit(text, "\n", -1), **l = all; *l; l++)
        if (g_ascii_strncasecmp(*l, name, strlen(name)) == 0 && (*l)[strlen(name)] == ':')
            found = g_strdup(found ? "TWICE" : g_strstrip(*l + strlen(name) + 1));
    return found ? found : g_strdup("?");
}

static int read_one(const char *path)
{
    GMimeStream *s = g_mime_stream_file_open(path, "r", NULL);
    GMimeMessage *m = s ? g_mime_parser_construct_message(g_mime_parser_new_with_stream(s), NULL) : NULL;
    GMimeObject *root = m ? g_mime_message_get_mime_part(m) : NULL;
    if (!root || !GMIME_IS_MULTIPART(root) || g_mime_multipart_get_count(GMIME_MULTIPART(root)) != 3)
        return printf("%s: not of three parts\n", path), 1;
    const char *type = g_mime_object_get_content_type_parameter(root, "report-type");
    printf("%s", type ? type : "?");
    for (int i = 0; i < 3; i++) {
        GMimeContentType *t = g_mime_object_get_content_type(g_mime_multipart_get_part(GMIME_MULTIPART(root), i));
        printf(" %s/%s", g_mime_content_type_get_media_type(t), g_mime_content_type_get_media_subtype(t));
    }
    GMimeObject *report = g_mime_multipart_get_part(GMIME_MULTIPART(root), 1), *original = g_mime_multipart_get_part(GMIME_MULTIPART(root), 2);
    GMimeMessage *inner = GMIME_IS_MESSAGE_PART(original) ? g_mime_message_part_get_message(GMIME_MESSAGE_PART(original)) : NULL;
    printf(" %s %s %s %s\n", field_of(report, "Feedback-Type"), field_of(report, "Version"), field_of(report, "Source-IP"),
           inner ? g_mime_message_get_message_id(inner) : field_of(original, "Message-ID"));
    return 0;
}

int main(int argc, char **argv)
{
    int bad = argc < 2;
    g_mime_init();
    for (int i = 1; i < argc; i++)
        bad |= read_one(argv[i]);
    return bad;
}
