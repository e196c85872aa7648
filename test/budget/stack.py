# SPDX-License-Identifier: BSD-2-Clause
"""The most stack that functions take, with all that they call.

gcc tells the frame of each function and whom it calls (-fcallgraph-info=su). A call through a pointer
names nobody: it is taken to reach every function whose address the layer below takes, in a vtable or
where it makes one. Layers of which nothing is below end there, and what a caller supplies comes on
top.
"""

import re
import shutil

from objects import output_of

OPTIONS = ['-fcallgraph-info=su']
UNBOUNDED = 1 << 30
INDIRECT = '__indirect_call'

# weir's layers by file, and what is called through pointers: core and who uses it call a backend and
# a key derivation, the software backend calls an AEAD.
LAYERS = {'soft': 'soft', 'cache': 'soft',
          'aead_portable': 'aead', 'portable_aes': 'aead', 'portable_ghash': 'aead',
          'kdf_portable': 'kdf', 'portable_sha2': 'kdf'}
BELOW = {'core': ['soft', 'kdf'], 'soft': ['aead']}


def layer_of(path):
    return LAYERS.get(path.stem, 'core')


class Stack:
    """The call graph of some object files, each in a layer."""

    def __init__(self, below=None, foreign=0):
        """
        `below`: layer -> layers whose vtables its calls through pointers may go to. `foreign`: bytes
        that a function takes which is called and not there.
        """
        self.below, self.foreign = below or {}, foreign
        self.frames, self.calls, self.layer = {}, {}, {}
        self.vtables = {}  # layer -> titles of functions
        self.known = {}    # function -> deepest way, once it is computed

    def add(self, layer, objects):
        """Object files that were compiled with OPTIONS."""
        for path in objects:
            text = path.with_suffix('.ci').read_text()
            here = {}
            for title, size, kind in re.findall(
                    r'node: { title: "([^"]+)" label: "[^"]*?(\d+) bytes \(([^)]*)\)', text):
                # "dynamic" alone is a size that nobody bounds.
                self.frames[title] = int(size) if kind != 'dynamic' else UNBOUNDED
                self.layer[title] = layer
                here[title.split(':')[-1]] = title
            for one, other in re.findall(r'edge: { sourcename: "([^"]+)" targetname: "([^"]+)"',
                                         text):
                self.calls.setdefault(one, set()).add(other)
            self.vtables.setdefault(layer, set()).update(
                here[name] for name in addresses(path) if name in here)
        self.known = {}

    def unknown(self):
        """Functions that are called and not there."""
        called = set().union(*self.calls.values()) if self.calls else set()
        return sorted(called - set(self.frames) - {INDIRECT})

    def without_layer(self):
        """Functions that call through pointers in layers that have nothing below."""
        return sorted(name for name, called in self.calls.items()
                      if INDIRECT in called and not self.below.get(self.layer.get(name)))

    def _called(self, function):
        called = set(self.calls.get(function, ()))
        if INDIRECT in called:
            called.remove(INDIRECT)
            for layer in self.below.get(self.layer[function], ()):
                called |= self.vtables.get(layer, set())
        return called

    def deepest(self, function, above=()):
        """(bytes, functions) of the costliest way down from a function; UNBOUNDED and more: one
        that recursion or a frame without a bound makes."""
        if function in above:
            return UNBOUNDED, ['recursion']
        if function not in self.known:
            ways = [self.deepest(callee, (*above, function)) for callee in self._called(function)]
            size, path = max(ways, default=(0, []))
            self.known[function] = (self.frames.get(function, self.foreign) + size,
                                    [function.split(':')[-1], *path])
        return self.known[function]

    def worst(self, layer=None):
        """The deepest way from any function, or from any of a layer."""
        return max(self.deepest(name) for name in self.frames
                   if layer is None or self.layer[name] == layer)


# Relocations of calls and jumps; all others take an address.
CALL = re.compile(r'_(THM_)?(CALL|JUMP|JAL|BRANCH|PLT|PC24|RVC)')


def addresses(path):
    """Names whose address an object file takes, in its constants or in its code."""
    # llvm-objdump reads every architecture, the host's own perhaps not.
    objdump = 'llvm-objdump' if shutil.which('llvm-objdump') else 'objdump'
    found, wanted = set(), False
    for line in output_of([objdump, '-r', path]).splitlines():
        section = re.match(r'RELOCATION RECORDS FOR \[([^]]+)\]', line)
        if section:
            wanted = bool(re.match(r'\.(text|rodata|data)', section[1]))
        row = re.match(r'^[0-9a-f]{8,} (\S+)\s+([\w.]+)', line)
        if row and wanted and not CALL.search(row[1]):
            found.add(row[2])
    return found
