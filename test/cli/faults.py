# SPDX-License-Identifier: BSD-2-Clause
"""Peers that hang up, send rubbish or are somebody else: one clear line, and no more."""

import signal
import socket
import threading
import time

from harness import (SMALL, Failure, Process, Proxy, Server, Skip, Tls, WAIT, equal, expect,
                     one_line, serve, weir)

RUBBISH = [('a line of text', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), ('zeros', bytes(2000)),
           ('a record of no type', b'\xff\x03\x03\x00\x05hello'),
           ('an empty record', b'\x16\x03\x01\x00\x00'),
           ('a record too long', b'\x16\x03\x01\xff\xff' + bytes(70000)),
           ('an alert', b'\x15\x03\x03\x00\x02\x02\x28'),
           ('data before a handshake', b'\x17\x03\x03\x00\x05hello')]


def perf_server(world, *arguments):
    return Server(world, 'perf', '-s', '-1', '-p', '0', *arguments)


# ---- against servers: fault(world, port) does what is wrong, and hangs up ----


def silent(_, port):
    socket.create_connection(('127.0.0.1', port), WAIT).close()


def rubbish(data):
    def fault(_, port):
        with socket.create_connection(('127.0.0.1', port), WAIT) as peer:
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass
            except OSError:
                pass  # the server may well have hung up first
    return fault


def first_flight(change):
    """A client's first flight, changed, and no more from it."""
    def fault(_, port):
        with Tls(port) as peer:
            try:
                peer.tls.do_handshake()
            except Exception:
                pass
            peer.socket.sendall(change(peer.flight()))
            peer.socket.shutdown(socket.SHUT_WR)
            while peer.receive():
                pass
    return fault


def hello_cut(part):
    """A ClientHello of which only so much of it comes."""
    return first_flight(lambda flight: flight[:int(len(flight) * part)])


def goodbye():
    """A ClientHello, and close_notify behind it."""
    return first_flight(lambda flight: flight + b'\x15\x03\x03\x00\x02\x01\x00')


def after_server_hello(_, port):
    """Hangs up when the server has sent its flight."""
    with Tls(port) as peer:
        try:
            peer.tls.do_handshake()
        except Exception:
            pass
        peer.flush()
        peer.receive()


def record_cut(part):
    def fault(_, port):
        with Tls(port) as peer:
            record = peer.handshake().seal(b'x' * 1000)
            peer.socket.sendall(record[:int(len(record) * part)])
            peer.socket.shutdown(socket.SHUT_WR)
            while peer.receive():
                pass
    return fault


def record_flipped(_, port, more=b''):
    with Tls(port) as peer:
        record = bytearray(peer.handshake().seal(b'x' * 1000))
        record[-1] ^= 1
        peer.socket.sendall(record + more)
        try:
            peer.read_all()
        except Exception as error:
            words = str(error).lower().replace('_', ' ')
            expect('bad record mac' in words, f'no alert bad_record_mac but {error}')
            return
        raise Failure('no alert at all')


def flipped_and_more(world, port):
    """What still comes after the bad record does not take the alert away."""
    record_flipped(world, port, bytes(500000))


def reset(_, port):
    with Tls(port) as peer:
        peer.handshake().send(b'GET /a')
        peer.reset()


SERVER_FAULTS = [
    ('says nothing', silent, ['handshake']),
    *((f'sends {what}', rubbish(data), ['handshake']) for what, data in RUBBISH),
    ('sends a byte', hello_cut(0.001), ['handshake']),
    ('sends half a ClientHello', hello_cut(0.5), ['handshake']),
    ('says goodbye after its ClientHello', goodbye(), ['handshake', 'clos']),
    ('hangs up after ServerHello', after_server_hello, ['handshake']),
    ('hangs up in mid-record', record_cut(0.5), ['without close_notify']),
    ('hangs up in a header', record_cut(0.003), ['without close_notify']),
    ('sends a flipped bit', record_flipped, ['authentication', 'bad_record_mac']),
    ('sends a flipped bit and goes on', flipped_and_more, ['authentication', 'bad_record_mac']),
    ('resets the connection', reset, ['reset']),
]


def perf_server_fault(world, options, fault, words):
    """With -1 the server ends after one client, with 1 when it was not served."""
    with perf_server(world, *options) as server:
        fault(world, server.port)
        one_line(server.end(), 1, *words, '127.0.0.1')


def serve_fault(world, options, fault, words):
    """The server says a line about it, and serves on."""
    with serve(world, '-v', *options) as server:
        fault(world, server.port)
        line = server.wait_for(r'weir serve: 127.0.0.1:\d+: [^\n]*\n', 'err').group()
        for word in words:
            expect(word.lower() in line.lower(), f'{word!r} is not in {line!r}')
        with Tls(server.port) as peer:
            peer.handshake().send(b'GET /a.txt HTTP/1.0\r\n\r\n')
            expect(peer.read_all().endswith(b'\r\n\r\n0123456789'), 'does not serve on')
        done = server.stop()
        equal(len(done.err.splitlines()), 1, f'number of lines on stderr of {done}')


# ---- against the client: a server that is none ----


class Fake:
    """A server that treats its one client as a function says."""

    def __init__(self, serve_one):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, args=(serve_one,), daemon=True)
        self.thread.start()

    def _run(self, serve_one):
        peer, _ = self.listener.accept()
        peer.settimeout(WAIT)
        with peer:
            try:
                serve_one(peer)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(WAIT)


def hang_up(peer):
    peer.recv(65536)


def answer_with(data):
    def serve_one(peer):
        peer.recv(65536)
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass
    return serve_one


def client(world, port, *options):
    return weir(world, 'perf', '-c', '127.0.0.1', '-p', port, '-n', '1M', '-i', '0', *options)


def client_against_fake(world, options, serve_one):
    with Fake(serve_one) as fake:
        one_line(client(world, fake.port, '--insecure', *options), 1, 'handshake')


def closed_port(world):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    one_line(client(world, port, '--insecure'), 1, str(port), 'refused')


def wrong_ca(world, library, version):
    cert, key = world.cert['ecdsa']
    options = ['--tls-lib', library, '--tls', version]
    with Server(world, 'perf', '-s', '-p', '0', '--cert', cert, '--key', key, '--tls-lib',
                library) as server:
        done = client(world, server.port, *options, '--ca', world.cert['other'][0])
        one_line(done, 1, 'certificate')
        server.wait_for(r'weir perf: 127.0.0.1:\d+: [^\n]*\n', 'err')
        done = client(world, server.port, *options, '--ca', cert)
        equal(done.status, 0, f'the right CA: status of {done}')


def wrong_name(world, library):
    """The right CA, but the certificate is for another name."""
    cert, key = world.cert['ecdsa']
    with Server(world, 'perf', '-s', '-p', '0', '-B', '127.0.0.2', '--cert', cert, '--key',
                key) as server:
        done = weir(world, 'perf', '-c', '127.0.0.2', '-p', server.port, '-n', '1M', '--tls-lib',
                    library, '--ca', cert)
        one_line(done, 1, 'certificate')


def no_common_version(world):
    if 'openssl' not in world.libraries:
        raise Skip('needs OpenSSL for TLS 1.3')
    with Server(world, 'perf', '-s', '-p', '0', '--tls-lib', 'openssl', '--tls', 'v1.3') as server:
        one_line(client(world, server.port, '--insecure', '--tls-lib', 'openssl', '--tls', 'v1.2'),
                 1, 'handshake')


def cut_behind_proxy(world, options, at, both):
    """The server's bytes stop at `at`, and both ends hear of it."""
    with perf_server(world, *options) as server:
        with Proxy(server.port, server_bytes=at) as proxy:
            done = client(world, proxy.port, '--insecure', '-R', *options)
            one_line(done, 1, '127.0.0.1' if both else '')
        if both:
            one_line(server.end(), 1, '127.0.0.1')


def interrupted(world):
    """Ctrl-C ends a client in mid-test, with the sums so far; its server goes on."""
    with Server(world, 'perf', '-s', '-p', '0') as server:
        with Process(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '-t', '60', '--insecure',
                     '-i', '0.5') as process:
            process.wait_for(r'sec .* sent\n')
            began = time.monotonic()
            done = process.end(signal.SIGINT)
            equal(done.status, 130, f'status of {done}')
            expect(time.monotonic() - began < 10, 'takes too long to end')
        equal(client(world, server.port, '--insecure').status, 0, 'status of the next client')


def stranger(world):
    """A TLS client that does not speak the protocol of weir perf."""
    with perf_server(world) as server:
        with Tls(server.port) as peer:
            peer.handshake().send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
            try:
                peer.read_all()
            except Exception:
                pass
        one_line(server.end(), 1, '127.0.0.1')


def dawdler(world):
    """A client whose request comes byte by byte, for as long as the server listens."""
    with perf_server(world) as server:
        began = time.monotonic()
        with Tls(server.port) as peer:
            peer.handshake().send(b'\1\0\0\0\0\0\xff\0')
            try:
                while time.monotonic() - began < 30:
                    peer.send(b' ')
                    time.sleep(0.5)
            except OSError:
                pass
        expect(time.monotonic() - began < 25, 'the server listens for ever')
        one_line(server.end(), 1, 'no request within')


def run(cases, world):
    for library in world.libraries:
        options = ['--tls-lib', library]
        for name, fault, words in SERVER_FAULTS:
            cases.run(f'perf -s with {library}, the client {name}', perf_server_fault, world,
                      options, fault, words)
        faults = SERVER_FAULTS[::4] if SMALL else SERVER_FAULTS
        for name, fault, words in faults:
            cases.run(f'serve with {library}, the client {name}', serve_fault, world, options,
                      fault, words)
        cases.run(f'perf -c with {library}, the server hangs up', client_against_fake, world,
                  options, hang_up)
        for what, data in RUBBISH:
            cases.run(f'perf -c with {library}, the server sends {what}', client_against_fake,
                      world, options, answer_with(data))
        for version in world.versions(library):
            cases.run(f'perf -c with {library} {version}, a wrong CA', wrong_ca, world, library,
                      version)
            for at in (1, 60, 300, 1500, 50000, 400000):
                cases.run(f'perf with {library} {version}, the server is cut off after {at} bytes',
                          cut_behind_proxy, world, [*options, '--tls', version], at, True)
        cases.run(f'perf -c with {library}, another name', wrong_name, world, library)
    cases.run('perf -c to a closed port', closed_port, world)
    cases.run('no version in common', no_common_version, world)
    cases.run('Ctrl-C in mid-test', interrupted, world)
    cases.run('perf -s, a client that speaks something else', stranger, world)
    if not SMALL:
        cases.run('perf -s, a client that never ends its request', dawdler, world)
