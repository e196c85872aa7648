# SPDX-License-Identifier: BSD-2-Clause
"""
What weir sim puts on the wire, read by tshark with the key log: every record of every connection
opens, and all content is there.

    capture.py WEIR
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WAIT = 120
SMALL = os.environ.get('WEIR_TEST_SMALL') == '1'
BYTES = 20000 if SMALL else 60000

# (version, bits of the key, percent lost, reordered, twice, damaged, direction, variant, policy)
RUNS = [
    ('v1.2', 128, 0, 0, 0, 0, 'both', 'freebsd', 'resync'),
    ('v1.2', 256, 10, 5, 5, 3, 'both', 'linux', 'automatic'),
    ('v1.3', 128, 10, 5, 5, 3, 'both', 'freebsd', 'fallback'),
    ('v1.3', 256, 20, 5, 5, 5, 'send', 'linux', 'resync'),
    ('v1.2', 128, 20, 10, 5, 5, 'send', 'freebsd', 'fallback'),
    ('v1.3', 256, 15, 5, 5, 3, 'receive', 'linux', 'automatic'),
]


class Failure(Exception):
    """A case that fails, and why."""


def run(arguments, **options):
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          errors='replace', check=False, timeout=WAIT, stdin=subprocess.DEVNULL,
                          **options)
    if done.returncode != 0:
        raise Failure(f'{" ".join(str(a) for a in arguments)}: {done.returncode}: {done.stderr}')
    return done.stdout


class Capture:
    """One run of weir sim, and tshark's view of it."""

    def __init__(self, weir, folder, what, seed):
        version, bits, loss, reorder, twice, damaged, direction, variant, policy = what
        self.pcap, self.keys, self.folder = folder / 'wire.pcap', folder / 'keys.log', folder
        self.ways = {'both': (True, True), 'send': (True, False),
                     'receive': (False, True)}[direction]
        self.report = json.loads(run([
            weir, 'sim', '--json', '--seed', seed, '--flows', 3, '--bytes', BYTES, '--tls', version,
            '--key-bits', bits, '--loss', loss, '--reorder', reorder, '--dup', twice, '--corrupt',
            damaged, '--direction', direction, '--variant', variant, '--policy', policy, '--record',
            5000, '--pcap', self.pcap, '--keylog', self.keys]))

    def tshark(self, *arguments, keys=None):
        debug = self.folder / 'debug'
        debug.unlink(missing_ok=True)
        out = run(['tshark', '-n', '-r', self.pcap, '-o', f'tls.keylog_file:{keys or self.keys}',
                   '-o', 'tcp.check_checksum:TRUE', '-o', 'tcp.reassemble_out_of_order:TRUE',
                   '-o', f'tls.debug_file:{debug}', *arguments],
                  env=dict(os.environ, HOME=str(self.folder)))
        bad = [line for line in debug.read_text(encoding='utf-8', errors='replace').splitlines()
               if re.search(r'failed|mac.*mismatch|bad mac|not decrypt', line, re.IGNORECASE)]
        return out, bad

    def content(self, stream, keys=None):
        """Bytes of decrypted content of a connection, from the host with the card and to it."""
        out, _ = self.tshark('-q', '-z', f'follow,tls,raw,{stream}', keys=keys)
        lines = [line for line in out.splitlines() if re.fullmatch(r'\t?[0-9a-f]+', line)]
        first = sum(len(line) // 2 for line in lines if not line.startswith('\t'))
        second = sum(len(line.strip()) // 2 for line in lines if line.startswith('\t'))
        # Whoever spoke first is node 0; port 443 is the peer's.
        peer_first = re.search(r'^Node 0: .*:443$', out, re.MULTILINE)
        return (second, first) if peer_first else (first, second)


def decrypted(weir, folder, what, seed):
    capture = Capture(weir, folder, what, seed)
    if what[2] > 0 and not (capture.report['frames_lost'] and capture.report['segments_again']):
        raise Failure(f'nothing was lost: {capture.report}')
    out, bad = capture.tshark('-Y', 'tls.ignored_unknown_record || _ws.malformed')
    if out.strip() or bad:
        raise Failure(f'bad records: {out} {bad[:5]}')
    wanted = tuple(BYTES if way else 0 for way in capture.ways)
    for stream in range(3):
        got = capture.content(stream)
        if got != wanted:
            raise Failure(f'connection {stream}: {got} bytes of content, not {wanted}')


def wrong_key(weir, folder):
    """With other secrets nothing opens: what is counted above is what was decrypted."""
    capture = Capture(weir, folder, RUNS[2], 5)
    lines = capture.keys.read_text(encoding='ascii').splitlines()
    other = folder / 'other.log'
    other.write_text('\n'.join(line[:-1] + ('0' if line[-1] != '0' else '1') for line in lines)
                     + '\n', encoding='ascii')
    if capture.content(0, other) != (0, 0):
        raise Failure('content without the right key')


def main():
    weir = Path(sys.argv[1])
    failed = 0
    if shutil.which('tshark') is None:
        print('SKIP tshark reads the wire of weir sim: no tshark here')
        return 0
    cases = [(f'tshark reads the wire of weir sim, {what[0]}, {what[1]} bits, {what[6]}, '
              f'{what[2]} percent lost, {what[7]}, {what[8]}', decrypted, (what, 7 + i))
             for i, what in enumerate(RUNS[:3] if SMALL else RUNS)]
    cases.append(('tshark reads nothing with another key', wrong_key, ()))
    for name, function, arguments in cases:
        with tempfile.TemporaryDirectory(prefix='weir-capture-') as folder:
            try:
                function(weir, Path(folder), *arguments)
                print(f'PASS {name}', flush=True)
            except (Failure, OSError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f'FAIL {name}: {" | ".join(str(error).splitlines())}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
