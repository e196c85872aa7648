# SPDX-License-Identifier: BSD-2-Clause
"""What core costs on a small core when firmware leaves out what it does not need.

    firmware.py SOURCE_ROOT

Core is compiled for a Cortex-M4 and for size, without status texts, export, offload and packets:
with both versions of TLS and with either. The key derivation is a row of its own. The bounds are
what is promised, so they hold for gcc, which they are promised for; other compilers are shown.
"""

import sys
import tempfile
from pathlib import Path

import objects
import stack
from objects import Target
from report import Report
from stack import Stack

CORTEX_M4 = Target('Cortex-M4', 'arm-none-eabi-gcc -mthumb -mcpu=cortex-m4 -Os')
SHOWN = [Target('Cortex-M4 clang', 'clang --target=thumbv7em-none-eabi -mcpu=cortex-m4 -Os'),
         Target('RV32', 'riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 -Os')]

LEFT_OUT = ['OFFLOAD', 'EXPORT', 'PACKET', 'TEXTS']
BUILDS = {'TLS 1.2 and 1.3': [], 'TLS 1.3': ['TLS12'], 'TLS 1.2': ['TLS13']}
# Bytes of code and constants of core, key derivation apart; of one connection's structs; of stack
# on the deepest way through core, what a backend and a key derivation take not counted.
MAX_CODE = {'TLS 1.2 and 1.3': 8192, 'TLS 1.3': 6144, 'TLS 1.2': 6400}
MAX_DERIVATION = 768
MAX_STATE = 512
MAX_STACK = 512
DERIVATION = {'keys'}
# What the rest of core does not need, linked only where it is called (budget.py counts it).
APART = {'tx_many', 'session_lent', 'session_opened'}


def macros(parts):
    return [f'-DWEIR_HAS_{part}=0' for part in parts]


def bytes_over(what, size, bound):
    return [f'{what} {size} bytes, allowed are {bound}'] if size > bound else []


def text_and_constants(compiled):
    text = sum(size for _, section, size in objects.sections(compiled)
               if section.startswith('.text'))
    return text, objects.code_and_constants(compiled) - text


class Build:
    """Core for one target, without some parts."""

    def __init__(self, root, target, name, directory):
        self.root, self.target, self.name = root, target, f'{target.name} {name}'
        self.directory = directory / name.replace(' ', '')
        self.directory.mkdir(exist_ok=True)
        self.extra = macros([*LEFT_OUT, *BUILDS[name]])
        self.compiled = self.compile(sorted((root / 'core').glob('*.c')))
        self.core = [out for out in self.compiled if out.stem not in DERIVATION | APART]
        self.derivation = [out for out in self.compiled if out.stem in DERIVATION]

    def compile(self, sources, more=()):
        return self.target.compile(sources, self.root / 'include', self.directory,
                                   [*self.extra, *more])

    def state(self):
        """Bytes of each struct of a connection."""
        names = ['weir_tx', 'weir_rx', 'weir_session']
        source = self.directory / 'state.c'
        source.write_text('#include <weir/weir.h>\n' + ''.join(
            f'extern const char size_of_{name}[];\n'
            f'const char size_of_{name}[sizeof(struct {name})] = {{1}};\n' for name in names))
        return objects.sizes_of(self.compile([source], ['-fvisibility=default'])[0])

    def stack(self):
        graph = Stack()
        graph.add('core', self.compile(sorted((self.root / 'core').glob('*.c')), stack.OPTIONS))
        return graph


def check_code(report, build, bound):
    text, constants = text_and_constants(build.core)
    report.case(f'{build.name} code', bytes_over('core is', text + constants, bound),
                f'{text} bytes of code and {constants} of constants, of {bound}')
    text, constants = text_and_constants(build.derivation)
    report.case(f'{build.name} key derivation',
                bytes_over('it is', text + constants, MAX_DERIVATION),
                f'{text} bytes of code and {constants} of constants, of {MAX_DERIVATION}')


def check_rest(report, build):
    needs = objects.undefined(build.compiled) - objects.defined(build.compiled) - objects.MEMORY
    faults = [f'needs {name}' for name in sorted(needs) if not objects.ALIASES.match(name)]
    report.case(f'{build.name} symbols', faults, 'core needs mem* only')
    report.case(f'{build.name} writable data', objects.writable(build.compiled), '0 bytes')

    sizes = build.state()
    total = sum(sizes.values())
    faults = bytes_over('they are', total, MAX_STATE)
    faults += [] if len(sizes) == 3 else [f'only {len(sizes)} structs measured']
    report.case(f'{build.name} state', faults,
                f'{total} of {MAX_STATE} bytes: ' +
                ', '.join(f'{name} {size}' for name, size in sorted(sizes.items())))

    graph = build.stack()
    size, path = graph.worst()
    faults = bytes_over(f'{" > ".join(path)} takes', size, MAX_STACK)
    faults += [f'calls {name}' for name in graph.unknown() if name not in objects.MEMORY]
    faults += [] if len(graph.frames) > 60 else [f'only {len(graph.frames)} functions seen']
    report.case(f'{build.name} stack', faults, f'{size} of {MAX_STACK} bytes: {" > ".join(path)}')


def show(report, root, target, directory):
    reason = target.missing(directory)
    if reason:
        report.skip(target.name, reason)
        return
    own = directory / target.name.replace(' ', '')
    own.mkdir(exist_ok=True)
    for name in BUILDS:
        build = Build(root, target, name, own)
        text, constants = text_and_constants(build.core)
        derivation = objects.code_and_constants(build.derivation)
        report.case(build.name, objects.writable(build.compiled),
                    f'{text} bytes of code, {constants} of constants, key derivation {derivation}')


# A bound that nothing can exceed would be none.
def check_the_checks(report, root, directory):
    own = directory / 'whole'
    own.mkdir()
    build = Build(root, CORTEX_M4, 'TLS 1.2 and 1.3', own)
    build.extra = []
    whole = build.compile(sorted((root / 'core').glob('*.c')))
    code = objects.code_and_constants(whole)
    state = sum(build.state().values())
    faults = [] if code > 2 * MAX_CODE['TLS 1.2 and 1.3'] else [f'all of core is {code} bytes']
    faults += [] if state > sum(Build(root, CORTEX_M4, 'TLS 1.3', own).state().values()) else [
        f'the state of a whole core is {state} bytes']
    source = own / 'planted.c'
    source.write_text('int planted[4] = {1};\nlong long planted_by(long long a, long long b);\n'
                      'long long planted_by(long long a, long long b) { return a / b; }\n')
    planted = CORTEX_M4.compile([source], own, own, ['-fvisibility=default'])
    faults += [] if objects.writable(planted) else ['16 bytes of data']
    faults += [] if '__aeabi_ldivmod' in objects.undefined(planted) else ['a division']
    report.case('checks of firmware notice', [f'not noticed: {fault}' for fault in faults],
                f'a whole core, {code} bytes and {state} of state; data; a division')


def main():
    root = Path(sys.argv[1]).resolve()
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        reason = CORTEX_M4.missing(directory)
        if reason:
            report.skip('core in firmware', reason)
        else:
            for version in BUILDS:
                build = Build(root, CORTEX_M4, version, directory)
                check_code(report, build, MAX_CODE[version])
                check_rest(report, build)
            check_the_checks(report, root, directory)
        for target in SHOWN:
            show(report, root, target, directory)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
