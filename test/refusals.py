# SPDX-License-Identifier: BSD-2-Clause
"""Every refusal code is expected by at least one test, and every status too.

    refusals.py SOURCE_ROOT

A test expects a code when it compares with it: it names WEIR_REFUSAL_CODE (a status: WEIR_E_…) or
the code's name in text that a command prints. The tests themselves show that it is reached. Lists
that run over all codes do not count: they name none.
"""

import re
import sys
from pathlib import Path

SOURCES = {'.c', '.h', '.py', '.sh', '.txt', '.expect', '.json'}


def listed(header, macro, pattern):
    text = header.read_text()
    text = text[text.index(f'#define {macro}(X)'):]
    text = text[:text.index('\n\n')]
    found = re.findall(pattern, text)
    if len(found) < 10:
        raise SystemExit(f'{header}: the list is not where it was')
    return found


def main():
    root = Path(sys.argv[1])
    tests = [p for p in (root / 'test').rglob('*') if p.suffix in SOURCES]
    text = '\n'.join(p.read_text(errors='replace') for p in tests if p.name != 'refusals.py')
    bad = 0
    for name, lower in listed(root / 'include/weir/refusal.h', 'WEIR_REFUSAL_LIST',
                              r'X\((\w+), "(\w+)"'):
        reached = re.search(rf'\bWEIR_REFUSAL_{name}\b|\brefused?\W+{lower}\b|"{lower}"', text)
        bad += not reached
        print(f'{"PASS" if reached else "FAIL"} refusal {lower}')
    for name in listed(root / 'include/weir/status.h', 'WEIR_STATUS_LIST', r'X\(-?\d+, (\w+)'):
        reached = re.search(rf'\bWEIR_{name}\b', text)
        bad += not reached
        print(f'{"PASS" if reached else "FAIL"} status {name}')
    sys.exit(bad > 0)


if __name__ == '__main__':
    main()
