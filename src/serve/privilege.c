#include "serve/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

int privilege_find(const char *user, struct privilege *out, struct report *why)
{
    *out = (struct privilege){.is_root = geteuid() == 0, .uid = geteuid(), .gid = getegid()};
    if (!*user && out->is_root)
        return report_set(why, POSSE_EINVAL,
                          "the daemon does not stay root: name a user of its own in posse.conf, serve { user = posse }, or start it "
                          "as another (root itself can be named)");
    if (!*user)
        return POSSE_OK;
    struct passwd *p = getpwnam(user);
    if (!p || strlen(user) >= sizeof out->name)
        return report_set(why, POSSE_EINVAL, "serve.user: there is no user \"%.60s\"; make one: useradd --system --home-dir "
                          "/var/lib/posse --shell /usr/sbin/nologin %.60s", user, user);
    if (!out->is_root && p->pw_uid != out->uid)
        return report_set(why, POSSE_EACCES, "serve.user: only root can become \"%s\"; start it as root or as that user", user);
    out->uid = p->pw_uid;
    out->gid = out->is_root ? p->pw_gid : out->gid;
    memcpy(out->name, user, strlen(user) + 1);
    return POSSE_OK;
}

int privilege_group(const char *name, gid_t *out, struct report *why)
{
    struct group *g = getgrnam(name);
    if (!g)
        return report_set(why, POSSE_EINVAL, "serve.socket_group: there is no group \"%.60s\"", name);
    *out = g->gr_gid;
    return POSSE_OK;
}

static int drop_capabilities(struct report *why)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* older kernels know of none */
    if (syscall(SYS_capset, &head, data) != 0 || syscall(SYS_capget, &head, data) != 0)
        return report_set(why, posse_errno(errno), "cannot drop capabilities: %s", strerror(errno));
    if (data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective | data[1].permitted | data[1].inheritable)
        return report_set(why, POSSE_EACCES, "capabilities are still there after they were dropped");
    return POSSE_OK;
}

static int become(const struct privilege *p, struct report *why)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (initgroups(p->name, p->gid) != 0 || setresgid(p->gid, p->gid, p->gid) != 0 || setresuid(p->uid, p->uid, p->uid) != 0)
        return report_set(why, posse_errno(errno), "cannot become \"%s\": %s", p->name, strerror(errno));
    if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0 || r != p->uid || e != p->uid || s != p->uid || rg != p->gid ||
        eg != p->gid || sg != p->gid || setuid(0) == 0 || seteuid(0) == 0)
        return report_set(why, POSSE_EACCES, "\"%s\" could become root again; not starting", p->name);
    return POSSE_OK;
}

int privilege_drop(const struct privilege *p, struct report *why)
{
    bool stays_root = p->is_root && p->uid == 0;
    int rc = p->is_root && !stays_root ? become(p, why) : POSSE_OK;
    if (!rc && !stays_root) /* root without them is a root that may not open its own files */
        rc = drop_capabilities(why);
    if (!rc && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = report_set(why, posse_errno(errno), "cannot set no_new_privs: %s", strerror(errno));
    return rc;
}
