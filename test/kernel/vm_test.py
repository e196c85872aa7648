# SPDX-License-Identifier: BSD-2-Clause
"""The virtual machine itself: what ends well, and what is seen when it does not.

A harness that cannot fail tests nothing, so most of these cases make the guest fail.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VM = Path(__file__).with_name('vm.py')
END = 'guest-0123456789abcdef-ended 0'

# name, command in the guest, further arguments, status, text that must be there
GUESTS = [
    ('a command that ends well', ['sh', '-c', 'echo some text; uname -s'], [], 0,
     'some text\nLinux\n'),
    ('the status of the command', ['sh', '-c', 'exit 3'], [], 3, 'ended with status 3'),
    ('an end that was not announced', ['poweroff', '-f'], [], 1, 'FAIL guest: the guest powered'),
    ('an end that the command made up', ['sh', '-c', f'echo "{END}"; poweroff -f'], [], 1,
     'FAIL guest: the guest powered'),
    ('a guest that hangs', ['sleep', '100'], ['--seconds', '8'], 1,
     'FAIL guest: the guest did not end within 8 s'),
    ('a kernel panic', ['sh', '-c', 'echo c >/proc/sysrq-trigger; sleep 100'], [], 1,
     'FAIL guest: kernel log: '),
    ('a warning of the kernel',
     ['sh', '-c', 'echo "<4>WARNING: CPU: 0 PID: 1 at net/tls/tls_sw.c:1" >/dev/kmsg'], [], 1,
     'FAIL guest: kernel log: '),
    ('a file taken along', ['head', '-n', '1', '/taken'],
     ['--file', f'{__file__}:/taken'], 0, '# SPDX-License-Identifier'),
]


def vm(cache, command, options=(), env=None):
    done = subprocess.run([sys.executable, '-B', str(VM), '--cache', str(cache), *options, '--',
                           *command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=env)
    return done.returncode, done.stdout


def verdict(name, status, text, wanted_status, wanted_text):
    if status == wanted_status and wanted_text in text:
        print(f'PASS {name}', flush=True)
        return True
    lines = ' | '.join(text.splitlines()[-6:]).replace('FAIL', 'fail')
    print(f'FAIL {name}: status {status}, not {wanted_status}; {lines}', flush=True)
    return False


def without_machine(cache):
    """Where there can be no machine the test is skipped, by name and with the reason."""
    env = dict(os.environ, PATH='/nonexistent')
    with tempfile.TemporaryDirectory() as empty:
        broken = Path(empty) / 'linux-image-broken.deb'
        broken.write_bytes(b'not a package')
        return [
            verdict('no QEMU here', *vm(cache, ['true'], env=env), 77, 'SKIP guest: no '),
            verdict('no kernel here', *vm(cache, ['true'], ['--kernel', str(broken)]), 77,
                    'SKIP guest: dpkg-deb'),
        ]


def main():
    cache = Path(sys.argv[1])
    status, text = vm(cache, ['true'])
    if status == 77:
        print(text, end='')
        return 77
    results = [verdict('a command that says nothing', status, text, 0, '')]
    with ThreadPoolExecutor(2) as pool:
        for (name, _, _, wanted, has), (status, text) in zip(
                GUESTS, pool.map(lambda guest: vm(cache, guest[1], guest[2]), GUESTS)):
            results.append(verdict(name, status, text, wanted, has))
    results += without_machine(cache)
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
