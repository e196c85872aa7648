# SPDX-License-Identifier: BSD-2-Clause
"""The guest's file system: an archive that the kernel unpacks into memory.

The format is the kernel's Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
"""

import lzma
import os
import re
import shlex
import subprocess
from pathlib import Path

# Loaded in this order after what each of them needs; what a kernel has built in, or has not at all,
# is left out. Only the first must be there.
MODULES = ['tls', 'gcm', 'ctr', 'ghash-generic', 'aesni-intel', 'ghash-clmulni-intel',
           'chacha20poly1305', 'chacha', 'chacha_generic', 'chacha-x86_64', 'poly1305_generic',
           'poly1305-x86_64', 'sch_netem', 'tcp_diag']

INIT = '''#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ifconfig lo 127.0.0.1 up
while read -r module; do
    insmod "$module" || echo "insmod $module failed" >/dev/kmsg
done </modules.txt
cd /tmp
stty raw -echo </dev/ttyS1
sh /command.sh >/dev/ttyS1 2>&1 </dev/null
echo "{end} $?" >/dev/ttyS1
poweroff -f
'''


class Archive:
    """Files by their path in the guest, and the bytes of the archive that they make."""

    def __init__(self):
        self.entries = {}  # path without the leading slash -> (mode, bytes)

    def directory(self, path):
        path = path.strip('/')
        if path and path not in self.entries:
            self.directory(os.path.dirname(path))
            self.entries[path] = (0o040755, b'')

    def file(self, path, data, mode=0o644):
        path = path.strip('/')
        self.directory(os.path.dirname(path))
        self.entries[path] = (0o100000 | mode, data)

    def copy(self, source, path=None):
        """A file of the host, under its own path unless told otherwise; links are followed."""
        source = Path(source)
        self.file(str(path or source), source.read_bytes(), source.stat().st_mode & 0o777)

    def program(self, source):
        """A program and every library it is linked with, at the places it looks for them."""
        self.copy(source)
        for library in linked_with(source):
            if library.strip('/') not in self.entries:
                self.copy(library)

    def pack(self):
        parts = []
        for number, (path, (mode, data)) in enumerate(self.entries.items(), 1):
            parts.append(entry(number, path, mode, data))
        parts.append(entry(0, 'TRAILER!!!', 0, b''))
        return b''.join(parts)


def entry(number, path, mode, data):
    """One member of the archive: header, name and data, the latter two padded to four bytes."""
    name = path.encode() + b'\0'
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    head = b'070701' + b''.join(b'%08X' % field for field in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def linked_with(program):
    """Paths of the shared libraries of a program; none for one that is linked statically."""
    done = subprocess.run(['ldd', str(program)], capture_output=True, text=True, check=False)
    if re.search(r'=> not found', done.stdout):
        raise OSError(f'{program} lacks a library: {done.stdout.strip()}')
    return re.findall(r'(?:=>\s*|^\s*)(/\S+) \(0x', done.stdout, re.MULTILINE)


def read_module(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == '.xz' else data


def find_modules(directory):
    """name with underscores -> path of every module below `directory`."""
    found = {}
    for path in sorted(directory.rglob('*.ko*')):
        if path.name.endswith(('.ko', '.ko.xz')):
            found[path.name.split('.ko')[0].replace('-', '_')] = path
    return found


def add_modules(archive, directory):
    """Puts MODULES and what they need into the archive; returns the names in order of loading."""
    found, order = find_modules(directory), []

    def load(name):
        name = name.replace('-', '_')
        if name in order or name not in found:
            return
        data = read_module(found[name])
        needs = re.search(rb'\0depends=([^\0]*)\0', data)
        for other in (needs.group(1).decode().split(',') if needs else []):
            load(other)
        archive.file(f'/modules/{name}.ko', data)
        order.append(name)

    for name in MODULES:
        load(name)
    archive.file('/modules.txt', ''.join(f'/modules/{name}.ko\n' for name in order).encode())
    return order


def build(kernel_modules, busybox, end, programs, files, command):
    """The archive's bytes. `files` are (host path, guest path); `command` an argument list."""
    archive = Archive()
    for directory in ('proc', 'sys', 'dev', 'tmp', 'bin', 'etc'):
        archive.directory(directory)
    archive.copy(busybox, '/bin/busybox')
    archive.file('/init', INIT.replace('{end}', end).encode(), 0o755)
    archive.file('/etc/passwd', b'root:x:0:0:root:/:/bin/sh\n')
    archive.file('/etc/hosts', b'127.0.0.1 localhost\n')
    archive.file('/command.sh', (shlex.join(command) + '\n').encode())
    if 'tls' not in add_modules(archive, kernel_modules):
        raise OSError(f'no tls.ko below {kernel_modules}')
    for program in programs:
        archive.program(program)
    for source, path in files:
        archive.copy(source, path)
    return archive.pack()
