# SPDX-License-Identifier: BSD-2-Clause
"""Compiles sources and tells what their object files hold and need."""

import re
import shutil
import subprocess
from pathlib import Path

from report import output_of

# What a compiler may call by itself in freestanding code, and core by name (core/mem.h).
MEMORY = {'memcpy', 'memmove', 'memset', 'memcmp'}
# The same four as the ABI of Arm has them compiled, and the anchor of position independent code.
ALIASES = re.compile(r'^(__aeabi_mem(cpy|move|set|clr)[48]?|_GLOBAL_OFFSET_TABLE_)$')


class Target:
    """A compiler with its options."""

    def __init__(self, name, command):
        self.name, self.command = name, command.split()

    def missing(self, directory):
        """Why this target cannot be compiled for here; '' when it can."""
        if shutil.which(self.command[0]) is None:
            return f'no {self.command[0]}'
        probe = directory / 'probe.c'
        probe.write_text('#include <stdint.h>\nuint32_t probe(void);\n'
                         'uint32_t probe(void) { return 1; }\n')
        done = subprocess.run([*self.command, '-ffreestanding', '-c', str(probe), '-o',
                               str(directory / 'probe.o')], capture_output=True, check=False)
        return '' if done.returncode == 0 else f'{self.command[0]} here does not compile for it'

    def compile(self, sources, include, directory, extra=()):
        """The object files of `sources`, in a directory that is this target's own."""
        own = directory / self.name.replace(' ', '')
        own.mkdir(exist_ok=True)
        output_of([*self.command, '-std=c11', '-ffreestanding', '-fvisibility=hidden', '-Wall',
                   '-Wextra', '-Werror', *extra, '-I', include, '-c', *sources], cwd=own)
        return [own / (source.stem + '.o') for source in sources]


def symbols(paths, *options):
    """(name, type) of the symbols of object files or libraries."""
    found = []
    for line in output_of([nm(), *options, *paths]).splitlines():
        match = re.match(r'^(?:[0-9a-f]+)?\s+([A-Za-z]) (\S+)$', line)
        if match:
            found.append((match[2], match[1]))
    return found


def nm():
    """llvm-nm reads every architecture, the host's own nm perhaps not."""
    return 'llvm-nm' if shutil.which('llvm-nm') else 'nm'


def defined(paths, *options):
    return {name for name, kind in symbols(paths, *options)
            if kind.isupper() and kind not in 'UN'}


def undefined(paths, *options):
    return {name for name, kind in symbols(paths, *options) if kind in 'Uw'}


def sections(paths):
    """(file, section, bytes) of object files, and of the members of static libraries."""
    found, file = [], ''
    for line in output_of(['size', '-A', '-d', *paths]).splitlines():
        header = re.match(r'^(\S+).*:$', line)
        row = re.match(r'^(\.\S+)\s+(\d+)\s+\d+$', line)
        if header:
            file = Path(header[1]).name
        elif row:
            found.append((file, row[1], int(row[2])))
    return found


def writable(paths):
    """What a running program could write to."""
    # .data.rel.ro is constant once the loader has put addresses in.
    found = [f'{file}: {size} bytes in {section}' for file, section, size in sections(paths)
             if size > 0 and re.match(r'^\.(data|bss|tdata|tbss|sdata|sbss)', section) and
             not section.startswith('.data.rel.ro')]
    return found + [f'common {name}' for name, kind in symbols(paths) if kind == 'C']


def code_and_constants(paths):
    return sum(size for _, section, size in sections(paths)
               if re.match(r'^\.(text|rodata|data\.rel\.ro)', section))


def struct_sizes(target, include, directory, names):
    """struct -> bytes, read off arrays of that size, so that nothing has to be run."""
    source = directory / 'structs.c'
    lines = ['#include <weir/handshake.h>', '#include <weir/weir.h>']
    lines += [f'extern const char size_of_{name}[];\n'
              f'const char size_of_{name}[sizeof(struct {name})] = {{1}};' for name in names]
    source.write_text('\n'.join(lines) + '\n')
    return sizes_of(target.compile([source], include, directory, ['-fvisibility=default'])[0])


def sizes_of(out):
    """What an object file says of arrays that are called size_of_…"""
    found = {}
    for line in output_of([nm(), '-S', out]).splitlines():
        match = re.match(r'^[0-9a-f]+ ([0-9a-f]+) \S size_of_(\w+)$', line)
        if match:
            found[match[2]] = int(match[1], 16)
    return found


def stack_frames(target, sources, include, directory):
    """(bytes, function) of the functions of some sources; gcc only."""
    found = []
    for out in target.compile(sources, include, directory, ['-fstack-usage']):
        for line in out.with_suffix('.su').read_text().splitlines():
            place, size, kind = line.split('\t')
            # "dynamic" alone is a size that nobody bounds.
            found.append((int(size) if kind != 'dynamic' else 1 << 30, place.split(':')[-1]))
    return found
