# SPDX-License-Identifier: BSD-2-Clause
"""Instructions that weir spends on a record, apart from what the provider and libc do for it.

    instructions.py SOURCE_ROOT [COMPILER_ID]

Compiles core, the software backend and bench/instructions.c with gcc -O2, runs that under callgrind
and adds up what the functions of core and of the software backend have executed themselves. The
same program gives the same count on every machine, so the figures below are kept in the tree, and a
record may cost at most 5 % more. Lines NOTE tell what has changed, however little. Who makes it
cheaper writes the new figures down.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import objects
from objects import Target
from report import Report, output_of

RECORDS = 320
GCC = 12  # another version makes other code
TOLERANCE = 1.05

# A call seals one record, `seal each` 32. `open` opens 32 with a call, `open alone` one with each.
# `together` is `seal each` and `open` with a provider that takes several small records with a call.
FIGURES = {
    'seal TLS 1.3 64': 136, 'seal TLS 1.3 16384': 127,
    'seal TLS 1.2 64': 132, 'seal TLS 1.2 16384': 132,
    'seal 2 pieces TLS 1.3 64': 149, 'seal 2 pieces TLS 1.3 16384': 134,
    'seal 2 pieces TLS 1.2 64': 158, 'seal 2 pieces TLS 1.2 16384': 136,
    'seal lent TLS 1.3 64': 121, 'seal lent TLS 1.3 16384': 121,
    'seal lent TLS 1.2 64': 129, 'seal lent TLS 1.2 16384': 129,
    'seal in place TLS 1.3 64': 123, 'seal in place TLS 1.3 16384': 123,
    'seal in place TLS 1.2 64': 131, 'seal in place TLS 1.2 16384': 131,
    'seal each TLS 1.3 64': 142, 'seal each TLS 1.3 16384': 132,
    'seal each TLS 1.2 64': 132, 'seal each TLS 1.2 16384': 132,
    'seal together TLS 1.3 64': 83, 'seal together TLS 1.3 16384': 134,
    'seal together TLS 1.2 64': 80, 'seal together TLS 1.2 16384': 133,
    'open TLS 1.3 64': 127, 'open TLS 1.3 16384': 127,
    'open TLS 1.2 64': 131, 'open TLS 1.2 16384': 131,
    'open alone TLS 1.3 64': 148, 'open alone TLS 1.3 16384': 148,
    'open alone TLS 1.2 64': 148, 'open alone TLS 1.2 16384': 148,
    'open together TLS 1.3 64': 86, 'open together TLS 1.3 16384': 130,
    'open together TLS 1.2 64': 87, 'open together TLS 1.2 16384': 134,
}

# The last one is core/meson.build's.
OPTIONS = ['-DWEIR_ALLOW_INSECURE=1', '-fno-tree-slp-vectorize']


def missing(directory, compiler):
    """Why nothing can be counted here; '' when it can."""
    if compiler != 'gcc':
        return f'the compiler of this configuration is {compiler}, not gcc'
    reason = Target('gcc', 'gcc').missing(directory)
    if reason:
        return reason
    machine = output_of(['gcc', '-dumpmachine']).strip()
    version = output_of(['gcc', '-dumpversion']).strip()
    if not machine.startswith('x86_64'):
        return f'gcc compiles for {machine}, not for x86-64'
    if version.split('.')[0] != str(GCC):
        return f'the figures are of gcc {GCC}, this is gcc {version}'
    if shutil.which('valgrind') is None:
        return 'no valgrind'
    header = subprocess.run(['gcc', '-E', '-include', 'valgrind/callgrind.h', '-x', 'c',
                             '/dev/null'], capture_output=True, check=False)
    return '' if header.returncode == 0 else 'no valgrind/callgrind.h'


def own_costs(text, names):
    """function -> instructions that it has executed itself, of one dump. `names` goes on growing:
    a name stands in full only where it comes first."""
    costs, function, inclusive = {}, None, False
    for line in text.splitlines():
        name = re.match(r'(c?fn)=\((\d+)\)(?: (.*))?$', line)
        if name:
            if name[3]:
                names[name[2]] = name[3]
            if name[1] == 'fn':
                function = names[name[2]]
        elif line.startswith('calls='):
            inclusive = True  # the next line is what the called one has cost
        elif re.match(r'[+*\-\d]\S* \d+$', line):
            if not inclusive:
                costs[function] = costs.get(function, 0) + int(line.split()[1])
            inclusive = False
    return costs


def build(root, options, directory):
    """The program, and the names of weir's functions in it."""
    sources = sorted((root / 'core').glob('*.c')) + [root / 'backends/soft/soft.c']
    compiled = Target('counted', f'gcc {options}').compile(sources, root / 'include', directory,
                                                           OPTIONS)
    program = directory / 'instructions'
    output_of(['gcc', '-std=c11', *options.split(), '-I', root / 'include',
               root / 'bench/instructions.c', *compiled, '-o', program])
    return program, {name for name, kind in objects.symbols(compiled) if kind in 'tT'}


def count(root, options, directory):
    """case -> instructions for a record: (weir's own, those of libc for it)."""
    program, own = build(root, options, directory)
    for old in directory.glob('callgrind.*'):
        old.unlink()
    output_of(['valgrind', '-q', '--tool=callgrind',
               f'--callgrind-out-file={directory / "callgrind"}', program, RECORDS])
    found, names = {}, {}
    dumps = sorted(directory.glob('callgrind.*'), key=lambda path: int(path.suffix[1:]))
    for dump in dumps:
        text = dump.read_text()
        case = re.search(r'^desc: Trigger: Client Request: (.*)$', text, re.MULTILINE)
        costs = own_costs(text, names)
        memory = sum(cost for name, cost in costs.items() if re.match(r'_*mem(cpy|move|set)', name))
        found[case[1]] = (sum(cost for name, cost in costs.items() if name in own) // RECORDS,
                          memory // RECORDS)
    return found


def faults_of(case, counted):
    own = counted.get(case, (0, 0))[0]
    kept = FIGURES[case]
    if own < kept // 2:
        return [f'{own} instructions: that is no count']
    if own > kept * TOLERANCE:
        return [f'{own} instructions for a record, {kept} are kept and 5 % more allowed']
    return []


def tell_differences(counted):
    """What every case costs now beside what is kept, within the tolerance or not."""
    changed = {case: (counted[case][0], kept) for case, kept in FIGURES.items()
               if case in counted and counted[case][0] != kept}
    print(f'NOTE instructions per record: {len(FIGURES) - len(changed)} of {len(FIGURES)} as the '
          'tree has them')
    for case, (own, kept) in changed.items():
        print(f'NOTE instructions per record: {case}: {kept} -> {own} '
              f'({(own - kept) / kept * 100:+.1f} %)')


def main():
    root = Path(sys.argv[1]).resolve()
    compiler = sys.argv[2] if len(sys.argv) > 2 else 'gcc'
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        reason = missing(directory, compiler)
        if reason:
            report.skip('instructions', reason)
            return 0
        counted = count(root, '-O2', directory)
        for case, kept in FIGURES.items():
            own, memory = counted.get(case, (0, 0))
            report.case(case, faults_of(case, counted),
                        f'{own} instructions (kept: {kept}), and {memory} of libc')
        unknown = sorted(set(counted) ^ set(FIGURES))
        report.case('figures', [f'{case}: {counted.get(case)} counted, no figure is kept'
                                for case in unknown], 'one for each case')
        tell_differences(counted)
        slow = count(root, '-O0', directory)
        report.case('worse code is noticed', [f'not for {case}' for case in FIGURES
                                              if not faults_of(case, slow)], 'compiled by -O0')
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
