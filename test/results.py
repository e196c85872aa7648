# SPDX-License-Identifier: BSD-2-Clause
"""Counts single cases in what meson logged about a run of tests.

A test tells its cases as TAP points (protocol 'tap') or as lines `PASS name`, `FAIL name: why`,
`SKIP name: reason`. One that tells none is one case. A test that crashed, timed out or broke the
protocol is a failure even when every case it told of had passed.
"""

import json
import re

TAP_POINT = re.compile(
    r'^(?P<bad>not )?ok\b\s*(?:\d+\b)?\s*(?:-\s*)?(?P<name>[^#]*?)\s*'
    r'(?:#\s*(?P<word>SKIP|TODO)\S*\s*(?P<why>.*))?$', re.IGNORECASE)
LINE = re.compile(r'^(?P<word>PASS|FAIL|SKIP) (?P<name>[^:]*)(?::\s*(?P<why>.*))?$')
REPORT = re.compile(
    r'(ERROR: \w+Sanitizer: [\w-]+|WARNING: \w+Sanitizer: .*|: runtime error: .*)')
TIME = re.compile(r'\s*\(\d+\.\d+s\)$')
GOOD = ('OK', 'SKIP', 'EXPECTEDFAIL')


class Count:
    """Cases of one or more tests: how many passed, which failed and which were skipped."""

    def __init__(self):
        self.passed = 0
        self.failed = []   # "name: why"
        self.skipped = []  # "name: reason"

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def total(self):
        return self.passed + len(self.failed) + len(self.skipped)

    def __str__(self):
        text = f'{self.passed} passed, {len(self.failed)} failed'
        return text + (f', {len(self.skipped)} skipped' if self.skipped else '')


def _note(count, word, name, why):
    if word == 'PASS':
        count.passed += 1
    elif word == 'FAIL':
        count.failed.append(f'{name}: {why}' if why else name)
    else:
        count.skipped.append(f'{name}: {why or "no reason given"}')


def count_tap(text):
    count = Count()
    for line in text.splitlines():
        match = TAP_POINT.match(line)
        if not match:
            continue
        name = TIME.sub('', match['name'])
        if (match['word'] or '').upper() == 'SKIP':
            _note(count, 'SKIP', name, match['why'])
        elif match['bad']:
            _note(count, 'FAIL', name, match['why'])
        else:
            _note(count, 'PASS', name, '')
    return count


def count_lines(text):
    count = Count()
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            _note(count, match['word'], match['name'], match['why'])
    return count


def first_line(*texts):
    for text in texts:
        for line in text.splitlines():
            if line.strip():
                return line.strip()
    return ''


def count_test(entry, is_tap):
    """The cases of one entry of meson's testlog.json."""
    name, result = entry['name'], entry['result']
    out, err = entry.get('stdout') or '', entry.get('stderr') or ''
    count = count_tap(out) if is_tap else count_lines(out)
    report = REPORT.search(out) or REPORT.search(err)
    if result not in GOOD and not count.failed:
        count.failed.append(f'{name}: {result.lower()}, exit status {entry.get("returncode")}')
    elif report and not count.failed:
        count.failed.append(f'{name}: {report.group(1).lstrip(": ")}')
    elif count.total() == 0:
        if is_tap:
            count.failed.append(f'{name}: told of no case')
        elif result == 'SKIP':
            count.skipped.append(f'{name}: {first_line(out, err) or "no reason given"}')
        else:
            count.passed = 1
    return count


def notes(entry):
    """What a test wants a human to read of a run, whatever its result: its lines `NOTE text`."""
    out = entry.get('stdout') or ''
    return [line[5:].strip() for line in out.splitlines() if line.startswith('NOTE ')]


def read_log(path):
    """Entries of a testlog.json; meson writes "project:suite / name" when it likes."""
    with open(path, encoding='utf-8', errors='replace') as log:
        entries = [json.loads(line) for line in log if line.strip()]
    for entry in entries:
        entry['name'] = entry['name'].split(' / ')[-1]
    return entries
