# SPDX-License-Identifier: BSD-2-Clause
"""Runs ipsecmb.c on this processor and, emulated, on those libipsec-mb has other code for.

    processors.py PROGRAM [--here]

With --here only the former.
"""

import shutil
import subprocess
import sys

QEMU = 'qemu-x86_64-static'
# QEMU's name, what libipsec-mb takes there, and what the program has to find.
PROCESSORS = [
    ('Nehalem', 'SSE4.2 without AES', 'refused'),
    ('Westmere', 'SSE and AES', 'taken'),
    ('SandyBridge', 'AVX', 'taken'),
    ('Haswell', 'AVX2', 'taken'),
]


def run(label, command):
    """Shows the program's cases with the processor's name; returns whether all passed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    # QEMU says what of a processor it does not emulate, for each start.
    cases = [line for line in done.stdout.splitlines() if line.startswith(('PASS', 'FAIL', 'SKIP'))]
    for line in cases:
        word, _, rest = line.partition(' ')
        print(f'{word} {label}: {rest}')
    if done.returncode != 0 or not cases:
        if not any(line.startswith('FAIL') for line in cases):
            print(f'FAIL {label}: exit status {done.returncode}: {done.stderr.strip()[-300:]}')
        return False
    return True


def main():
    program = sys.argv[1]
    held = run('this processor', [program, 'taken'])
    for name, code, verdict in PROCESSORS if '--here' not in sys.argv else []:
        if shutil.which(QEMU) is None:
            print(f'SKIP {name} ({code}): no {QEMU}')
        else:
            held = run(f'{name} ({code})', [QEMU, '-cpu', name, program, verdict]) and held
    return 0 if held else 1


if __name__ == '__main__':
    sys.exit(main())
