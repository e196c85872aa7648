# SPDX-License-Identifier: BSD-2-Clause
"""Prints cases the way the frame of tests counts them, and remembers whether one failed."""

import subprocess


class Report:
    """Cases of one run: lines PASS, FAIL and SKIP on standard output."""

    def __init__(self):
        self.failed = 0

    def case(self, name, faults, figure=''):
        """One case; `faults` is a list of what is wrong, empty when it holds."""
        faults = list(faults)
        if faults:
            self.failed += 1
            print(f'FAIL {name}: {"; ".join(faults)}', flush=True)
        else:
            print(f'PASS {name}' + (f': {figure}' if figure else ''), flush=True)

    @staticmethod
    def skip(name, reason):
        print(f'SKIP {name}: {reason}', flush=True)


def output_of(command, cwd=None):
    """What a command prints; raises with its own words when it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, timeout=120, cwd=cwd)
    if done.returncode != 0:
        raise RuntimeError(f'{command[0]}: {done.stderr.strip()[:400]}')
    return done.stdout
