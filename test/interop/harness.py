# SPDX-License-Identifier: BSD-2-Clause
"""Processes, pipes, ports and data for the interoperability tests."""

import fcntl
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import termios
import threading
import time
from pathlib import Path

DEADLINE = 60       # seconds for anything that one case waits for
CHUNK = 1 << 18
PIPE_SIZE = 1 << 20
F_SETPIPE_SZ = getattr(fcntl, 'F_SETPIPE_SZ', None)

# What a tool of OpenSSL could take as a command when it comes at the beginning of a read is not in
# here: K k P Q q R r S c B.
LETTERS = b'abdefghijlmnostuvwxyz0123456789+'


class Failure(Exception):
    """A case did not come out as it must."""


def require(condition, text):
    if not condition:
        raise Failure(text)


class Data:
    """Files that the peers send, and the digest of any number of their first bytes."""

    TEXT_BLOCKS = 16

    def __init__(self, directory, size):
        # Each lies in a directory of its own, under the name that clients of HTTP ask for.
        self.text_size = self.TEXT_BLOCKS << 14
        self.files, self.www = directory / 'binary', directory / 'text'
        self.files.mkdir()
        self.www.mkdir()
        self.binary, self.text = self.files / 'data', self.www / 'data'
        self._digests, self._lock = {}, threading.Lock()
        source = random.Random(20240117)
        with open(self.binary, 'wb') as out:
            for start in range(0, size, CHUNK):
                out.write(source.randbytes(min(CHUNK, size - start)))
        table = bytes(LETTERS[i % len(LETTERS)] for i in range(256))
        with open(self.text, 'wb') as out:
            for _ in range(self.TEXT_BLOCKS):
                block = bytearray(source.randbytes(1 << 14).translate(table))
                block[63::64] = b'\n' * len(block[63::64])
                out.write(block)

    def digest(self, path, size):
        with self._lock:
            if (path, size) not in self._digests:
                digest = hashlib.sha256()
                with open(path, 'rb') as source:
                    left = size
                    while left > 0:
                        block = source.read(min(CHUNK, left))
                        require(block, f'{path} is too short')
                        digest.update(block)
                        left -= len(block)
                self._digests[path, size] = digest.hexdigest()
            return self._digests[path, size]


_running, _running_lock = set(), threading.RLock()


def end_on_signals(directory):
    """Whoever stops the run leaves no process behind, and not the directory."""
    def end(*_):
        with _running_lock:  # kept: no case starts another
            for child in _running:
                child.kill()
            shutil.rmtree(directory, ignore_errors=True)
            os._exit(1)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


class Process:
    """A child with pipes. Everything it writes is read as it comes; it ends with the case."""

    def __init__(self, command, env=None, keep=True, name=None, cwd=None):
        self.name = name or Path(command[0]).name
        self.command = [str(word) for word in command]
        with _running_lock:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})), cwd=cwd)
            _running.add(self.child)
        for pipe in (self.child.stdin, self.child.stdout):
            if F_SETPIPE_SZ is not None:
                fcntl.fcntl(pipe.fileno(), F_SETPIPE_SZ, PIPE_SIZE)
        self._keep = keep
        self._out, self._err, self._digest = bytearray(), bytearray(), hashlib.sha256()
        self._count, self._changed = 0, threading.Condition()
        self._feeder = None
        self._readers = [threading.Thread(target=self._read, args=(self.child.stdout, True)),
                         threading.Thread(target=self._read, args=(self.child.stderr, False))]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe, is_out):
        while block := os.read(pipe.fileno(), CHUNK):
            if is_out:
                self._digest.update(block)
            with self._changed:
                if is_out:
                    self._count += len(block)
                if is_out and self._keep:
                    self._out += block
                elif not is_out:
                    self._err = (self._err + block)[-(1 << 16):]
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    # -- what it says

    def out(self):
        with self._changed:
            return self._out.decode(errors='replace')

    def err(self):
        with self._changed:
            return self._err.decode(errors='replace')

    def digest(self):
        """SHA-256 of all it wrote to stdout; when it has ended."""
        return self._digest.hexdigest()

    def count(self):
        with self._changed:
            return self._count

    def wait_until(self, condition, what, seconds=DEADLINE):
        """Waits until condition() holds over what it wrote."""
        end = time.monotonic() + seconds
        while not condition():
            with self._changed:
                self._changed.wait(0.05)
            if condition():
                return
            ended = self.child.poll() is not None and not any(
                reader.is_alive() for reader in self._readers)
            require(not ended or condition(),
                    f'{self.name} ended ({self.child.returncode}) before {what}: {self.last()}')
            require(time.monotonic() < end, f'{self.name}: no {what} in {seconds} s')

    def last(self):
        """Its last words."""
        lines = [line for line in (self.err() or self.out()[-500:]).splitlines() if line.strip()]
        return ' | '.join(lines[-3:])[-300:]

    # -- what it hears

    def write(self, data):
        """Writes to its stdin; it may be gone already."""
        try:
            os.write(self.child.stdin.fileno(), data)
        except BrokenPipeError:
            pass

    def feed(self, path, size, then_close=False, start=0):
        """Writes `size` bytes of a file to its stdin, in a thread. One at a time."""
        if self._feeder is not None:
            self._feeder.join()

        def run():
            try:
                with open(path, 'rb') as source:
                    source.seek(start)
                    left = size
                    while left > 0:
                        block = source.read(min(CHUNK, left))
                        require(block, f'{path} is too short')
                        left -= len(block)
                        view = memoryview(block)
                        while view:
                            view = view[os.write(self.child.stdin.fileno(), view):]
                if then_close:
                    self.close_stdin()
            except (BrokenPipeError, ValueError, OSError):
                pass  # the case finds out what is missing
        self._feeder = threading.Thread(target=run)
        self._feeder.start()

    def wait_taken(self, seconds=DEADLINE):
        """Waits until it has read all that was written to its stdin."""
        end = time.monotonic() + seconds
        while True:
            left = bytearray(4)
            fcntl.ioctl(self.child.stdin.fileno(), termios.FIONREAD, left)
            if int.from_bytes(left, 'little') == 0:
                return
            require(self.child.poll() is None, f'{self.name} ended: {self.last()}')
            require(time.monotonic() < end, f'{self.name} does not read its input')
            time.sleep(0.002)

    def close_stdin(self):
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass

    # -- its end

    def wait(self, seconds=DEADLINE):
        """Its exit status; all of its output is there then."""
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired as expired:
            raise Failure(f'{self.name} did not end in {seconds} s: {self.last()}') from expired
        for reader in self._readers:
            reader.join()
        return status

    def kill(self, number=signal.SIGKILL):
        if self.child.poll() is None:
            self.child.send_signal(number)

    def finish(self):
        """Ends it, whatever it is doing."""
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        with _running_lock:
            _running.discard(self.child)
        if self._feeder is not None:
            self._feeder.join()
        for reader in self._readers:
            reader.join()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


class Stage:
    """The processes of one case, and its directory; all end when it does."""

    def __init__(self, directory):
        self.directory = directory
        self._processes = []

    def add(self, process):
        self._processes.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.finish()


class Peer(Process):
    """weir's end: the test program, and what it reports."""

    def __init__(self, program, options, name='weir'):
        super().__init__([program, *options], name=name)

    def port(self):
        self.wait_until(lambda: '\n' in self.out(), 'port')
        word, number = self.out().split('\n', 1)[0].split()
        require(word == 'PORT', f'weir said {word}')
        return int(number)

    def wait_mark(self):
        self.wait_until(lambda: 'MARK\n' in self.out(), 'mark')

    def reports(self, count=1):
        """One dictionary per connection, when it has ended by itself with status 0."""
        status = self.wait()
        lines = [line for line in self.out().splitlines() if line.startswith('{')]
        require(status == 0, f'weir ended with {status}: {self.last()}')
        require(len(lines) == count, f'weir reported {len(lines)} of {count} connections')
        return [json.loads(line) for line in lines]


def _inodes(pid):
    """Socket inodes of a process."""
    found = set()
    for entry in Path(f'/proc/{pid}/fd').iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith('socket:['):
            found.add(target[8:-1])
    return found


def can_find_ports():
    return Path('/proc/net/tcp').exists()


def listening_port(process, seconds=DEADLINE):
    """The port of IPv4 that a process listens on; the kernel chose it."""
    end = time.monotonic() + seconds
    while True:
        require(process.child.poll() is None, f'{process.name} did not start: {process.last()}')
        inodes = _inodes(process.child.pid)
        for line in Path('/proc/net/tcp').read_text(encoding='ascii').splitlines()[1:]:
            fields = line.split()
            if fields[3] == '0A' and fields[9] in inodes:
                return int(fields[1].split(':')[1], 16)
        require(time.monotonic() < end, f'{process.name} does not listen')
        time.sleep(0.01)
