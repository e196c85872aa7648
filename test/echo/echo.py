# SPDX-License-Identifier: BSD-2-Clause
"""Runs examples/firmware-echo: images on boards of QEMU's, a TLS peer at the far end.

    echo.py SOURCE_ROOT PEER

PEER is the program made of peer*.c: OpenSSL alone, or a connection of weir's. The rest is built
here, by the Makefile of the example, as its README says.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'budget'))
from board import SECONDS, Tampered, on_pipes, on_uart, sign  # noqa: E402
from report import Report  # noqa: E402
from stack import BELOW, Stack, layer_of  # noqa: E402

MEGABYTE = 1000000
NAMES = {'mps2-an386': 'Cortex-M4', 'mps2-an385': 'Cortex-M0+', 'virt': 'RV32'}
NEEDS = ('make', 'openssl', 'arm-none-eabi-gcc', 'riscv64-unknown-elf-gcc', 'qemu-system-arm',
         'qemu-system-riscv32')
# What the image's own counter asks for in a megabyte: one each 256 KiB.
UPDATES = 3


class Echo:
    """The programs, and what is found out by running them."""

    def __init__(self, root, peer, directory, report):
        self.example = root / 'examples/firmware-echo'
        self.peer, self.directory, self.report = peer, directory, report
        self.stack = {}  # board -> the most that any image of it has used

    def build(self, folder, *options):
        subprocess.run(['make', '-s', '-j2', '-C', str(self.example),
                        f'O={self.directory / folder}', *options], check=True, timeout=240,
                       stdout=subprocess.DEVNULL)

    def image(self, board, line, folder='full'):
        return self.directory / folder / f'{board}{"-semihost" if line == "pipes" else ""}.elf'

    def key(self):
        return ['--cert', self.directory / 'full/cert.pem', '--key', self.directory / 'full/key.pem']

    def connect(self, line, peer_arguments, image_is_client=False, host_arguments=(), ca=None):
        """One connection; what the host's program and the peer printed."""
        host = [self.directory / 'full/host', *host_arguments]
        peer = [self.peer, *peer_arguments]
        first, second = (peer, host) if image_is_client else (host, peer)
        if image_is_client:
            first += ['--listen', *self.key()]
        else:
            first += ['--listen', '0', *self.key()]
        if first is host:
            first.append(line)
        with subprocess.Popen(list(map(str, first)), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as server:
            try:
                port = re.match(r'port (\d+)', server.stdout.readline())
                second += ['--connect', port[1] if port else '1']
                if second is host:
                    second += ['--ca', ca or self.key()[1], line]
                client = subprocess.run(list(map(str, second)), capture_output=True, text=True,
                                        check=False, timeout=3 * SECONDS)
                text = server.communicate(timeout=3 * SECONDS)[0]
            finally:
                server.kill()  # nothing, once it has ended
        return (text, client.stdout) if first is host else (client.stdout + client.stderr, text)

    def note_stack(self, board, host_text):
        used = re.search(r'stack (\d+) bytes', host_text)
        if used:
            self.stack[board] = max(self.stack.get(board, 0), int(used[1]))


def figures(host_text, peer_text):
    """What is to be looked at, of both texts, as one dictionary."""
    found = {'digests': '', 'refused': ''}
    peer = re.search(r'sent=(\d+):(\w+) got=(\d+):(\w+) updates=(\d+)/(\d+) closed=(\d) '
                     r'alert=(\d+)', peer_text)
    if peer:
        found |= {'peer sent': int(peer[1]), 'peer got': int(peer[3]),
                  'peer updates': (int(peer[5]), int(peer[6])), 'closed': peer[7] == '1',
                  'peer alert': int(peer[8]), 'digests': 'equal' if peer[2] == peer[4] else ''}
    image = re.search(r'image: status (\w+), alert (\d+), sent (\d+) bytes, key updates (\d+) sent '
                      r'(\d+) received', host_text)
    if image:
        found |= {'status': image[1], 'image alert': int(image[2]), 'image sent': int(image[3]),
                  'image updates': (int(image[4]), int(image[5]))}
    refused = re.search(r'refused by the image: (\w+) (\w+)', host_text)
    if refused:
        found['refused'] = f'{refused[1]} {refused[2]}'
    return found


def differences(found, wanted):
    return [f'{name} is {found.get(name)}, not {value}' for name, value in wanted.items()
            if found.get(name) != value]


def judge(echo, name, texts, wanted):
    found = figures(*texts)
    faults = differences(found, wanted)
    if faults:
        print(f'{name}: {texts}', file=sys.stderr)
    echo.report.case(name, faults, ', '.join(f'{key} {value}' for key, value in wanted.items()))


def whole(count, updates=None):
    """What a stream of `count` bytes must come to."""
    wanted = {'digests': 'equal', 'peer got': count, 'image sent': count, 'closed': True,
              'status': 'CLOSED'}
    return wanted | {} if updates is None else wanted | {'peer updates': (updates, updates),
                                                         'image updates': (updates, updates)}


# name, kind of peer, options of the peer, whether the image is the client, KeyUpdates of each
STREAMS = [
    ('OpenSSL client, TLS 1.3', 'openssl', ['--update'], False, UPDATES + 1),
    ('OpenSSL client, TLS 1.2', 'openssl', ['--tls12'], False, 0),
    ('weir client, TLS 1.3', 'weir', ['--update', '--cipher', 'TLS_AES_128_GCM_SHA256'], False,
     UPDATES + 1),
    ('OpenSSL server, TLS 1.3', 'openssl', ['--update'], True, UPDATES + 1),
    ('weir server, TLS 1.2', 'weir', ['--tls12'], True, 0),
]


def check_streams(echo):
    """A megabyte, with KeyUpdates of both ends in the middle, over pipes."""
    for board, name in NAMES.items():
        for title, kind, options, client, updates in STREAMS if board == 'mps2-an386' \
                else STREAMS[:2]:
            with on_pipes(board, echo.image(board, 'pipes'), echo.directory) as line:
                texts = echo.connect(line, [kind, *options, MEGABYTE], client)
            echo.note_stack(board, texts[0])
            judge(echo, f'{name}, 1 MB, {title}', texts, whole(MEGABYTE, updates))


def check_unknown_server(echo):
    """The host gives the image no keys that it shares with a server nobody vouches for."""
    board, other = 'mps2-an386', echo.directory / 'other.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-days', '2',
                    '-out', other, '-keyout', echo.directory / 'other.key'], check=True,
                   stderr=subprocess.DEVNULL)
    with on_pipes(board, echo.image(board, 'pipes'), echo.directory) as line:
        texts = echo.connect(line, ['openssl', 100], True, ca=other)
        told = 'no handshake' in texts[0] and 'to the image' not in texts[0]
        echo.report.case('a server with an unknown certificate', [] if told else [texts[0]],
                         'no keys for the image')
        texts = echo.connect(line, ['openssl', 100], True)
    judge(echo, 'a server with a known one after it', texts, whole(100))


def check_small_records(echo):
    """An image with room for 1 KiB, which the handshake has agreed on; and one that was not."""
    board = 'mps2-an386'
    echo.build('small', 'images', 'RECORD=1024', f'BOARDS={board}')
    image = echo.image(board, 'pipes', 'small')
    with on_pipes(board, image, echo.directory) as line:
        texts = echo.connect(line, ['openssl', '--record', '1024', '--update', 100000])
    judge(echo, 'records of 1 KiB', texts, whole(100000, 1))
    with on_pipes(board, image, echo.directory) as line:
        texts = echo.connect(line, ['openssl', 1000])
    judge(echo, 'records of 16 KiB where there is room for 1', texts,
          {'refused': 'REFUSED record_limit', 'peer got': 0})


def flip_first(kind):
    """An edit that flips one bit of the first frame of `kind`, inside of a record's body."""
    left = [1]

    def edit(frame_kind, payload):
        if frame_kind == kind and left[0] and len(payload) > 40:
            left[0] = 0
            payload = payload[:30] + bytes([payload[30] ^ 1]) + payload[31:]
        return payload
    return edit


def check_flipped_bits(echo, uart):
    """One bit of a record on the UART: an alert, and nothing of the record."""
    for version, options in (('1.3', []), ('1.2', ['--tls12'])):
        with Tampered(uart, echo.directory, to_image=flip_first('D')) as line:
            texts = echo.connect(line, ['openssl', *options, 900])
        judge(echo, f'a bit flipped on the way to the image, TLS {version}', texts,
              {'status': 'E_AUTH', 'image sent': 0, 'peer got': 0, 'peer alert': 20,
               'closed': False})
        with Tampered(uart, echo.directory, from_image=flip_first('D')) as line:
            texts = echo.connect(line, ['openssl', *options, 900])
        judge(echo, f'a bit flipped on the way back, TLS {version}', texts,
              {'status': 'E_PEER_ALERT', 'image alert': 20, 'peer got': 0, 'closed': False})


def check_long_header(echo, uart):
    """A header that tells more than any record may hold is answered before such a record comes."""
    left = [1]

    def lengthen(kind, payload):
        if kind == 'D' and left[0]:
            left[0] = 0
            payload = payload[:3] + b'\x7f\xff' + payload[5:]
        return payload
    with Tampered(uart, echo.directory, to_image=lengthen) as line:
        texts = echo.connect(line, ['openssl', 900])
    judge(echo, 'a header longer than TLS allows', texts,
          {'status': 'E_OVERFLOW', 'image sent': 0, 'peer got': 0, 'peer alert': 22})


def put(at, value):
    """An edit that sets bytes of the provisioning message and signs it anew."""
    def edit(kind, payload):
        if kind != 'K':
            return payload
        return sign(payload[:at] + value + payload[at + len(value):])
    return edit


def spoil(at):
    """An edit that flips a bit of the provisioning message."""
    def edit(kind, payload):
        if kind != 'K':
            return payload
        return payload[:at] + bytes([payload[at] ^ 0x10]) + payload[at + 1:]
    return edit


# what is done to the message, the edit, the refusal, options of the peer
SPOILT = [
    *((f'bit flipped in byte {at}', spoil(at), 'E_AUTH none', []) for at in (0, 5, 40, 150, 287)),
    ('another magic', put(0, b'wear'), 'E_VERSION none', []),
    ('another layout', put(4, b'\2'), 'E_VERSION none', []),
    ('a role that is none', put(5, b'\2'), 'E_PARAM none', []),
    ('records of no bytes', put(6, b'\0\0'), 'E_PARAM none', []),
    ('records too long for TLS', put(8, b'\x40\1'), 'E_PARAM none', []),
    ('a secret longer than any', put(14, b'\x31'), 'E_PARAM none', []),
    ('a byte that must be 0', put(15, b'\1'), 'E_PARAM none', []),
    ('TLS 1.1', put(10, b'\3\2'), 'REFUSED version', []),
    ('an unknown suite', put(12, b'\x13\x04'), 'REFUSED suite', []),
    ('a suite without a provider', put(12, b'\x13\x03'), 'REFUSED suite',
     ['--cipher', 'TLS_AES_128_GCM_SHA256']),
    ('a secret of another length', put(14, b'\x01'), 'REFUSED secret', []),
    ('no record left to use', put(16 + 92, b'\xff' * 8), 'REFUSED position', []),
    ('random nonces', put(16 + 118, b'\4'), 'REFUSED nonce_rule', ['--tls12']),
]


def check_spoilt_keys(echo, uart):
    for name, edit, refusal, options in SPOILT:
        with Tampered(uart, echo.directory, to_image=edit) as line:
            texts = echo.connect(line, ['openssl', *options, 100])
        judge(echo, f'keys with {name}', texts, {'refused': refusal, 'peer got': 0})


def check_uart(echo):
    """What the image does with a bad line, and that it goes on after each of it."""
    for board in ('mps2-an386', 'virt'):
        with on_uart(board, echo.image(board, 'uart'), echo.directory) as uart:
            if board == 'mps2-an386':
                check_flipped_bits(echo, uart)
                check_long_header(echo, uart)
                check_spoilt_keys(echo, uart)
                texts = echo.connect(uart, ['openssl', '--vanish', 500])
                judge(echo, 'a peer that vanishes', texts,
                      {'status': 'E_TRUNCATED', 'image sent': 500, 'peer got': 500})
            texts = echo.connect(uart, ['openssl', '--update', 8000])
            echo.note_stack(board, texts[0])
            judge(echo, f'{NAMES[board]}, by its UART', texts, whole(8000, 1))


def check_stack(echo):
    """What painted stack has lost is no more than what the call graph allows, and not far from it."""
    for board, used in echo.stack.items():
        # Of libgcc's functions, which are leaves or nearly so, nothing tells.
        graph = Stack(BELOW, foreign=64)
        for path in sorted((echo.directory / 'full' / board).glob('*.o')):
            graph.add(layer_of(path), [path])
        size, path = graph.deepest('image_run')
        faults = [f'{name} calls nobody knows whom' for name in graph.without_layer()]
        if not size / 2 < used <= size:
            faults.append(f'{used} bytes used, {size} computed by {" > ".join(path)}')
        echo.report.case(f'{NAMES[board]}, stack', faults, f'{used} bytes used, {size} computed')
        print(f'NOTE {NAMES[board]}: stack of the whole image {used} bytes used, {size} computed')


def main():
    root, peer = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    report = Report()
    missing = [name for name in NEEDS if shutil.which(name) is None]
    if missing:
        report.skip('echo', f'no {", no ".join(missing)}')
        return 0
    with tempfile.TemporaryDirectory() as name:
        echo = Echo(root, peer, Path(name), report)
        echo.build('full')
        check_streams(echo)
        check_unknown_server(echo)
        check_small_records(echo)
        check_uart(echo)
        check_stack(echo)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
