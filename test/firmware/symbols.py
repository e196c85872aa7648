# SPDX-License-Identifier: BSD-2-Clause
"""What the library needs from outside on a target: the memory functions, and of the compiler's own
functions none that divides 64 bits or computes with a point.

    symbols.py TEST_DIR LIBRARY PLANTED_LIBRARY

`PLANTED_LIBRARY` needs both, so that the check is seen to notice.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1]) / 'budget'))

import objects  # noqa: E402 the path is set above
from report import Report  # noqa: E402

# What a core without the instruction has a function for: products and shifts of 64 bits, the order
# of their bytes, division of 32 bits, and the tables of a switch in Thumb.
HELPERS = re.compile(r'^(__aeabi_(lmul|ll?s[lr]|lasr|u?idiv(mod)?)|__gnu_thumb1_case_\w+'
                     r'|__(muldi3|ashldi3|ashrdi3|lshrdi3|bswap[ds]i2))$')


def needs(library):
    """Symbols that a library leaves to others, but for the memory functions."""
    found = objects.undefined([library]) - objects.defined([library]) - objects.MEMORY
    return {name for name in found if not objects.ALIASES.match(name)}


def main():
    library, planted = sys.argv[2:]
    report = Report()
    found = needs(library)
    report.case('the library needs', [f'needs {name}' for name in sorted(found)
                                      if not HELPERS.match(name)],
                ', '.join(sorted(found)) or 'nothing of the compiler')
    defined = len(objects.defined([library]))
    report.case('the library was read', [] if defined > 100 else [f'{defined} symbols'],
                f'{defined} symbols')
    refused = {name for name in needs(planted) if not HELPERS.match(name)}
    report.case('what is planted is noticed', [] if len(refused) == 2 else
                [f'of two, noticed {sorted(refused)}'], ', '.join(sorted(refused)))
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
