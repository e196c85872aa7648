#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of results.py: a counter that loses failures would make every other test worthless."""

import sys

from results import count_test, notes


def entry(stdout='', result='OK', returncode=0, stderr=''):
    return {'name': 'program', 'result': result, 'returncode': returncode, 'stdout': stdout,
            'stderr': stderr}


CRITERION = '''TAP version 13
1..4
# Criterion v2.4.1
ok - status::one  (0.00s)
not ok - status::two unexpected signal after x.c:10
ok - status::three  # SKIP because
not ok - status::four timed out (1.01s)
'''
PLAIN = 'ok 1 - a.one\nnot ok 2 - a.two\n# x.c:3: no\nok 3 - a.three # SKIP why not\n1..3\n'
LINES = 'PASS one\nsomething else\nFAIL two: got 3\nSKIP three: the tool cannot\nPASSED x\n'
ASAN = '==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n'
LEAK = '==1==ERROR: LeakSanitizer: detected memory leaks\n'
UBSAN = 'x.c:12:45: runtime error: signed integer overflow\n'

# what, entry, is TAP, (passed, failed, skipped)
CASES = [
    ('criterion', entry(CRITERION, 'ERROR', 1), True, (1, 2, 1)),
    ('plain_runner', entry(PLAIN, 'ERROR', 1), True, (1, 1, 1)),
    ('tap_without_points', entry('TAP version 13\n1..0\n'), True, (0, 1, 0)),
    ('tap_all_good_but_crashed', entry('ok - a::b\n', 'ERROR', -11), True, (1, 1, 0)),
    ('tap_timeout', entry('', 'TIMEOUT', -15), True, (0, 1, 0)),
    ('lines', entry(LINES, 'FAIL', 1), False, (1, 1, 1)),
    ('failed_line_but_exit_0', entry('FAIL a: b\n'), False, (0, 1, 0)),
    ('passed_lines_but_exit_1', entry('PASS a\nPASS b\n', 'FAIL', 1), False, (2, 1, 0)),
    ('no_lines', entry('hello\n'), False, (1, 0, 0)),
    ('no_lines_failed', entry('hello\n', 'FAIL', 3), False, (0, 1, 0)),
    ('skipped_program', entry('no such tool\n', 'SKIP', 77), False, (0, 0, 1)),
    ('asan_in_good_test', entry('PASS a\n', stderr=ASAN), False, (1, 1, 0)),
    ('leak_in_good_test', entry('ok - a::b\n', stderr=LEAK), True, (1, 1, 0)),
    ('ubsan_in_good_test', entry('', stderr=UBSAN), False, (0, 1, 0)),
]


def main():
    failed = 0
    for name, log, is_tap, wanted in CASES:
        count = count_test(log, is_tap)
        got = (count.passed, len(count.failed), len(count.skipped))
        print(f'PASS results.{name}' if got == wanted
              else f'FAIL results.{name}: got {got}, wanted {wanted}')
        failed += got != wanted
    skip = count_test(entry(LINES, 'FAIL', 1), False).skipped
    good = skip == ['three: the tool cannot']
    print('PASS results.skip_reason' if good else f'FAIL results.skip_reason: {skip}')
    seen = notes(entry('PASS a\nNOTE  7 cases\nNOTED b\n x NOTE c\n'))
    told = seen == ['7 cases']
    print('PASS results.notes' if told else f'FAIL results.notes: {seen}')
    return 1 if failed or not good or not told else 0


if __name__ == '__main__':
    sys.exit(main())
