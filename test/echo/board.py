# SPDX-License-Identifier: BSD-2-Clause
"""Boards of QEMU's with the echo on them, and the lines to them."""

import contextlib
import hashlib
import hmac
import os
import socket
import subprocess
import threading
import time

QEMU = {
    'mps2-an385': ['qemu-system-arm', '-machine', 'mps2-an385'],
    'mps2-an386': ['qemu-system-arm', '-machine', 'mps2-an386'],
    'virt': ['qemu-system-riscv32', '-machine', 'virt', '-bios', 'none'],
}
SILENT = ['-display', 'none', '-monitor', 'none']
SECONDS = 30
KEYS_LEN, SIGNED_LEN, SIGNING_KEY = 288, 256, b'weir firmware-echo'


def sign(message):
    """A provisioning message with the HMAC that belongs to it."""
    body = bytes(message[:SIGNED_LEN])
    return body + hmac.new(SIGNING_KEY, body, hashlib.sha256).digest()


@contextlib.contextmanager
def running(command, directory):
    """A process that is ended, by its own id, when it is no longer needed."""
    process = subprocess.Popen(list(map(str, command)), cwd=directory, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def on_pipes(board, image, directory):
    """A board whose line is two pipes; the path of the line."""
    for name in ('to-image', 'from-image'):
        (directory / name).unlink(missing_ok=True)
        os.mkfifo(directory / name)
    command = [*QEMU[board], *SILENT, '-serial', 'none', '-semihosting-config',
               'enable=on,target=native', '-kernel', image]
    with running(command, directory):
        yield directory


@contextlib.contextmanager
def on_uart(board, image, directory):
    """A board whose line is its UART; the path of the line."""
    path = directory / 'uart'
    path.unlink(missing_ok=True)
    command = [*QEMU[board], *SILENT, '-chardev', 'socket,id=uart,path=uart,server=on,wait=off',
               '-serial', 'chardev:uart', '-kernel', image]
    with running(command, directory) as process:
        end = time.monotonic() + SECONDS
        while not path.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f'{board} does not start')
            time.sleep(0.01)
        yield path


def read_exactly(line, count):
    data = b''
    while len(data) < count:
        part = line.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


class Tampered:
    """A line in the middle of which somebody changes frames: one connection of the host's."""

    def __init__(self, uart, directory, to_image=None, from_image=None):
        """The functions get (kind, payload) of each frame and answer another payload."""
        self.path = directory / 'tampered'
        self.path.unlink(missing_ok=True)
        self.uart, self.edits = uart, (to_image, from_image)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.listener.settimeout(SECONDS)
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self.path

    def __exit__(self, *_):
        self.thread.join(SECONDS)
        self.listener.close()

    def _serve(self):
        host, _ = self.listener.accept()
        with host, socket.socket(socket.AF_UNIX) as board:
            board.connect(str(self.uart))
            for end in (host, board):
                end.settimeout(SECONDS)
            back = threading.Thread(target=self._pass, args=(board, host, self.edits[1]),
                                    daemon=True)
            back.start()
            self._pass(host, board, self.edits[0])
            board.shutdown(socket.SHUT_RDWR)
            back.join(SECONDS)

    @staticmethod
    def _pass(source, target, edit):
        with contextlib.suppress(EOFError, OSError):
            while True:
                header = read_exactly(source, 1)
                if header == b'\0':
                    target.sendall(header)
                    continue
                header += read_exactly(source, 2)
                payload = read_exactly(source, int.from_bytes(header[1:], 'big'))
                if edit:
                    payload = edit(chr(header[0]), payload)
                target.sendall(header + payload)
