'use strict';
// Takes every recipient; what is queued is written to $SINK, one JSON line a message.
const fs = require('node:fs');

exports.hook_rcpt = (next) => next(OK);

exports.hook_queue = (next, connection) => {
    const t = connection.transaction;
    const line = { to: t.rcpt_to.map((r) => r.address()), headers: t.header.lines() };
    fs.appendFileSync(process.env.SINK, JSON.stringify(line) + '\n');
    next(OK);
};
