# SPDX-License-Identifier: BSD-2-Clause
"""What core costs and needs: symbols, writable data, code, stack and struct sizes.

    budget.py SOURCE_ROOT

Compiles core by itself with several compilers and looks at the object files; nothing is run.
"""

import sys
import tempfile
from pathlib import Path

import objects
from objects import Target
from report import Report

TARGETS = [
    Target('gcc -O2', 'gcc -O2'),
    Target('gcc -Os', 'gcc -Os'),
    Target('gcc -O0', 'gcc -O0'),
    Target('clang -O2', 'clang -O2'),
    Target('clang -O0', 'clang -O0'),
    Target('gcc -m32', 'gcc -m32 -Os -fno-pic'),
    Target('Cortex-M4', 'clang --target=thumbv7em-none-eabi -Os'),
    Target('Cortex-A53', 'clang --target=aarch64-none-elf -Os'),
    Target('RISC-V', 'clang --target=riscv32-none-elf -march=rv32imc -Os'),
]

# Bytes of code and constants, all of core and the software backend, names of suites, statuses and
# refusals included. A little above what it is today: growth should be noticed, and be worth it.
MAX_CODE = {'gcc -Os': 53 * 512, 'Cortex-M4': 46 * 512}
# Of core's files, what the others do not need: linked only where it is called, and counted apart.
APART = {'seqmap': 1024, 'rx_marked': 5 * 512, 'session_marked': 512, 'session_lent': 256,
         'session_opened': 256, 'tx_many': 512}
MAX_TX_AND_RX = 512
MAX_STACK = 512
MAX_LINES = 600

STRUCTS = ['weir_tx', 'weir_rx', 'weir_session', 'weir_keys', 'weir_position', 'weir_aead_op',
           'weir_soft', 'weir_handshake']


def core_sources(root):
    return sorted((root / 'core').glob('*.c')) + [root / 'backends/soft/soft.c']


def foreign_needs(compiled):
    """Symbols that stay undefined when all of core is put together, but for mem*."""
    needs = objects.undefined(compiled) - objects.defined(compiled) - objects.MEMORY
    return sorted(f'needs {name}' for name in needs if not objects.ALIASES.match(name))


def foreign_names(compiled):
    return sorted(f'defines {name}' for name in objects.defined(compiled)
                  if not name.startswith('weir_'))


def check_code(report, target, compiled):
    together = [out for out in compiled if out.stem not in APART]
    parts = {'code': (together, MAX_CODE.get(target.name))}
    for name, bound in APART.items():
        alone = [out for out in compiled if out.stem == name]
        needed = objects.defined(alone) & objects.undefined(together)
        report.case(f'{target.name} {name} apart', [f'core needs {symbol}' for symbol in
                                                    sorted(needed)] +
                    ([] if alone else ['there is no such file']), 'nothing of core needs it')
        parts[f'{name} code'] = (alone, bound if target.name in MAX_CODE else None)
    for name, (files, bound) in parts.items():
        if bound:
            code = objects.code_and_constants(files)
            over = [f'{code} bytes, allowed are {bound}'] if code > bound else []
            report.case(f'{target.name} {name}', over, f'{code} bytes of {bound}')


def check_target(report, target, root, directory):
    reason = target.missing(directory)
    if reason:
        for case in ('symbols', 'names', 'writable data', 'structs'):
            report.skip(f'{target.name} {case}', reason)
        return
    include = root / 'include'
    compiled = target.compile(core_sources(root), include, directory)
    report.case(f'{target.name} symbols', foreign_needs(compiled), 'core needs mem* only')
    report.case(f'{target.name} names', foreign_names(compiled), 'all begin with weir_')
    report.case(f'{target.name} writable data', objects.writable(compiled), '0 bytes')

    check_code(report, target, compiled)
    size = objects.struct_sizes(target, include, directory, STRUCTS)
    both = size['weir_tx'] + size['weir_rx']
    over = [f'tx + rx are {both} bytes, allowed are {MAX_TX_AND_RX}'] if both > MAX_TX_AND_RX else []
    over += [f'{name} was not measured' for name in STRUCTS if name not in size]
    report.case(f'{target.name} structs', over,
                f'tx + rx {both} of {MAX_TX_AND_RX} bytes, with session '
                f'{both + size["weir_session"]}; ' +
                ', '.join(f'{name} {size[name]}' for name in STRUCTS if name in size))


def check_stack(report, root, directory):
    target = Target('gcc stack', 'gcc -Os')
    reason = target.missing(directory)
    if reason:
        report.skip('stack', reason)
        return
    frames = objects.stack_frames(target, core_sources(root), root / 'include', directory)
    report.case('stack', [f'{name} takes {size} bytes, allowed are {MAX_STACK}'
                          for size, name in frames if size > MAX_STACK],
                'largest frames: ' + ', '.join(f'{name} {size}'
                                               for size, name in sorted(frames)[:-4:-1]))


def check_lines(report, root):
    lines = {path.name: len(path.read_text().splitlines())
             for path in (root / 'core').iterdir() if path.suffix in ('.c', '.h')}
    longest = max(lines, key=lines.get)
    report.case('lines', [f'{name} has {count}, allowed are {MAX_LINES}'
                          for name, count in sorted(lines.items()) if count > MAX_LINES],
                f'longest file of core: {longest}, {lines[longest]} of {MAX_LINES}')


# Each of these must be noticed; otherwise the checks above could not fail.
PLANTED = """
#include <stddef.h>
size_t strlen(const char *s);
int planted_counter = 1;
size_t planted_length(const char *s);
size_t planted_length(const char *s) { return strlen(s); }
"""


def check_the_checks(report, directory):
    source = directory / 'planted.c'
    source.write_text(PLANTED)
    found = Target('planted', 'cc -O0').compile([source], directory, directory,
                                                ['-fvisibility=default'])
    expected = [(foreign_needs(found), 'needs strlen'),
                (foreign_names(found), 'defines planted_counter'),
                (foreign_names(found), 'defines planted_length'),
                (objects.writable(found), 'planted.o: 4 bytes in .data')]
    report.case('checks notice', [f'not noticed: {fault}' for faults, fault in expected
                                  if fault not in faults], 'a planted symbol, name and variable')


def main():
    root = Path(sys.argv[1]).resolve()
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for target in TARGETS:
            check_target(report, target, root, directory)
        check_stack(report, root, directory)
        check_lines(report, root)
        check_the_checks(report, directory)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
