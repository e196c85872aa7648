# SPDX-License-Identifier: BSD-2-Clause
"""
Reads with tshark what the example with lwIP and the card puts on the wire: every record of a lossy
run, of both directions, must decrypt to what was sent. Nothing of weir judges here.

    tshark.py EXAMPLE
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BYTES = 60000
SEEDS = 2 if os.environ.get('WEIR_TEST_SMALL') == '1' else 5
NEAR, FAR = 1, 2
ADDRESS = '10.0.0.1'  # of the end with the card
SUSPICIOUS = ('auth tag mismatch', 'decryption failed', 'malformed')


def pattern(who, count):
    """The bytes that an end sends: pattern.h of the example."""
    whole = bytearray()
    for i in range(count):
        x = ((i + 1) * 0x9e3779b97f4a7c15 + who) & (2**64 - 1)
        whole.append((x >> 56 ^ x >> 40) & 0xff)
    return bytes(whole)


def tshark(capture, keylog, *options):
    """What tshark says of a capture."""
    command = ['tshark', '-n', '-r', str(capture), '-d', 'tcp.port==4433,tls',
               '-o', f'tls.keylog_file:{keylog}', '-o', 'tcp.reassemble_out_of_order:TRUE',
               *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def streams(capture, keylog, debug):
    """Decrypted application data: of the end with the card, and of the peer."""
    text = tshark(capture, keylog, '-o', f'tls.debug_file:{debug}', '-q', '-z',
                  'follow,tls,raw,0').splitlines()
    found = {True: bytearray(), False: bytearray()}  # by: is of node 0
    first = next(line for line in text if line.startswith('Node 0: '))
    for line in text:
        digits = line.strip()
        if digits and all(c in '0123456789abcdef' for c in digits):
            found[not line.startswith('\t')] += bytes.fromhex(digits)
    near_is_first = ADDRESS in first
    return bytes(found[near_is_first]), bytes(found[not near_is_first])


def run(example, directory, version, seed):
    """One run and what tshark makes of it; None or what is wrong."""
    capture, keylog = directory / 'wire.pcap', directory / 'keys'
    debug = directory / 'debug'
    for path in (capture, keylog, debug):
        path.unlink(missing_ok=True)
    done = subprocess.run([example, '--tls', version, '--bytes', str(BYTES), '--loss', '5',
                           '--pcap', capture, '--keylog', keylog, str(seed)],
                          capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        return f'the example failed: {done.stdout.strip().splitlines()[-1:]}'
    again = tshark(capture, keylog, '-Y', 'tcp.analysis.retransmission')
    if not again.strip():
        return 'nothing was lost'
    near, far = streams(capture, keylog, debug)
    for name, got, who in (('card', near, NEAR), ('peer', far, FAR)):
        if got != pattern(who, BYTES):
            return f'{name}: {len(got)} bytes that are not what was sent'
    log = debug.read_text(errors='replace').lower()
    return next((f'tshark says: {word}' for word in SUSPICIOUS if word in log), None)


def main():
    """A line for each version."""
    if shutil.which('tshark') is None:
        print('SKIP tshark: not installed')
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        for version in ('1.2', '1.3'):
            wrong = [(seed, why) for seed in range(1, SEEDS + 1)
                     if (why := run(sys.argv[1], Path(directory), version, seed)) is not None]
            name = f'tshark decrypts TLS {version} through the card'
            print(f'PASS {name}' if not wrong else f'FAIL {name}: seed {wrong[0][0]}: {wrong[0][1]}')
            failed |= bool(wrong)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
