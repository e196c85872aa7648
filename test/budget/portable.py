# SPDX-License-Identifier: BSD-2-Clause
"""What the portable providers cost and need on small cores: code, symbols, data, stack.

    portable.py SOURCE_ROOT

AES-GCM and the key derivation are rows of their own, because either can be left out.
"""

import re
import sys
import tempfile
from pathlib import Path

import objects
from objects import Target
from report import Report

TARGETS = [
    Target('Cortex-M4', 'arm-none-eabi-gcc -mthumb -mcpu=cortex-m4 -Os'),
    Target('Cortex-M4 -O2', 'arm-none-eabi-gcc -mthumb -mcpu=cortex-m4 -O2'),
    Target('Cortex-M0+', 'arm-none-eabi-gcc -mthumb -mcpu=cortex-m0plus -Os'),
    Target('Cortex-M3', 'arm-none-eabi-gcc -mthumb -mcpu=cortex-m3 -Os'),
    Target('Cortex-M4 clang', 'clang --target=thumbv7em-none-eabi -Os'),
    Target('RISC-V clang', 'clang --target=riscv32-none-elf -march=rv32imc -Os'),
    Target('x86-64', 'gcc -O2'),
]

# Bytes of code and constants. What is promised, not what it is today.
MAX_CODE = {'aes-gcm': 6 * 1024, 'hmac': 7 * 512}
# Bytes of stack below a call into a provider, on the targets whose compiler tells.
MAX_STACK = {'aes-gcm': 512, 'hmac': 768}
# Of these the size is measured; where words have 64 bits it is another.
SMALL = ('Cortex', 'RISC-V')
# What core gives a provider.
CORE = {'weir_wipe'}


def parts(root):
    soft = root / 'backends/soft'
    return {'aes-gcm': [soft / f'{name}.c' for name in
                        ('aead_portable', 'portable_aes', 'portable_ghash')],
            'hmac': [soft / f'{name}.c' for name in ('kdf_portable', 'portable_sha2')]}


def call_graph(files):
    """Frame sizes and calls of some files, from gcc's -fcallgraph-info=su."""
    frames, calls = {}, {}
    for file in files:
        text = file.read_text()
        for title, size, kind in re.findall(
                r'node: { title: "([^"]+)" label: "[^"]*?(\d+) bytes \(([^)]*)\)', text):
            # "dynamic" alone is a size that nobody bounds.
            frames[title] = int(size) if kind != 'dynamic' else 1 << 30
        for one, other in re.findall(r'edge: { sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(one, set()).add(other)
    return frames, calls


def deepest(frames, calls, function, above=()):
    """(bytes, functions) of the costliest way down from a function."""
    if function in above:
        return 1 << 30, ['recursion']
    ways = [deepest(frames, calls, callee, (*above, function))
            for callee in calls.get(function, ())]
    size, path = max(ways, default=(0, []))
    # The four memory functions and weir_wipe are not here: they take next to nothing.
    return frames.get(function, 0) + size, [function.split(':')[-1], *path]


def check_stack(report, target, name, sources, include, directory):
    target.compile(sources, include, directory, ['-fcallgraph-info=su'])
    own = directory / target.name.replace(' ', '')
    frames, calls = call_graph([own / f'{source.stem}.ci' for source in sources])
    size, path = max(deepest(frames, calls, function) for function in frames)
    bound = MAX_STACK[name]
    faults = [f'{size} bytes by {" > ".join(path)}, allowed are {bound}'] if size > bound else []
    if len(frames) < 4:
        faults.append(f'only {len(frames)} functions seen')
    report.case(f'{target.name} {name} stack', faults,
                f'{size} of {bound} bytes: {" > ".join(path)}')


def check_target(report, target, root, directory):
    reason = target.missing(directory)
    if reason:
        report.skip(f'{target.name} portable providers', reason)
        return
    include = root / 'include'
    for name, sources in parts(root).items():
        compiled = target.compile(sources, include, directory)
        needs = objects.undefined(compiled) - objects.defined(compiled) - objects.MEMORY - CORE
        report.case(f'{target.name} {name} symbols',
                    [f'needs {symbol}' for symbol in sorted(needs)
                     if not objects.ALIASES.match(symbol)], 'mem* and weir_wipe only')
        report.case(f'{target.name} {name} writable data', objects.writable(compiled), '0 bytes')
        if target.name.startswith(SMALL):
            code, bound = objects.code_and_constants(compiled), MAX_CODE[name]
            over = [f'{code} bytes, allowed are {bound}'] if code > bound else []
            report.case(f'{target.name} {name} code', over, f'{code} of {bound} bytes')
        if 'gcc' in target.command[0] and target.name.startswith(SMALL):
            check_stack(report, target, name, sources, include, directory)


# What must be noticed: a division that a library carries out, and a stack that adds up.
PLANTED = """
#include <stdint.h>
uint64_t planted_quotient(uint64_t a, uint64_t b);
uint64_t planted_quotient(uint64_t a, uint64_t b) { return a / b; }
void planted_use(char *p);
__attribute__((noinline)) static void planted_low(void)
{ char p[300]; planted_use(p); }
void planted_high(void);
void planted_high(void) { char p[300]; planted_use(p); planted_low(); planted_use(p); }
"""


def check_the_checks(report, directory):
    target = TARGETS[0]
    if target.missing(directory):
        report.skip('checks of the portable providers notice', f'no {target.command[0]}')
        return
    source = directory / 'planted.c'
    source.write_text(PLANTED)
    compiled = target.compile([source], directory, directory, ['-fcallgraph-info=su'])
    needs = objects.undefined(compiled)
    frames, calls = call_graph([compiled[0].with_suffix('.ci')])
    size, path = max(deepest(frames, calls, function) for function in frames)
    faults = [] if '__aeabi_uldivmod' in needs else ['a division of 64 bits']
    if size < 600 or path[:2] != ['planted_high', 'planted_low']:
        faults.append(f'the stack, {size} bytes by {path}')
    report.case('checks of the portable providers notice',
                [f'not noticed: {fault}' for fault in faults],
                f'a planted division, and {size} bytes of stack')


def main():
    root = Path(sys.argv[1]).resolve()
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for target in TARGETS:
            check_target(report, target, root, directory)
        check_the_checks(report, directory)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
