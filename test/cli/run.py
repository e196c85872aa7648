# SPDX-License-Identifier: BSD-2-Clause
"""Suite cli: the weir command as its users see it.

    run.py WEIR BUILD GROUP [NAME…]

WEIR: the command; BUILD: what it is built with, as JSON; GROUP: one of those below, or all; NAME:
only cases whose name has this in it. WEIR_TEST_SMALL=1 in the environment asks for the short form.
"""

import signal
import sys
import tempfile

import echo
import faults
import hosts
import load
import perf
import sim
import site_cases
import trust
import usage
from harness import Cases, World

GROUPS = {'usage': usage, 'faults': faults, 'perf': perf, 'site': site_cases, 'echo': echo,
          'load': load, 'trust': trust, 'hosts': hosts, 'sim': sim}


def main():
    command, build, group, *names = sys.argv[1:]
    cases = Cases(names)
    with tempfile.TemporaryDirectory(prefix='weir-cli-') as folder:
        world = World(command, build, folder)
        site_cases.make(world)
        for name, module in GROUPS.items():
            if group in (name, 'all'):
                module.run(cases, world)
    return 1 if cases.failed or not cases.count else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
