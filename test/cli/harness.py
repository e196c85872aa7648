# SPDX-License-Identifier: BSD-2-Clause
"""What the cases of suite cli stand on: the weir command as a process, and peers to talk to it."""

import ctypes
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
import traceback
from pathlib import Path

SMALL = os.environ.get('WEIR_TEST_SMALL') == '1'
WAIT = 60  # seconds until a process that should have come to something is a failure
SANITIZER = re.compile(r'(ERROR|WARNING): \w+Sanitizer|runtime error:')


class Failure(Exception):
    """A case that fails, and why."""


def expect(good, why):
    if not good:
        raise Failure(why)


def equal(got, wanted, what):
    expect(got == wanted, f'{what} is {got!r}, not {wanted!r}')


class Skip(Exception):
    """A case that cannot be run here, and why."""


class Cases:
    """Runs cases and tells each as a line PASS, FAIL or SKIP."""

    def __init__(self, names):
        self.names, self.failed, self.count = names, 0, 0

    def run(self, name, function, *arguments):
        name = name.replace(':', ';')
        if self.names and not any(part in name for part in self.names):
            return
        self.count += 1
        try:
            function(*arguments)
            print(f'PASS {name}', flush=True)
        except Skip as skip:
            print(f'SKIP {name}: {skip}', flush=True)
        except Failure as failure:
            self.failed += 1
            print(f'FAIL {name}: {" | ".join(str(failure).splitlines())}', flush=True)
        except Exception as error:  # one case must not take the others with it
            self.failed += 1
            print(f'FAIL {name}: {type(error).__name__}: {error}', flush=True)
            traceback.print_exc()


def follow_us():
    """In a child: to end when the driver is killed, so that nothing of it is left behind."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    except (AttributeError, OSError):
        pass  # not on this system


def started_with(options):
    """Options of subprocess, with follow_us before whatever else the child has to do first."""
    first = options.pop('preexec_fn', None)
    return dict(options, env=environment(), stdin=subprocess.DEVNULL, errors='replace',
                preexec_fn=lambda: (first and first(), follow_us()))


def environment():
    """A report of a sanitizer ends the process with a status that nothing else has."""
    env = dict(os.environ, LC_ALL='C')
    for name in ('ASAN_OPTIONS', 'LSAN_OPTIONS', 'UBSAN_OPTIONS'):
        env[name] = ':'.join(filter(None, [env.get(name), 'exitcode=99']))
    return env


class World:
    """What is the same for all cases: the command, certificates, a directory of their own."""

    def __init__(self, weir, build, folder):
        self.weir, self.build, self.folder = str(weir), json.loads(build), Path(folder)
        self.cert = {kind: (str(self.folder / f'{kind}.crt'), str(self.folder / f'{kind}.key'))
                     for kind in ('ecdsa', 'rsa', 'other')}
        self.libraries = [name for name in ('mbedtls', 'openssl') if self.build[name]]
        # The providers that take every suite, in the order of `auto`.
        self.aeads = [name for name in ('ipsec-mb', 'openssl', 'mbedtls') if self.build[name]]
        make = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
        for kind, options in (('ecdsa', make), ('rsa', ['-newkey', 'rsa:2048']), ('other', make)):
            cert, key = self.cert[kind]
            subprocess.run(['openssl', 'req', '-x509', '-nodes', '-days', '2', '-out', cert,
                            '-keyout', key, '-subj', '/CN=localhost', '-addext',
                            'subjectAltName=DNS:localhost,IP:127.0.0.1', *options],
                           check=True, capture_output=True)

    def versions(self, library):
        """The versions of TLS that a library of this build has."""
        return ['v1.2', 'v1.3'] if library == 'openssl' or self.build['mbedtls13'] else ['v1.2']


class Done:
    """A process that has ended."""

    def __init__(self, arguments, status, out, err):
        self.arguments, self.status, self.out, self.err = arguments, status, out, err

    def __str__(self):
        return (f'weir {" ".join(self.arguments)}: status {self.status}, stdout {self.out!r}, '
                f'stderr {self.err!r}')


def clean(done):
    """No sanitizer had anything to report."""
    expect(not SANITIZER.search(done.err + done.out) and done.status != 99, f'report: {done}')
    return done


def weir(world, *arguments, **options):
    """Runs the command to its end."""
    arguments = [str(argument) for argument in arguments]
    try:
        done = subprocess.run([world.weir, *arguments], capture_output=True, text=True,
                              check=False, timeout=WAIT, **started_with(options))
    except subprocess.TimeoutExpired as late:
        raise Failure(f'weir {" ".join(arguments)} does not end: {late.stdout} {late.stderr}')
    return clean(Done(arguments, done.returncode, done.stdout, done.stderr))


def one_line(done, status, *words):
    """The process said one clear line and ended with the right status."""
    equal(done.status, status, f'status of {done}')
    lines = done.err.splitlines()
    if status == 2 and len(lines) == 2:
        expect(lines[1].startswith("Try 'weir help"), f'second line of {done}')
        lines = lines[:1]
    equal(len(lines), 1, f'number of lines on stderr of {done}')
    expect(lines[0].startswith('weir'), f'the line does not say who speaks: {lines[0]!r}')
    for word in words:
        expect(word.lower() in lines[0].lower(), f'{word!r} is not in {lines[0]!r}')


class Process:
    """The command while it runs; ended, with its parts, at the end of a with statement."""

    def __init__(self, world, *arguments, **options):
        self.arguments = [str(argument) for argument in arguments]
        self.process = subprocess.Popen([world.weir, *self.arguments], text=True, bufsize=1,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        **started_with(options))
        self.text = {'out': '', 'err': ''}
        self.change = threading.Condition()
        self.threads = [threading.Thread(target=self._collect, args=(name, pipe), daemon=True)
                        for name, pipe in (('out', self.process.stdout),
                                           ('err', self.process.stderr))]
        for thread in self.threads:
            thread.start()
        self.ended = None

    def _collect(self, name, pipe):
        for line in pipe:
            with self.change:
                self.text[name] += line
                self.change.notify_all()

    def wait_for(self, pattern, where='out', seconds=WAIT):
        """The match of a pattern in what the process has said, as soon as it is there."""
        limit = time.monotonic() + seconds
        with self.change:
            while True:
                found = re.search(pattern, self.text[where])
                if found:
                    return found
                left = limit - time.monotonic()
                over = self.process.poll() is not None and \
                    not any(thread.is_alive() for thread in self.threads)
                expect(left > 0 and not over, f'{pattern!r} does not come from weir '
                       f'{" ".join(self.arguments)}; it says {self.text}')
                self.change.wait(min(left, 0.5))

    def end(self, number=None):
        """Waits for the end, after a signal if there is a number; answers what was said."""
        if self.ended is None:
            if number is not None and self.process.poll() is None:
                self.process.send_signal(number)
            try:
                status = self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failure(f'weir {" ".join(self.arguments)} does not end: {self.text}')
            for thread in self.threads:
                thread.join()
            self.process.stdout.close()
            self.process.stderr.close()
            self.ended = clean(Done(self.arguments, status, self.text['out'], self.text['err']))
        return self.ended

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.ended is None and kind is not None:
            self.process.kill()
        try:
            self.end(signal.SIGTERM)
        except Failure:
            if kind is None:
                raise


class Server(Process):
    """`weir serve` or `weir perf -s`, listening."""

    def __init__(self, world, *arguments, **options):
        super().__init__(world, *arguments, **options)
        try:
            self.port = int(self.wait_for(r'(?:on [^\n]*:|port )(\d+)[/ ]').group(1))
        except Failure:
            self.process.kill()
            self.process.wait()
            raise

    def stop(self):
        """Ends it as a user does, and sees that it ends in good order."""
        done = self.end(signal.SIGINT)
        equal(done.status, 0, f'status of {done}')
        return done


def serve(world, *arguments, **options):
    """A server for the directory `site` (or whatever the arguments say)."""
    if '--echo' not in arguments and not any(Path(str(a)).is_dir() for a in arguments):
        arguments = (*arguments, world.folder / 'site')
    return Server(world, 'serve', '-p', '0', *arguments, **options)


def context(version=None, cert=None):
    """A client's TLS settings; `cert`: the only one to trust."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cert:
        made.load_verify_locations(cert)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if version:
        wanted = {'v1.2': ssl.TLSVersion.TLSv1_2, 'v1.3': ssl.TLSVersion.TLSv1_3}[version]
        made.minimum_version = made.maximum_version = wanted
    return made


class Tls:
    """A client over memory: every byte on the wire can be held back, changed or cut off."""

    def __init__(self, port, settings=None, host='127.0.0.1'):
        self.socket = socket.create_connection((host, port), WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (settings or context()).wrap_bio(self.inward, self.outward,
                                                    server_hostname='localhost')
        self.over = False

    def flight(self):
        """The bytes that this end wants to send now."""
        return self.outward.read()

    def flush(self):
        self.socket.sendall(self.flight())

    def receive(self, size=65536):
        """More bytes from the wire; False at its end."""
        data = self.socket.recv(size)
        if not data:
            self.inward.write_eof()
            self.over = True
        else:
            self.inward.write(data)
        return not self.over

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return self
            except ssl.SSLWantReadError:
                self.flush()
                expect(self.receive(), 'the server hung up during the handshake')

    def seal(self, data):
        """The record of some data, not sent."""
        self.tls.write(data)
        return self.flight()

    def send(self, data):
        self.socket.sendall(self.seal(data))
        return self

    def read(self, size=65536):
        """Some plaintext; b'' when the server closed in good order."""
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                self.receive()
            except ssl.SSLZeroReturnError:
                return b''

    def read_all(self):
        parts = []
        while True:
            part = self.read()
            if not part:
                return b''.join(parts)
            parts.append(part)

    def finish(self):
        """Ends our direction: close_notify, and FIN."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Hangs up with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Proxy:
    """Stands before a server and hangs up after so many bytes from it."""

    def __init__(self, port, server_bytes=None, client_bytes=None):
        self.target = port
        self.limit = {'server': server_bytes, 'client': client_bytes}
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(('127.0.0.1', self.target), WAIT)
        names = {client: ('client', server), server: ('server', client)}
        seen = {'client': 0, 'server': 0}
        try:
            while True:
                readable, _, _ = select.select([client, server], [], [], WAIT)
                if not readable:
                    return
                for end in readable:
                    name, other = names[end]
                    data = end.recv(65536)
                    limit = self.limit[name]
                    if limit is not None:
                        data = data[:limit - seen[name]]
                    seen[name] += len(data)
                    if not data:
                        return
                    other.sendall(data)
                    if limit is not None and seen[name] >= limit:
                        return
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(WAIT)
