# SPDX-License-Identifier: BSD-2-Clause
"""Compiles sources one by one and tells what their object files hold and need."""

import functools
import re
import shutil
import subprocess

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

    def compile(self, source, include, directory, extra=()):
        """The object file of `source`, in a directory that is this target's own."""
        out = directory / self.name.replace(' ', '') / (source.stem + '.o')
        out.parent.mkdir(exist_ok=True)
        output_of([*self.command, '-std=c11', '-ffreestanding', '-fvisibility=hidden', '-Wall',
                   '-Wextra', '-Werror', *extra, '-I', include, '-c', source, '-o', out])
        return out


@functools.lru_cache(maxsize=None)
def symbols(path, *options):
    """(name, type) of the symbols of an object file or a library that no longer changes."""
    found = []
    for line in output_of([nm(), *options, path]).splitlines():
        match = re.match(r'^(?:[0-9a-f]+)?\s+([A-Za-z]) (\S+)$', line)
        if match:
            found.append((match[2], match[1]))
    return found


def nm():
    """llvm-nm reads every architecture, the host's own nm perhaps not."""
    return 'llvm-nm' if shutil.which('llvm-nm') else 'nm'


def defined(path, *options):
    return {name for name, kind in symbols(path, *options) if kind.isupper() and kind not in 'UN'}


def undefined(path, *options):
    return {name for name, kind in symbols(path, *options) if kind in 'Uw'}


@functools.lru_cache(maxsize=None)
def sizes(path):
    """section -> bytes of an object file or of all members of a static library."""
    total = {}
    for line in output_of(['size', '-A', '-d', path]).splitlines():
        match = re.match(r'^(\.\S+)\s+(\d+)\s+\d+$', line)
        if match:
            total[match[1]] = total.get(match[1], 0) + int(match[2])
    return total


def writable(path):
    """Sections that a running program could write to, with their bytes."""
    found = {}
    for section, size in sizes(path).items():
        # .data.rel.ro is constant once the loader has put addresses in.
        if re.match(r'^\.(data|bss|tdata|tbss|sdata|sbss)', section) and size > 0 and \
                not section.startswith('.data.rel.ro'):
            found[section] = size
    for name, kind in symbols(path):
        if kind == 'C':
            found[f'common {name}'] = 1
    return found


def code_and_constants(path):
    return sum(size for section, size in sizes(path).items()
               if re.match(r'^\.(text|rodata|data\.rel\.ro)', section))


def struct_sizes(target, include, directory, names):
    """struct -> bytes, read off arrays of that size, so that nothing has to be run."""
    source = directory / 'structs.c'
    lines = ['#include <weir/handshake.h>', '#include <weir/weir.h>']
    lines += [f'extern const char size_of_{name}[];\n'
              f'const char size_of_{name}[sizeof(struct {name})] = {{1}};' for name in names]
    source.write_text('\n'.join(lines) + '\n')
    out = target.compile(source, include, directory, ['-fvisibility=default'])
    found = {}
    for line in output_of([nm(), '-S', out]).splitlines():
        match = re.match(r'^[0-9a-f]+ ([0-9a-f]+) \S size_of_(\w+)$', line)
        if match:
            found[match[2]] = int(match[1], 16)
    return found


def stack_frames(target, source, include, directory):
    """(bytes, function) of a source's functions; gcc only."""
    out = target.compile(source, include, directory, ['-fstack-usage'])
    found = []
    for line in out.with_suffix('.su').read_text().splitlines():
        place, size, kind = line.split('\t')
        found.append((int(size) if 'dynamic' != kind else 1 << 30, place.split(':')[-1]))
    return found
