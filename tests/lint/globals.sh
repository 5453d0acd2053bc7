#!/bin/sh
# globals.sh BUILD: no writable variable outlives a call: nothing of ours in .data or .bss of the program.
# (Pointers in constant tables are in .data.rel.ro, which is fine; a thread's own are in .tdata and .tbss.)
program=$1/posse
[ -x "$program" ] || { echo "$program: not built"; exit 2; }
if ! objdump -t "$program" | grep -q ' main$'; then
    exit 77 # stripped
fi
found=$(objdump -t "$program" | awk 'NF > 2 && $(NF-2) == ".data" || NF > 2 && $(NF-2) == ".bss" { print $NF }' |
    grep -vE '^(\.data|\.bss|__data_start|data_start|__dso_handle|__bss_start|_edata|_end|__TMC_END__|completed\.[0-9]+)$' |
    grep -vxF milter_here | # libmilter hands its callbacks nothing of ours, and has a process to itself
    grep -vE '^(stdin|stdout|stderr|optarg|optind|opterr|optopt|environ|_?_?environ)(@.*)?$')
[ -z "$found" ] && exit 0
echo "writable globals:" $found
exit 1
