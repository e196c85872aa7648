# SPDX-License-Identifier: BSD-2-Clause
"""Runs a suite of cases as an image under an emulator, and holds it to what the host runs.

    image.py HOST_PROGRAM IMAGE EMULATOR…

Every group of cases has a run of the image of its own, so that one that hangs or faults takes no
other along. A case may be skipped on a target, by name and with its reason.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

GROUP_SECONDS = 200
POINT = re.compile(r'^(ok|not ok) \d+ - (\S+)(?: # SKIP (.*))?$')
SUM = re.compile(r'^# \d+ passed, \d+ failed, of (\d+)$')


def said(command):
    """What a program writes, and how it ended: '' when well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors='replace',
                              check=False, timeout=GROUP_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b''
        return text.decode(errors='replace'), f'not done after {GROUP_SECONDS} s'
    end = f'exit status {done.returncode}' if done.returncode != 0 else ''
    return done.stdout + done.stderr, end


def points(text):
    """[(name, 'ok' or 'not ok', why it was skipped)], and how many cases there are in all."""
    found, total = [], None
    for line in text.splitlines():
        point, last = POINT.match(line), SUM.match(line)
        if point:
            found.append((point[2], point[1], point[3]))
        elif last:
            total = int(last[1])
    return found, total


class Report:
    """Lines for the reader and for test/results.py."""

    def __init__(self):
        self.failed = 0

    def case(self, name, fault, remarks=()):
        self.failed += bool(fault)
        print(f'FAIL {name}: {fault}' if fault else f'PASS {name}')
        for remark in remarks:
            print(f'    {remark}')

    def image(self, text):
        """What a run of the image told."""
        for line in text.splitlines():
            point = POINT.match(line)
            if point and point[3]:
                print(f'SKIP {point[2]}: {point[3]}')
            elif point:
                self.case(point[2], 'failed' if point[1] == 'not ok' else '')
            elif line.startswith('# ') and not SUM.match(line):
                print(f'    {line}')


def main():
    host_program, image, *emulator = sys.argv[1:]
    report = Report()
    text, end = said([host_program])
    host, host_total = points(text)
    names = [name for name, _, _ in host]
    fault = end or ('' if len(host) == host_total > 0 else f'{len(host)} cases of {host_total}')
    report.case('the host runs its own', fault, text.splitlines()[-20:] if fault else ())
    groups = list(dict.fromkeys(name.split('.')[0] + '.' for name in names))
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        runs = list(pool.map(lambda group: said([*emulator, image, '-append', group]), groups))
    target, totals = [], set()
    for group, (text, end) in zip(groups, runs):
        report.image(text)
        found, total = points(text)
        target += found
        totals.add(total)
        if end and not any(result == 'not ok' for _, result, _ in found):
            report.case(f'{group}end', end, text.splitlines()[-5:])
    # A case left out, one too many, or another one.
    there = [name for name, _, _ in target]
    same = there == names and totals == {host_total}
    report.case('as many cases as on the host', '' if same else
                f'{len(there)} of {sorted(map(str, totals))}, host {len(names)} of {host_total}',
                [f'only once: {name}' for name in sorted(set(names) ^ set(there))[:20]])
    skipped = sum(why is not None for _, _, why in target)
    print(f'NOTE {len(there)} cases on the target, {skipped} of them skipped; '
          f'{len(names)} on the host')
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
