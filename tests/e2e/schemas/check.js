// check.js SCHEMAS xarf|stix FILE...: is each valid, and is each refused once something that it must have is taken out of it, or is wrong?
// Prints what is not as it should be, then how much was looked at; exit status 1 when something was.
'use strict';
const fs = require('fs');
const path = require('path');
const Ajv = require('ajv/dist/2020');
const formats = require('ajv-formats');

const [root, kind, ...files] = process.argv.slice(2);
let bad = 0, valid = 0, refused = 0;
function complain(text) { console.log(text); bad++; }
function read(file) { return JSON.parse(fs.readFileSync(file, 'utf8')); }
function all(folder) {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap(e => e.isDirectory() ? all(path.join(folder, e.name)) :
        e.name.endsWith('.json') ? [path.join(folder, e.name)] : []);
}

function ajv(folder, options) {
    const a = new Ajv({ strict: false, allErrors: false, ...options });
    formats(a);
    a.addFormat('idn-hostname', /^[^\s/?#@]{1,253}$/u); // ajv-formats has none
    for (const file of all(folder))
        a.addSchema(read(file));
    return a;
}
function why(f) { return f.errors.map(e => `${e.instancePath} ${e.message}`).slice(0, 3).join('; '); }
function accept(f, object, name) {
    if (f(object))
        valid++;
    else
        complain(`${name}: refused: ${why(f)}`);
}
function refuse(f, object, name) {
    if (f(object))
        complain(`${name}: accepted`);
    else
        refused++;
}
function without(object, key) { const copy = { ...object }; delete copy[key]; return copy; }

function xarf(file, f, required, name) {
    const report = read(file);
    accept(f, report, name);
    for (const key of required(report))
        refuse(f, without(report, key), `${name} without ${key}`);
    refuse(f, { ...report, category: 'nothing' }, `${name} of no category`);
    refuse(f, { ...report, type: 'nothing' }, `${name} of no type`);
    refuse(f, { ...report, xarf_version: '3' }, `${name} of version 3`);
    refuse(f, { ...report, report_id: 'first' }, `${name} with an id that is none`);
    refuse(f, { ...report, timestamp: 'Wed, 16 Mar 2011 14:45' }, `${name} without a time zone`);
    refuse(f, { ...report, reporter: without(report.reporter, 'contact') }, `${name} whose reporter has no contact`);
    refuse(f, { ...report, evidence: [{ content_type: 'text/plain' }] }, `${name} with empty evidence`);
}

if (kind === 'xarf') {
    const folder = path.join(root, 'xarf/schemas/v4');
    const a = ajv(folder, {});
    const f = a.getSchema('https://xarf.org/schemas/v4/xarf-v4-master.json');
    const of = report => {
        const files = [report.type.replace(/_/g, '-'), report.type].map(t => path.join(folder, 'types', `${report.category}-${t}.json`));
        const schema = read(files.find(fs.existsSync));
        const own = schema.allOf.flatMap(s => s.required || []);
        return [...read(path.join(folder, 'xarf-core.json')).required, ...own].filter(k => k !== 'type');
    };
    for (const file of files)
        xarf(file, f, of, path.basename(file));
} else {
    const a = ajv(path.join(root, 'stix21/schemas'), { unicodeRegExp: false });
    const base = 'http://raw.githubusercontent.com/oasis-open/cti-stix2-json-schemas/stix2.1/schemas/';
    const of = {};
    for (const group of ['sdos', 'sros', 'observables'])
        for (const file of fs.readdirSync(path.join(root, 'stix21/schemas', group)))
            of[path.basename(file, '.json')] = a.getSchema(`${base}${group}/${file}`);
    for (const file of files) {
        const bundle = read(file), ids = new Set();
        accept(a.getSchema(`${base}common/bundle.json`), bundle, file);
        for (const o of bundle.objects) {
            const name = `${path.basename(file)} ${o.id}`;
            if (!of[o.type]) { complain(`${name}: no such type`); continue; }
            if (ids.has(o.id)) complain(`${name}: twice`);
            ids.add(o.id);
            accept(of[o.type], o, name);
            for (const key of ['type', 'id', ...(o.created ? ['created', 'modified', 'spec_version'] : ['value'])])
                refuse(of[o.type], without(o, key), `${name} without ${key}`);
            refuse(of[o.type], { ...o, id: `${o.type}--1` }, `${name} with an id that is none`);
            if (o.created) refuse(of[o.type], { ...o, created: '2011-03-16 14:45' }, `${name} without a time zone`);
            if (o.pattern) refuse(of[o.type], without(o, 'pattern'), `${name} without its pattern`);
        }
        for (const o of bundle.objects)
            for (const ref of [o.source_ref, o.target_ref, o.created_by_ref, ...(o.object_refs || [])])
                if (ref && !ids.has(ref)) complain(`${o.id}: refers to ${ref}, which is not there`);
    }
}
console.log(`${kind}: ${files.length} files, ${valid} valid, ${refused} spoilt ones refused, ${bad} wrong`);
process.exit(bad || !valid ? 1 : 0);
