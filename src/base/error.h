/* error: the one enum of things that can go wrong, and their texts.
 * Three kinds of trouble are never mixed: odd mail is data (an anomaly bit), a
 * failing environment is one of these codes (always negative), a bug aborts.
 * Threads: everything here is reentrant.  Cost: none. */
#ifndef POSSE_BASE_ERROR_H
#define POSSE_BASE_ERROR_H

enum posse_err {
    POSSE_OK = 0,
    POSSE_ENOMEM = -1,    /* memory could not be had */
    POSSE_ELIMIT = -2,    /* a configured cap was reached */
    POSSE_EIO = -3,       /* read or write failed; errno is meaningful */
    POSSE_ENOENT = -4,    /* no such file, lesson, key */
    POSSE_EACCES = -5,    /* permission denied */
    POSSE_EFULL = -6,     /* no space left on the device */
    POSSE_ECORRUPT = -7,  /* a stored thing fails its checksum or its bounds */
    POSSE_EVERSION = -8,  /* made by another version of the format */
    POSSE_EBUSY = -9,     /* somebody else holds the lock */
    POSSE_EINVAL = -10,   /* the caller's argument is wrong */
    POSSE_ESYNTAX = -11,  /* a rule, configuration or index line does not parse */
    POSSE_ETOOBIG = -12,  /* an input is over its size cap */
    POSSE_ENOTFILE = -13, /* a directory or device where a file is needed */
    POSSE_EEXIST = -14,   /* there already */
    POSSE_ERR_LAST = -14
};

/* The text of a code: a static string, never NULL. Unknown codes get a text too. */
const char *posse_strerror(int code);

/* The code for an errno value (EIO for what has none of its own). */
int posse_errno(int errnum);

#endif
