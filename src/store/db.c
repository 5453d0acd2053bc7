#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "store/home.h"
#include "store/store_report.h"

/* ---- errors ---- */

static int code_of(sqlite3 *db)
{
    int err = sqlite3_extended_errcode(db), sys = sqlite3_system_errno(db);
    if (err == SQLITE_IOERR_NOMEM)
        return POSSE_ENOMEM;
    switch (err & 0xff) {
    case SQLITE_FULL: return POSSE_EFULL;
    case SQLITE_BUSY: case SQLITE_LOCKED: return POSSE_EBUSY;
    case SQLITE_NOMEM: return POSSE_ENOMEM;
    case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_ERROR: case SQLITE_SCHEMA: return POSSE_ECORRUPT;
    case SQLITE_READONLY: case SQLITE_PERM: case SQLITE_AUTH: return POSSE_EACCES;
    case SQLITE_CANTOPEN: return sys ? posse_errno(sys) : POSSE_EACCES;
    case SQLITE_IOERR: return sys ? posse_errno(sys) : POSSE_EIO;
    case SQLITE_CONSTRAINT: case SQLITE_TOOBIG: case SQLITE_MISUSE: return POSSE_EINVAL;
    default: return POSSE_EIO;
    }
}

int db_fail(struct db *d, struct report *why, const char *doing)
{
    int code = code_of(d->h);
    const char *advice = code == POSSE_ECORRUPT ? d->kind->when_damaged : store_advice(code);
    return report_set(why, code, "%s: cannot %s: %s%s%s", d->path, doing, sqlite3_errmsg(d->h), *advice ? "; " : "", advice);
}

static int fail_open(struct db *d, struct report *why)
{
    char doing[64];
    snprintf(doing, sizeof doing, "open the %s", d->kind->noun);
    return db_fail(d, why, doing);
}

/* ---- opening ---- */

static int prepare_folder(const char *path, struct report *why)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return POSSE_OK;
    char *dir = strndup(path, (size_t)(slash - path));
    if (!dir)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    int rc = home_prepare(dir, why);
    free(dir);
    return rc;
}

/* The file is made here, because SQLite would follow the umask; its log takes over the mode. mknod, for closing a
 * descriptor of a database would drop the locks that another handle of this process holds on it. */
static int prepare_file(const char *path, struct report *why)
{
    if (mknod(path, S_IFREG | 0600, 0) == 0)
        return POSSE_OK;
    struct stat st;
    if (errno != EEXIST || lstat(path, &st) != 0)
        return store_errno(why, "make this file", path);
    if (!S_ISREG(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: not a regular file; remove it or name another", path);
    if ((st.st_mode & 077) && chmod(path, 0600) != 0)
        return store_errno(why, "close this file to others", path);
    return POSSE_OK;
}

static int query_int(struct db *d, const char *sql, int64_t *out)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(d->h, sql, -1, &s, NULL) != SQLITE_OK)
        return -1;
    int rc = sqlite3_step(s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int db_number(struct db *d, const char *sql, int64_t *out, struct report *why)
{
    char doing[64];
    snprintf(doing, sizeof doing, "read the %s", d->kind->noun);
    return query_int(d, sql, out) ? db_fail(d, why, doing) : POSSE_OK;
}

/* Somebody else's database must not even be switched to WAL, so this comes first. */
static int check_version(struct db *d, bool *is_new, struct report *why)
{
    int64_t app = 0, version = 0, tables = 0;
    if (query_int(d, "PRAGMA application_id", &app) || query_int(d, "PRAGMA user_version", &version) ||
        query_int(d, "SELECT count(*) FROM sqlite_schema", &tables))
        return fail_open(d, why);
    *is_new = !app && !version && !tables;
    if (*is_new || (app == d->kind->app_id && version == d->kind->format))
        return POSSE_OK;
    if (app != d->kind->app_id)
        return report_set(why, POSSE_EVERSION, "%s: a database, but not of Posse's %s; name another", d->path, d->kind->noun);
    return report_set(why, POSSE_EVERSION, "%s: %s of format %d, but this version of Posse reads format %d; use "
                      "the version that wrote it", d->path, d->kind->noun, (int)version, d->kind->format);
}

/* Two who make the file at once: SQLite does not wait for the lock that this one change needs. */
static int switch_to_wal(struct db *d)
{
    for (int tries = 0; tries < 200; tries++) {
        sqlite3_stmt *s;
        if (sqlite3_prepare_v2(d->h, "PRAGMA journal_mode = WAL", -1, &s, NULL) != SQLITE_OK)
            return -1;
        int rc = sqlite3_step(s);
        bool done = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
        sqlite3_finalize(s);
        if (done)
            return 0;
        if (rc != SQLITE_ROW && rc != SQLITE_BUSY && (rc & 0xff) != SQLITE_BUSY)
            return -1;
        sqlite3_sleep(50);
    }
    return -1;
}

static int exec_schema(struct db *d, struct report *why)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d;", d->kind->app_id, d->kind->format);
    if (sqlite3_exec(d->h, d->kind->schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(d->h, mark, NULL, NULL, NULL) != SQLITE_OK)
        return fail_open(d, why);
    return POSSE_OK;
}

static int make_schema(struct db *d, struct report *why)
{
    if (sqlite3_exec(d->h, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return fail_open(d, why);
    bool is_new = false;
    int rc = check_version(d, &is_new, why); /* again, now that nobody else can make it */
    if (!rc && is_new)
        rc = exec_schema(d, why);
    if (!rc && sqlite3_exec(d->h, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        rc = fail_open(d, why);
    if (rc && !sqlite3_get_autocommit(d->h))
        sqlite3_exec(d->h, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int set_up(struct db *d, struct report *why)
{
    static const char always[] = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
    sqlite3_busy_timeout(d->h, 10000);
    sqlite3_db_config(d->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    bool is_new = false;
    if (sqlite3_exec(d->h, always, NULL, NULL, NULL) != SQLITE_OK || sqlite3_exec(d->h, d->kind->first, NULL, NULL, NULL) != SQLITE_OK)
        return fail_open(d, why);
    int rc = check_version(d, &is_new, why);
    if (rc)
        return rc;
    if (switch_to_wal(d) || sqlite3_exec(d->h, d->kind->then, NULL, NULL, NULL) != SQLITE_OK)
        return fail_open(d, why);
    rc = is_new ? make_schema(d, why) : POSSE_OK;
    if (!rc && (sqlite3_prepare_v3(d->h, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &d->begin, NULL) ||
                sqlite3_prepare_v3(d->h, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &d->commit, NULL) ||
                sqlite3_prepare_v3(d->h, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &d->rollback, NULL)))
        rc = fail_open(d, why);
    return rc;
}

int db_open(struct db *d, const char *path, const struct db_kind *kind, struct report *why)
{
    assert(kind->n_texts <= DB_STMT_MAX);
    *d = (struct db){.kind = kind};
    int rc = prepare_folder(path, why);
    if (!rc)
        rc = prepare_file(path, why);
    if (rc)
        return rc;
    d->path = strdup(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    if (!d->path)
        rc = report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    else if (sqlite3_open_v2(path, &d->h, flags, NULL) == SQLITE_OK)
        rc = set_up(d, why);
    else
        rc = d->h ? fail_open(d, why) : report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    if (rc)
        db_close(d);
    return rc;
}

void db_close(struct db *d)
{
    for (size_t i = 0; i < DB_STMT_MAX; i++)
        sqlite3_finalize(d->stmt[i]);
    sqlite3_finalize(d->begin);
    sqlite3_finalize(d->commit);
    sqlite3_finalize(d->rollback);
    sqlite3_close(d->h);
    free(d->path);
    *d = (struct db){0};
}

/* ---- statements ---- */

sqlite3_stmt *db_stmt(struct db *d, size_t number)
{
    assert(number < d->kind->n_texts);
    sqlite3_stmt **s = &d->stmt[number];
    if (!*s && sqlite3_prepare_v3(d->h, d->kind->texts[number], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
    return *s;
}

int db_run(sqlite3_stmt *s)
{
    if (!s)
        return SQLITE_NOMEM;
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int db_begin(struct db *d, struct report *why, const char *doing)
{
    return db_run(d->begin) == SQLITE_OK ? POSSE_OK : db_fail(d, why, doing);
}

int db_end(struct db *d, int rc, struct report *why, const char *doing)
{
    if (rc == POSSE_OK && sqlite3_get_autocommit(d->h))
        rc = report_set(why, POSSE_EIO, "%s: cannot %s: the transaction was lost", d->path, doing);
    if (rc == POSSE_OK && db_run(d->commit) != SQLITE_OK)
        rc = db_fail(d, why, doing);
    /* Some errors (a full disk among them) have undone the transaction already. */
    if (rc && !sqlite3_get_autocommit(d->h))
        db_run(d->rollback);
    return rc;
}

int db_check(struct db *d, struct report *why)
{
    char doing[64];
    snprintf(doing, sizeof doing, "check the %s", d->kind->noun);
    sqlite3_stmt *s = NULL;
    int rc = POSSE_OK;
    if (sqlite3_prepare_v2(d->h, "PRAGMA integrity_check(1)", -1, &s, NULL) || sqlite3_step(s) != SQLITE_ROW)
        rc = db_fail(d, why, doing);
    else if (strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0)
        rc = report_set(why, POSSE_ECORRUPT, "%s: %s; %s", d->path, (const char *)sqlite3_column_text(s, 0),
                        d->kind->when_damaged);
    sqlite3_finalize(s);
    return rc;
}

uint64_t db_file_bytes(const struct db *d)
{
    struct stat st;
    uint64_t n = stat(d->path, &st) == 0 ? (uint64_t)st.st_size : 0;
    char *log = NULL;
    if (asprintf(&log, "%s-wal", d->path) >= 0) {
        n += stat(log, &st) == 0 ? (uint64_t)st.st_size : 0;
        free(log);
    }
    return n;
}
