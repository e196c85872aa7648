# SPDX-License-Identifier: BSD-2-Clause
"""Breaks one rule of the device engine at a time, and expects the tests to notice.

    run.py SOURCE_ROOT [WORD…]      only the rules whose names have all the words

Works on a copy of the sources with a build of its own. The rules are in engine.py. A test that does
not end counts as having noticed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from engine import MUTATIONS

PATIENCE = 60
# In this order: what notices most, soonest.
TESTS = [
    ['test/sim/sim-nic-tx'],
    ['test/sim/sim-nic-rx'],
    ['test/sim/sim-device-checks'],
    ['test/unit-criterion', '--filter', '@(seqmap|rx_marked)*/*'],
    ['test/sim/sim-device-seeds'],
    ['test/sim/sim-device-faults'],
]
OPTIONS = ['-Doptimization=0', '-Ddebug=false', '-Dtests=enabled', '-Dtools=disabled',
           '-Dfuzz=disabled', '-Dinsecure=enabled']


def copy_sources(root, to):
    """What belongs to the project, and no build of it."""
    listed = subprocess.run(['git', '-C', root, 'ls-files', '-z', '--cached', '--others',
                             '--exclude-standard'], capture_output=True, check=False)
    if listed.returncode != 0:
        shutil.copytree(root, to, ignore=shutil.ignore_patterns('build*', '.git', '__pycache__'))
        return
    for name in filter(None, listed.stdout.decode().split('\0')):
        source, target = root / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


class Bench:
    """A copy of the tree, built, whose files can be changed for a while."""

    def __init__(self, root, folder):
        self.tree = folder / 'tree'
        self.build = self.tree / 'build'
        copy_sources(root, self.tree)
        self.run(['meson', 'setup', *OPTIONS, str(self.build)], check=True)
        # With this much compiled before, each rule takes a file or two.
        if not self.make():
            raise SystemExit('run.py: the tests cannot be built')

    def run(self, command, check=False):
        done = subprocess.run(command, cwd=self.tree, capture_output=True, text=True, check=False,
                              timeout=600)
        if check and done.returncode != 0:
            raise SystemExit(f'run.py: {command[0]} failed\n{done.stdout[-2000:]}')
        return done

    def make(self):
        targets = [test[0] for test in TESTS]
        return self.run(['ninja', '-C', str(self.build), *targets]).returncode == 0

    def noticed(self):
        """The test that fails, or None."""
        env = dict(os.environ, WEIR_TEST_SMALL='1')
        for program, *arguments in TESTS:
            try:
                done = subprocess.run([self.build / program, *arguments], env=env, check=False,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                return f'{Path(program).name}, which does not end'
            if done.returncode != 0:
                return Path(program).name
        return None

    def judge(self, name, file, old, new):
        """Makes the edit, asks the tests, takes the edit back; answers the result's line."""
        path = self.tree / file
        text = path.read_text()
        if text.count(old) != 1:
            return f'FAIL {name}: {file} has the text that is to be changed {text.count(old)} times'
        path.write_text(text.replace(old, new))
        try:
            if not self.make():
                return f'FAIL {name}: does not compile'
            who = self.noticed()
            return f'PASS {name}' if who else f'FAIL {name}: no test notices'
        finally:
            path.write_text(text)


def main():
    root, words = Path(sys.argv[1]).resolve(), sys.argv[2:]
    chosen = [row for row in MUTATIONS if all(word in row[0] for word in words)]
    failed = 0

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(root, Path(folder))
        who = bench.noticed()
        if who:
            print(f'FAIL nothing changed: {who} fails nevertheless')
            return 1
        print('PASS nothing changed', flush=True)
        for row in chosen:
            line = bench.judge(*row)
            failed += line.startswith('FAIL')
            print(line, flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
