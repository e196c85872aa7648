# SPDX-License-Identifier: BSD-2-Clause
"""What the portable providers cost and need on small cores: code, symbols, data, stack.

    portable.py SOURCE_ROOT

AES-GCM and the key derivation are rows of their own, because either can be left out.
"""

import sys
import tempfile
from pathlib import Path

import objects
import stack
from objects import Target
from report import Report
from stack import Stack

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


def check_stack(report, target, name, sources, include, directory):
    graph = Stack()
    graph.add(name, target.compile(sources, include, directory, stack.OPTIONS))
    size, path = graph.worst()
    bound = MAX_STACK[name]
    faults = [f'{size} bytes by {" > ".join(path)}, allowed are {bound}'] if size > bound else []
    # The four memory functions and weir_wipe are not here: they take next to nothing.
    faults += [f'calls {other}' for other in graph.unknown()
               if other not in objects.MEMORY | CORE]
    faults += [f'{other} calls nobody knows whom' for other in graph.without_layer()]
    if len(graph.frames) < 4:
        faults.append(f'only {len(graph.frames)} functions seen')
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


# What must be noticed: a division that a library carries out, and stack that adds up by calls, by
# calls through a vtable, and without end.
PLANTED = """
#include <stdint.h>
uint64_t planted_quotient(uint64_t a, uint64_t b);
uint64_t planted_quotient(uint64_t a, uint64_t b) { return a / b; }
void planted_use(char *p);
__attribute__((noinline)) static void planted_low(void)
{ char p[300]; planted_use(p); }
void planted_high(void);
void planted_high(void) { char p[300]; planted_use(p); planted_low(); planted_use(p); }
struct planted_table { void (*call)(void); };
extern const struct planted_table planted_table;
const struct planted_table planted_table = {planted_low};
"""
PLANTED_ABOVE = """
struct planted_table { void (*call)(void); };
void planted_use(char *p);
void planted_caller(const struct planted_table *table);
void planted_caller(const struct planted_table *table)
{ char p[700]; planted_use(p); table->call(); planted_use(p); }
int planted_again(int n);
int planted_again(int n) { char p[8]; planted_use(p); return n > 0 ? 1 + planted_again(n - 1) : p[0]; }
"""


def faults_of_stack(target, compiled, directory):
    """What the sums of planted functions do not tell."""
    alone = Stack()
    alone.add('low', compiled)
    faults, (size, path) = [], alone.worst()
    if not 600 <= size < 700 or path[:2] != ['planted_high', 'planted_low']:
        faults.append(f'calls, {size} bytes by {path}')
    source = directory / 'planted_above.c'
    source.write_text(PLANTED_ABOVE)
    above = target.compile([source], directory, directory, [*stack.OPTIONS, '-O1'])
    both = Stack({'high': ['low']})
    both.add('low', compiled)
    both.add('high', above)
    size, path = both.deepest('planted_caller')
    if not 1000 <= size < 1100 or path != ['planted_caller', 'planted_low', 'planted_use']:
        faults.append(f'the vtable, {size} bytes by {path}')
    if both.deepest('planted_again')[0] < stack.UNBOUNDED:
        faults.append('recursion')
    alone.add('other', above)
    if alone.without_layer() != ['planted_caller']:
        faults.append('a vtable of nobody')
    return faults


def check_the_checks(report, directory):
    target = TARGETS[0]
    if target.missing(directory):
        report.skip('checks of the portable providers notice', f'no {target.command[0]}')
        return
    source = directory / 'planted.c'
    source.write_text(PLANTED)
    compiled = target.compile([source], directory, directory, stack.OPTIONS)
    needs = objects.undefined(compiled)
    faults = [] if '__aeabi_uldivmod' in needs else ['a division of 64 bits']
    faults += faults_of_stack(target, compiled, directory)
    report.case('checks of the portable providers notice',
                [f'not noticed: {fault}' for fault in faults],
                'a planted division, and stack by calls, a vtable and recursion')


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
