# SPDX-License-Identifier: BSD-2-Clause
"""weir opposite OpenSSL's and GnuTLS's tools and curl: prints a table, and one line per case.

WEIR_TEST_SMALL=1 moves 1 MB where it would be 100.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import foreign
import matrix
from harness import Data, Failure, Stage, end_on_signals

AT_A_TIME = 2


@dataclass
class Library:
    """A TLS library of weir's end."""
    version: str
    suites: set = field(default_factory=set)
    versions: set = field(default_factory=set)


@dataclass
class Result:
    case: object
    outcome: str  # 'pass', 'FAIL', 'not possible'
    text: str
    who: str = ''  # cannot do it


class World:
    """What all cases share."""

    def __init__(self, arguments, directory):
        self.peer, self.directory = arguments.peer, directory
        self.libraries, self.suites = {}, {}
        self._ask(self.peer)
        small = os.environ.get('WEIR_TEST_SMALL', '0') == '1'
        self.size = 1_000_000 if small else 100_000_000
        self.data = Data(directory, max(self.size, 4_000_000))
        self.credentials = foreign.Credentials(directory)
        tools = [foreign.SClient(self.credentials), foreign.SServer(self.credentials),
                 foreign.GnuTLSCli(self.credentials, arguments.preload),
                 foreign.GnuTLSServ(self.credentials), foreign.Curl(self.credentials),
                 foreign.NssClient(self.credentials, arguments.nss)]
        self.tools = {tool.name: tool for tool in tools}
        self.peers = tools[:-2]
        self._lock = threading.Lock()
        self.reports, self.records, self.keys = 0, 0, {}
        self.twice = []

    def _ask(self, peer):
        text = subprocess.run([peer, '--list'], capture_output=True, text=True, check=True,
                              timeout=60).stdout
        for line in text.splitlines():
            word, name, *rest = line.split(' ')
            if word == 'library':
                self.libraries[name] = Library(' '.join(rest[:2]))
            elif word == 'suite':
                self.libraries[name].suites.add(rest[0])
            else:
                self.suites[name] = foreign.Suite(name, *rest)
        for library in self.libraries.values():
            library.versions = {self.suites[name].version for name in library.suites}

    def tool(self, name):
        return self.tools[name]

    def note(self, report):
        """Keys of one connection: none may be one that another connection used."""
        wire = report['wire']
        with self._lock:
            self.reports += 1
            self.records += wire['records']
            for key in wire['keys']:
                self.keys[key] = self.keys.get(key, 0) + 1
                if self.keys[key] > 1:
                    self.twice.append(key)


def run_case(world, case):
    reason = matrix.reason_of(world, case)
    if reason:
        return Result(case, 'not possible', reason[1], reason[0])
    with tempfile.TemporaryDirectory(dir=world.directory) as name:
        try:
            with Stage(Path(name)) as stage:
                return Result(case, 'pass', case.run(world, case, stage))
        except (Failure, OSError, subprocess.SubprocessError) as error:
            return Result(case, 'FAIL', str(error).replace('\n', ' '))


def show_bytes(size):
    return f'{size // 1_000_000} MB' if size >= 1_000_000 else f'{size // 1000} kB'


def print_table(results):
    """Every case as a line."""
    head = ('what', 'peer', 'weir is', 'handshake by', 'TLS', 'suite', 'bytes', 'result', 'seen')
    rows = [head]
    for result in results:
        case = result.case
        what = case.group + (f' {case.label}' if case.label else '')
        peer = case.peer if case.tool else f'weir on {case.peer}'
        rows.append((what, peer, case.role, case.lib, case.suite.version, case.suite.name,
                     show_bytes(case.size), result.outcome, result.text))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    for row in rows:
        print('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(row, widths)) +
              f' | {row[-1]}')


def print_skipped(results):
    """One line for each reason, with the suites it is about and how many cases."""
    gathered = {}
    for result in results:
        what, found, suite = result.text.partition(' has no TLS_')
        cases = gathered.setdefault((result.who, what + (' has no ' if found else '')), [])
        cases.append(f'TLS_{suite}' if found else '')
    for (who, reason), names in gathered.items():
        suites = ', '.join(dict.fromkeys(names))
        times = '1 case' if len(names) == 1 else f'{len(names)} cases'
        print(f'SKIP {who}: not possible: {reason}{suites} ({times})')


def print_lines(world, results):
    """One line per case, or per reason that it is not possible. Answers whether all is well."""
    for result in results:
        if result.outcome == 'pass':
            print(f'PASS {result.case.name}')
        elif result.outcome == 'FAIL':
            print(f'FAIL {result.case.name}: {result.text}')
    print_skipped([result for result in results if result.outcome == 'not possible'])
    return print_wire(world) and all(result.outcome != 'FAIL' for result in results)


def print_wire(world):
    """Over all connections: no key was used by two of them, so no (key, nonce) either."""
    text = (f'{world.records} records of {world.reports} connections under {len(world.keys)} '
            f'keys, no (key, nonce) twice')
    if world.reports == 0 or world.twice:
        print(f'FAIL wire/all-connections: {len(world.twice)} keys in two connections, '
              f'{world.reports} connections')
        return False
    print(f'wire tap: {text}')
    print('PASS wire/all-connections')
    return True


def parse_arguments():
    parser = argparse.ArgumentParser(description='weir opposite TLS programs of other people')
    parser.add_argument('peer', help="weir's end: interop-peer")
    parser.add_argument('preload', help='interop-setbuf.so')
    parser.add_argument('--nss', help='interop-nss, where there is NSS')
    parser.add_argument('patterns', nargs='*', metavar='PATTERN',
                        help='only the cases with this in their name')
    return parser.parse_intermixed_args()


def main():
    arguments = parse_arguments()
    if not shutil.which('openssl'):
        print('SKIP all: openssl, which makes the certificates, is not installed')
        return 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='weir-interop-') as name:
        end_on_signals(name)
        world = World(arguments, Path(name))
        chosen = [case for case in matrix.every(world)
                  if not arguments.patterns or
                  any(pattern in case.name for pattern in arguments.patterns)]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            results = list(pool.map(lambda case: run_case(world, case), chosen))
    print_table(results)
    good = print_lines(world, results)
    print(f'{time.monotonic() - begin:.0f} s')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
