# SPDX-License-Identifier: BSD-2-Clause
"""Writes, or checks, docs/footprint.md: what weir takes on small cores.

    footprint.py write|check SOURCE_ROOT

Everything on the page is measured here, by Debian 12's compilers for the targets. The check measures
the column of Cortex-M4 again and takes a figure as the page's when it is within 10 % or 64 bytes:
every change of core moves some by a few bytes, and that alone should make nobody write the page anew.
With other compilers it is skipped, since they make other code; then `write` refuses, too.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'test/budget'))
import objects  # noqa: E402
import stack  # noqa: E402
from objects import Target  # noqa: E402
from report import Report, output_of  # noqa: E402

PAGE = 'docs/footprint.md'
GCC = '12.2'
SHARE, BYTES = 0.10, 64
CHECKED = ['Cortex-M4']
LIKE_IMAGES = '-Os -ffunction-sections -fdata-sections -Wno-type-limits'
TARGETS = {
    'Cortex-M4': f'arm-none-eabi-gcc -mthumb -mcpu=cortex-m4 {LIKE_IMAGES}',
    'Cortex-M0+': f'arm-none-eabi-gcc -mthumb -mcpu=cortex-m0plus {LIKE_IMAGES}',
    'RV32': f'riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 -mcmodel=medany {LIKE_IMAGES}',
}
BOARDS = {'Cortex-M4': 'mps2-an386', 'Cortex-M0+': 'mps2-an385', 'RV32': 'virt'}
# How the parts of <weir/config.h> are called on the page.
PARTS = {'TLS12': 'TLS 1.2', 'TLS13': 'TLS 1.3 and KeyUpdate', 'OFFLOAD': 'offload',
         'EXPORT': 'export', 'PACKET': 'packets (seqmap and what goes with it)',
         'TEXTS': 'texts'}
SMALL = ('OFFLOAD', 'EXPORT', 'PACKET', 'TEXTS')
STRUCTS = ['weir_tx', 'weir_rx', 'weir_session', 'weir_keys', 'weir_soft', 'weir_refusal',
           'weir_record', 'weir_aead_op']
CALLS = ['weir_tx_init', 'weir_rx_init', 'weir_session_receive', 'weir_session_send',
         'weir_session_send_in_place', 'weir_session_flush', 'weir_session_key_update',
         'weir_tx_seal', 'weir_tx_seal_in_place', 'weir_rx_open', 'weir_tx_rekey', 'weir_rx_rekey']


class Part:
    """Sources that the page counts together, and how its row is called."""

    def __init__(self, title, paths, option=''):
        self.title, self.paths, self.option = title, sorted(paths), option


def parts_beside_core(root):
    soft = root / 'backends/soft'
    yield Part('software backend', [soft / 'soft.c'])
    yield Part('cache of expanded keys', [soft / 'cache.c'])
    yield Part('AES-GCM, portable', [soft / f'{name}.c' for name in
                                     ('aead_portable', 'portable_aes', 'portable_ghash')],
               '`portable_aead`')
    yield Part('HMAC with SHA-256 and SHA-384, portable',
               [soft / 'kdf_portable.c', soft / 'portable_sha2.c'], '`portable_kdf`')
    yield Part('Linux kernel TLS', (root / 'backends/linux-ktls').glob('*.c'))
    mlx5 = root / 'backends/mlx5-kmod'
    for prefix in sorted({path.stem.split('_')[0] for path in mlx5.glob('*.c')}):
        title = {'ktls': 'ConnectX-6 Dx by FreeBSD\'s kernel TLS',
                 'wqe': 'ConnectX-6 Dx: work-queue entries',
                 'tx': 'ConnectX-6 Dx: sending packets',
                 'rx': 'ConnectX-6 Dx: receiving packets'}.get(prefix, f'ConnectX-6 Dx: {prefix}')
        yield Part(title, mlx5.glob(f'{prefix}*.c'))


def has_options(root):
    """The options of <weir/config.h>, in its order."""
    return re.findall(r'^#define WEIR_HAS_(\w+) 1$', (root / 'include/weir/config.h').read_text(),
                      re.MULTILINE)


def without(names):
    return ' '.join(f'-DWEIR_HAS_{name}=0' for name in sorted(names))


class Measured:
    """All figures of one target."""

    def __init__(self, root, name, directory):
        self.root, self.name, self.directory = root, name, directory / name
        self.directory.mkdir()
        self.count = 0

    def compile(self, sources, options='', extra=()):
        self.count += 1
        target = Target(f'{self.count}', f'{TARGETS[self.name]} {options}')
        return target.compile(sources, self.root / 'include', self.directory, extra)

    def core(self, off):
        """Bytes of core's code and constants without some parts."""
        return objects.code_and_constants(
            self.compile(sorted((self.root / 'core').glob('*.c')), without(off)))

    def beside(self, part):
        return objects.code_and_constants(self.compile(part.paths))

    def structs(self, off):
        target = Target(f'structs{len(off)}', f'{TARGETS[self.name]} {without(off)}')
        return objects.struct_sizes(target, self.root / 'include', self.directory, STRUCTS)

    def portable_ctx(self):
        source = self.directory / 'portable_ctx.c'
        source.write_text(f'#include "{self.root}/backends/soft/aead_portable.c"\n'
                          'extern const char size_of_ctx[];\n'
                          'const char size_of_ctx[sizeof(struct ctx)] = {1};\n')
        out = self.compile([source])[0]
        return int(re.search(r'^[0-9a-f]+ ([0-9a-f]+) \S size_of_ctx$',
                             output_of([objects.nm(), '-S', out]), re.MULTILINE)[1], 16)

    def graphs(self, off):
        """The call graph of core and what is below, and that of core with nothing below."""
        soft = sorted(path for path in (self.root / 'backends/soft').glob('*.c')
                      if path.stem in stack.LAYERS)
        memory = self.root / 'test/firmware'
        compiled = self.compile([*sorted((self.root / 'core').glob('*.c')), *soft,
                                 memory / 'mem.c'],
                                f'{without(off)} -I{memory / "include"}', stack.OPTIONS)
        both = []
        for below in (stack.BELOW, {'soft': ['aead']}):
            graph = stack.Stack(below)
            for path in compiled:
                graph.add(stack.layer_of(path), [path])
            both.append(graph)
        return both

    def echo(self):
        """(bytes in flash, bytes of data) of examples/firmware-echo."""
        image = self.directory / f'echo/{BOARDS[self.name]}.elf'
        subprocess.run(['make', '-s', '-C', str(self.root / 'examples/firmware-echo'),
                        f'O={image.parent}', str(image)], check=True, timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sizes = {}
        for _, section, size in objects.sections([image]):
            sizes[section] = sizes.get(section, 0) + size
        return sizes['.text'] + sizes.get('.data', 0), sizes['.bss'] + sizes.get('.data', 0)


def table(head, rows):
    """Markdown: the first column words, the others numbers."""
    yield f'| {" | ".join(head)} |'
    yield f'|---|{"---:|" * (len(head) - 1)}'
    for row in rows:
        yield f'| {" | ".join(str(cell) for cell in row)} |'
    yield ''


def code_rows(root, measured):
    options = has_options(root)
    both = [name for name in options if name in SMALL]
    combinations = [('core, all of it', [])]
    combinations += [(f'core without {PARTS[name]} (`-D{name.lower()}=false`)', [name])
                     for name in options]
    combinations += [('core, TLS 1.2 and 1.3 and nothing else', both),
                     ('core, TLS 1.3 and nothing else', [*both, 'TLS12']),
                     ('core, TLS 1.2 and nothing else', [*both, 'TLS13'])]
    for title, off in combinations:
        yield [title, *(one.core(off) for one in measured)]
    for part in parts_beside_core(root):
        title = part.title + (f' ({part.option})' if part.option else '')
        yield [title, *(one.beside(part) for one in measured)]


def memory_rows(root, measured):
    small = [name for name in has_options(root) if name in SMALL]
    whole = [one.structs([]) for one in measured]
    least = [one.structs(small) for one in measured]
    for title, sizes in (('all of core', whole), ('TLS 1.2 and 1.3 and nothing else', least)):
        yield [f'one connection, {title}: tx + rx + session',
               *(size['weir_tx'] + size['weir_rx'] + size['weir_session'] for size in sizes)]
    for name in STRUCTS:
        yield [f'`struct {name}`', *(size[name] for size in whole)]
    yield ['context of one direction, AES-GCM, portable', *(one.portable_ctx() for one in measured)]


def stack_rows(root, measured):
    small = [name for name in has_options(root) if name in SMALL]
    graphs = [(one.graphs([]), one.graphs(small)) for one in measured]
    for title, which in (('worst of core, all of it', 0),
                         ('worst of core, TLS 1.2 and 1.3 and nothing else', 1)):
        row = [title]
        for pair in graphs:
            row += [graph.worst('core')[0] for graph in reversed(pair[which])]
        yield row
    for name in CALLS:
        row = [f'`{name}`']
        for (whole, alone), _ in graphs:
            row += [alone.deepest(name)[0], whole.deepest(name)[0]]
        yield row
    for title, layer in (('software backend and AES-GCM', 'soft'), ('AES-GCM', 'aead'),
                         ('HMAC', 'kdf')):
        yield [f'{title} alone',
               *(cell for (whole, _), _ in graphs for cell in ('', whole.worst(layer)[0]))]


def echo_rows(measured):
    echo = [one.echo() for one in measured]
    yield ['code and constants', *(flash for flash, _ in echo)]
    yield ['data without the stack', *(data for _, data in echo)]


def check_graphs(measured):
    """Nothing that the sums of stack leave out without saying so."""
    for one in measured:
        whole, _ = one.graphs([])
        if whole.without_layer() or whole.worst()[0] >= stack.UNBOUNDED:
            raise SystemExit(f'{one.name}: stack has no bound: {whole.worst()[1]}, '
                             f'{whole.without_layer()}')


TEXT = f'''# What weir takes on small cores

Bytes, by gcc {GCC} as Debian 12 packages it for the targets, `-Os`; written by `ninja footprint`, which
measures all of it again. A test of suite `budget` measures the column of the Cortex-M4 and fails when a
figure is off by more than 10 % and 64 bytes; with other compilers it is skipped.

## Code

Code and constants. Everything that can be left out is an option of meson's of the name given
([weir/config.h](../include/weir/config.h)); each row is core without that one part, so the savings do not
quite add up. The linker drops functions that nobody calls on top of this. There are no writable data.

{{code}}
## Memory

Structs as the caller supplies them. A connection takes tx, rx and session, and for each direction the
context of its AEAD; buffers are the caller's.

{{memory}}
## Stack

The deepest way below a call, by the frames that gcc tells and the call graph; a call through a pointer
counts as a call of every function that the vtables below point to. No function calls itself, and no frame
has a size that depends on data. *Alone* ends where a backend or a key derivation is called: add the stack
of your own provider to it. *Sum* is with the software backend and the portable providers. Of functions of
libgcc (multiplication of 64 bits and division on a Cortex-M0+, byte order on RV32) nothing is known; they
are leaves, or nearly.

{{stack}}
## A whole image

[examples/firmware-echo](../examples/firmware-echo/README.md), with drivers, frames on the UART and a buffer
of 16 KiB for a record. Suite `firmware` paints the stack of it, moves 1 MB with KeyUpdates both ways, and
compares: what was used is never more than the call graph of the image adds up to, and within a few bytes
of it.

{{echo}}'''


def page(root, directory, names):
    measured = [Measured(root, name, directory) for name in names]
    check_graphs(measured)
    head = ['', *names]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        made = pool.map(lambda rows: list(rows()), [
            lambda: code_rows(root, measured), lambda: memory_rows(root, measured),
            lambda: stack_rows(root, measured), lambda: echo_rows(measured)])
        code, memory, stacks, echo = made
    wide = ['', *(f'{name}{kind}' for name in names for kind in (' alone', ' sum'))]
    return TEXT.format(code='\n'.join(table(head, code)), memory='\n'.join(table(head, memory)),
                       stack='\n'.join(table(wide, stacks)),
                       echo='\n'.join(table(head, echo)))


def missing():
    """Why nothing can be measured here; '' when it can."""
    for command in sorted({words.split()[0] for words in TARGETS.values()} | {'make'}):
        if shutil.which(command) is None:
            return f'no {command}'
        if command.endswith('gcc') and \
                not output_of([command, '-dumpfullversion']).startswith(f'{GCC}.'):
            return f'{command} is not of version {GCC}'
    return ''


def columns(text, names):
    """A page with the columns of some targets only."""
    wanted, kept = None, []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')] if line[:1] == '|' else None
        if cells is None:
            wanted = None
            kept.append(line)
            continue
        if wanted is None:
            wanted = [at for at, cell in enumerate(cells) if at == 0 or cell.startswith(tuple(names))]
        kept.append(' | '.join(cells[at] for at in wanted if at < len(cells)))
    return '\n'.join(kept)


def apart(stated, real):
    """What of the page is not so any more."""
    number = re.compile(r'\b\d+\b')
    faults, old, new = [], stated.splitlines(), real.splitlines()
    if [number.sub('#', line) for line in old] != [number.sub('#', line) for line in new]:
        return ['the rows are others; run `ninja footprint`']
    for one, other in zip(old, new):
        for was, now in zip(map(int, number.findall(one)), map(int, number.findall(other))):
            if abs(was - now) > max(BYTES, SHARE * was):
                faults.append(f'{one.split(" | ")[0]}: {now}, the page says {was}')
    return faults


def main():
    action, root = sys.argv[1], Path(sys.argv[2]).resolve()
    reason = missing()
    if reason and action == 'write':
        raise SystemExit(f'{PAGE} cannot be written: {reason}')
    report = Report()
    if reason:
        report.skip('footprint', reason)
        return 0
    with tempfile.TemporaryDirectory() as name:
        text = page(root, Path(name), list(TARGETS) if action == 'write' else CHECKED)
    path = root / PAGE
    if action == 'write':
        path.write_text(text)
        return 0
    stated, real = columns(path.read_text(), CHECKED), columns(text, CHECKED)
    report.case('footprint', apart(stated, real), f'docs/footprint.md, {", ".join(CHECKED)}')
    off = re.sub(r'\b\d{4,5}$', lambda match: str(int(match[0]) * 6 // 5), real, count=1,
                 flags=re.MULTILINE)
    report.case('footprint notices', [] if apart(off, real) and apart('', real) else
                ['it did not'], 'a figure 20 % too high, and a page of other rows')
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
