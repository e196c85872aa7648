# SPDX-License-Identifier: BSD-2-Clause
"""Runs a program on a real Linux kernel in a virtual machine, and checks that the guest ended well.

What the program prints comes out here, line by line. The kernel's own log is looked through for
signs of a fault in it. See --help, and scripts/test-vm for use by hand.
"""

import argparse
import fcntl
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import initramfs

PACKAGES = ['linux-image-cloud-amd64', 'linux-image-amd64']
FAULT = re.compile(
    r'\bBUG: |\bWARNING: |\bOops|Kernel panic|general protection fault|Unable to handle kernel'
    r'|blocked for more than|refcount_t: |UBSAN: |KASAN: |list_(add|del) corruption'
    r'|scheduling while atomic|insmod \S+ failed')
SKIPPED = 77  # what meson takes for a skipped test


class Missing(Exception):
    """Why there is no virtual machine here."""


class Failure(Exception):
    """How the guest ended that it should not have."""


def tool(name, *others):
    """The path of a program; the places of system programs are looked at, too."""
    path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin:/usr/local/sbin'
    for candidate in (name, *others):
        found = shutil.which(candidate, path=path)
        if found:
            return found
    raise Missing(f'no {name} on this host')


def apt(*command, cwd=None):
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True,
                              timeout=300, stdin=subprocess.DEVNULL).stdout
    except FileNotFoundError:
        raise Missing(f'no {command[0]} on this host to get a kernel with') from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        why = (getattr(error, 'stderr', '') or str(error)).strip().splitlines()
        raise Missing(f'{" ".join(command[:2])}: {why[-1] if why else error}') from None


def kernel_package():
    """The package that holds the kernel which a package of PACKAGES stands for today."""
    for name in PACKAGES:
        try:
            text = apt('apt-cache', 'depends', name)
        except Missing:
            continue
        found = re.search(r'Depends: (linux-image-\d\S+)', text)
        if found:
            return found.group(1)
    raise Missing(f'apt-cache knows none of {", ".join(PACKAGES)}')


def unpacked(packages, cache):
    """Unpacks the packages of a kernel into `cache` once; returns the directory."""
    directory = cache / packages[0].stem
    if not directory.exists():
        part = cache / (directory.name + '.part')
        shutil.rmtree(part, ignore_errors=True)
        for package in packages:
            apt('dpkg-deb', '-x', str(package), str(part))
        part.rename(directory)
    return directory


def get_kernel(cache, packages):
    """(image, directory of modules) of a kernel; downloaded unless given, and kept in `cache`.

    Not installed: that would run the hooks of a machine that boots from it.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / 'lock', 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not packages:
            name = kernel_package()
            kept = sorted(cache.glob(f'{name}_*.deb'))
            if not kept:
                apt('apt-get', '-o', 'Acquire::Retries=3', 'download', name, cwd=cache)
                kept = sorted(cache.glob(f'{name}_*.deb'))
            packages = kept[-1:]
        root = unpacked(packages, cache)
    images = sorted([*root.glob('boot/vmlinuz-*'), *root.glob('usr/lib/modules/*/vmlinuz')])
    modules = sorted([*root.glob('lib/modules/*'), *root.glob('usr/lib/modules/*')])
    if not images or not modules:
        raise Missing(f'no kernel in {packages[0]}')
    return images[-1], modules[-1]


def qemu_command(arguments, kernel, archive, log):
    """Without a disk, a network or a screen. Detectors of stalls and of dead timers are off: with
    a busy host they would measure the host; the time limit is what finds a guest that hangs."""
    append = ('console=ttyS0 quiet loglevel=5 panic=-1 oops=panic nowatchdog no_timer_check '
              'mitigations=off rcupdate.rcu_cpu_stall_suppress=1 random.trust_cpu=on')
    return [tool('qemu-system-x86_64'), '-accel', arguments.accel, '-cpu', 'max',
            '-smp', str(arguments.cpus), '-m', str(arguments.memory),
            '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
            '-serial', f'file:{log}', '-serial', 'stdio', '-monitor', 'none',
            '-kernel', str(kernel), '-initrd', str(archive), '-append', append]


def follow(process, end):
    """Passes the guest's lines on; returns the status its command ended with, None if never."""
    status = None
    for raw in process.stdout:
        line = raw.decode(errors='replace').rstrip('\r\n')
        if line.startswith(end):
            status = int(line[len(end):])
        else:
            print(line, flush=True)
    return status


def boot(arguments, command, end, log):
    """Runs the machine until it powers off, or the time is over."""
    late = threading.Event()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        def stop():
            late.set()
            process.kill()

        timer = threading.Timer(arguments.seconds, stop)
        timer.start()
        try:
            status = follow(process, end)
            code = process.wait()
        finally:
            timer.cancel()
            if process.poll() is None:
                process.kill()
    text = log.read_text(errors='replace') if log.exists() else ''
    for line in text.splitlines():
        if FAULT.search(line):
            raise Failure('kernel log: ' + line.strip())
    if late.is_set():
        raise Failure(f'the guest did not end within {arguments.seconds} s')
    if code != 0:
        raise Failure(f'qemu ended with status {code}')
    if status is None:
        raise Failure('the guest powered off before its command had ended')
    return status


def show_log(log):
    if log.exists():
        for line in log.read_text(errors='replace').splitlines()[-40:]:
            print('# kernel: ' + line.rstrip())


def run(arguments):
    """Puts the guest together and runs it; returns the exit status of the command in it."""
    if platform.machine() not in ('x86_64', 'amd64') or sys.platform != 'linux':
        raise Missing('the host is not Linux on x86-64')
    busybox = tool('busybox')
    if initramfs.linked_with(busybox):
        raise Missing(f'{busybox} is not linked statically')
    tool('qemu-system-x86_64')
    command = list(arguments.command)
    programs = [tool(name) for name in arguments.with_program]
    if os.sep in command[0]:
        command[0] = str(Path(command[0]).resolve())
        programs.append(command[0])
    kernel, modules = get_kernel(arguments.cache, arguments.kernel)
    end = f'guest-{secrets.token_hex(8)}-ended'
    with tempfile.TemporaryDirectory(prefix='weir-vm-') as work:
        archive, log = Path(work) / 'initramfs', Path(work) / 'console'
        archive.write_bytes(initramfs.build(modules, busybox, end, programs, arguments.file,
                                            command))
        try:
            return boot(arguments, qemu_command(arguments, kernel, archive, log), end, log)
        except Failure:
            show_log(log)
            raise
        finally:
            if arguments.log and log.exists():
                shutil.copyfile(log, arguments.log)


def pair(text):
    source, _, path = text.partition(':')
    return source, path or source


def parse():
    parser = argparse.ArgumentParser(
        prog='test-vm', description='Runs a command on a real Linux kernel in a virtual machine.',
        epilog='Ends with the status of the command; 77 when there can be no machine here. A fault '
               'of the guest, or in its kernel log, is a line FAIL and status 1.')
    parser.add_argument('--name', default='guest', help='what the lines FAIL and SKIP speak of')
    parser.add_argument('--cache', type=Path, required=True, metavar='DIRECTORY',
                        help='where the kernel is kept')
    parser.add_argument('--kernel', type=Path, action='append', metavar='DEB',
                        help='a package of another kernel than the distribution\'s; again when it '
                        'comes in several (default: those named in WEIR_TEST_KERNEL)')
    parser.add_argument('--seconds', type=int, default=120, help='time limit (%(default)s)')
    parser.add_argument('--memory', type=int, default=768, help='MiB of the guest (%(default)s)')
    parser.add_argument('--cpus', type=int, default=2, help='of the guest (%(default)s)')
    parser.add_argument('--accel', default='tcg', help='of QEMU: tcg or kvm (%(default)s)')
    parser.add_argument('--log', help='file to keep the kernel log in')
    parser.add_argument('--file', action='append', type=pair, default=[], metavar='HOST[:GUEST]',
                        help='a file to take along (again for more)')
    parser.add_argument('--with-program', action='append', default=[], metavar='PROGRAM',
                        help='a program to take along with its libraries (again for more)')
    parser.add_argument('command', nargs=argparse.REMAINDER, metavar='COMMAND',
                        help='a program of the host, by its path, or one of busybox; arguments')
    arguments = parser.parse_args()
    if arguments.command[:1] == ['--']:
        arguments.command = arguments.command[1:]
    if not arguments.command:
        parser.error('no command')
    arguments.cache = arguments.cache.resolve()
    if not arguments.kernel:
        arguments.kernel = [Path(name) for name in os.environ.get('WEIR_TEST_KERNEL', '').split()]
    return arguments


def main():
    arguments = parse()
    try:
        status = run(arguments)
    except Missing as missing:
        print(f'SKIP {arguments.name}: {missing}')
        return SKIPPED
    except Failure as failure:
        print(f'FAIL {arguments.name}: {failure}')
        return 1
    if status != 0:
        print(f'# {arguments.name}: the command ended with status {status}')
    return status


if __name__ == '__main__':
    sys.exit(main())
