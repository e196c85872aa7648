# SPDX-License-Identifier: BSD-2-Clause
"""Many peers at once, slow ones, silent ones, and the end of the server."""

import asyncio
import os
import re
import resource
import signal
import socket
import ssl
import time
from pathlib import Path

from harness import SMALL, Skip, Tls, WAIT, context, equal, expect, serve
from site_cases import BIG, get, split

CROWD = 100 if SMALL else 500
# Where Linux tells what its connections hold; those of sockets for both families are in the second.
QUEUES = [Path('/proc/net/tcp'), Path('/proc/net/tcp6')]


async def one_of_many(port, settings, everybody):
    """Connects, waits for all the others, and then asks for something twice."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=settings)
    await everybody.wait()
    for path, wanted in ((b'/a.txt', b'0123456789'), (b'/types/a.js', b'x')):
        writer.write(b'GET ' + path + b' HTTP/1.1\r\nHost: x\r\n\r\n')
        head = await reader.readuntil(b'\r\n\r\n')
        expect(head.startswith(b'HTTP/1.1 200 '), f'{head!r}')
        equal(await reader.readexactly(len(wanted)), wanted, 'body')
    writer.close()


def shared_out(world, library):
    """--threads: connections are spread over loops, and --connections counts them all."""
    want = (world.folder / 'site' / 'big.bin').read_bytes()
    with serve(world, '--tls-lib', library, '--threads', '3', '--connections', '4') as server:
        peers = [ask_for_big(server, 65536) for _ in range(4)]
        late = socket.create_connection(('127.0.0.1', server.port), WAIT)
        late.settimeout(0.5)
        late.sendall(b'no TLS')
        try:
            expect(late.recv(1), 'a fifth connection was turned away')
            expect(False, 'a fifth connection was answered')
        except TimeoutError:
            pass
        for peer in peers:
            peer.finish()
            equal(peer.read_all().partition(b'\r\n\r\n')[2] == want, True, 'same bytes')
            peer.socket.close()
        late.settimeout(WAIT)
        late.recv(1)  # now it is told what is wrong with it, or hears the end
        late.close()
        equal(get(server, '/a.txt').body, b'0123456789', 'body')
        # The end while every loop is busy.
        peers = [ask_for_big(server) for _ in range(3)]
        server.stop()
        for peer in peers:
            peer.socket.close()


class Everybody:
    """Opens when so many wait at it."""

    def __init__(self, count):
        self.left, self.event = count, asyncio.Event()

    async def wait(self):
        self.left -= 1
        if self.left == 0:
            self.event.set()
        await self.event.wait()


async def all_of_them(port, settings):
    everybody = Everybody(CROWD)
    await asyncio.wait_for(asyncio.gather(*(one_of_many(port, settings, everybody)
                                            for _ in range(CROWD))), 2 * WAIT)


def crowd(world, library, version):
    # More threads than processors are no harm.
    with serve(world, '--tls-lib', library, '--timeout', '120', '--threads', '3') as server:
        asyncio.run(all_of_them(server.port, context(version)))
        equal(server.stop().err, '', 'stderr')


def ask_for_big(server, window=4096):
    """A peer that asks for the large file and reads nothing of it."""
    peer = Tls(server.port)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    return peer.handshake().send(b'GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n')


def queued(server, peer):
    """Bytes that the kernel holds for a peer of a server: unsent, or not acknowledged."""
    ends = [f'{port:04X}' for port in (server.port, peer.socket.getsockname()[1])]
    lines = [line for path in QUEUES if path.exists() for line in path.read_text().splitlines()]
    for line in lines:
        words = line.split()
        if [word[-4:] for word in words[1:3]] == ends:
            return int(words[4].partition(':')[0], 16)
    raise AssertionError('no such connection')


def short_queue(world):
    """What is queued unsent is sealed too early: it costs the peer's system time, and memory."""
    if not QUEUES[0].exists():
        raise Skip('nothing here tells how long the queue of a connection is')
    with serve(world) as server:
        with ask_for_big(server) as peer:
            before = -1
            while queued(server, peer) != before:
                before = queued(server, peer)
                time.sleep(0.2)
            # Two packets of the loopback at most, and what the peer's window takes.
            expect(0 < before <= 3 * 65536, f'{before} bytes are queued')
        server.stop()


def slow_readers(world, library):
    """They hold up nobody, and what they get in the end is right."""
    with serve(world, '--tls-lib', library) as server:
        slow = [ask_for_big(server, 65536) for _ in range(10)]
        began = time.monotonic()
        for _ in range(10):
            equal(get(server, '/a.txt').body, b'0123456789', 'body')
        expect(time.monotonic() - began < 20, 'others have to wait')
        slow[0].finish()
        body = slow[0].read_all().partition(b'\r\n\r\n')[2]
        equal(body == (world.folder / 'site' / 'big.bin').read_bytes(), True, 'same bytes')
        for peer in slow:
            peer.socket.close()
        server.stop()


def steady_reader(world):
    """Slow, but not silent: its answer takes longer than the timeout, and is not cut short."""
    with serve(world, '--timeout', '1') as server:
        with ask_for_big(server, 65536) as peer:
            began, got = time.monotonic(), 0
            while time.monotonic() - began < 5:
                got += len(peer.socket.recv(8192))
                time.sleep(0.05)
            expect(0 < got < BIG // 2, f'got {got} bytes')
            equal(server.text['err'], '', 'stderr')


def shrinks(world, library):
    """A file that becomes shorter in mid-answer: the peer must not take what came for all."""
    file = world.folder / 'site' / 'shrinking'
    size = 20_000_000
    file.write_bytes(bytes(size))
    with serve(world, '--tls-lib', library) as server:
        with Tls(server.port) as peer:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            peer.handshake().send(b'GET /shrinking HTTP/1.0\r\n\r\n')
            got = len(peer.read())
            os.truncate(file, 1_000_000)
            try:
                while True:
                    part = peer.read()
                    expect(part, f'close_notify after {got} bytes')
                    got += len(part)
            except (ssl.SSLEOFError, ConnectionResetError):
                pass
            expect(0 < got < size, f'got {got} bytes')
        server.wait_for('an answer was cut short', 'err')
        equal(get(server, '/a.txt').body, b'0123456789', 'body')
        server.stop()
    file.unlink()


def timeouts(world, library):
    with serve(world, '--tls-lib', library, '--timeout', '1.5', '-v') as server:
        began = time.monotonic()
        mute = socket.create_connection(('127.0.0.1', server.port), WAIT)
        idle = Tls(server.port).handshake()
        late = Tls(server.port).handshake().send(b'GET /a.txt HTTP/1.1\r\nHos')
        deaf = ask_for_big(server)
        served = Tls(server.port).handshake().send(b'GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n')
        equal(mute.recv(100), b'', 'what a mute peer hears')
        server.wait_for('no TLS handshake in time', 'err')
        equal(idle.read_all(), b'', 'what an idle peer hears')
        equal(split(late.read_all())[0].status, 408, 'what a late peer hears')
        equal(split(served.read_all())[0].body, b'0123456789', 'what a served peer hears')
        server.wait_for('an answer was cut short', 'err')
        server.wait_for(r'"GET /big.bin HTTP/1.1" 200 \d+ cut short')
        took = time.monotonic() - began
        expect(1.4 < took < 30, f'took {took} s')
        for peer in (idle, late, deaf, served):
            peer.socket.close()
        mute.close()
        server.stop()


def trickle(world):
    """A byte now and then does not keep a request alive for ever."""
    with serve(world, '--timeout', '1.5') as server:
        with Tls(server.port) as peer:
            peer.handshake().send(b'GET /a.txt HTTP/1.1\r\nX: ')
            began = time.monotonic()
            peer.socket.settimeout(0.3)
            while not peer.over and time.monotonic() - began < 20:
                peer.send(b'x')
                try:
                    peer.receive()
                except TimeoutError:
                    pass
            expect(1.4 < time.monotonic() - began < 20, 'it does')
            equal(split(peer.read_all())[0].status, 408, 'status')


def limit(world):
    """--connections: who comes late waits, and is served when another one goes."""
    with serve(world, '--connections', '2') as server:
        first, second = Tls(server.port).handshake(), Tls(server.port).handshake()
        third = Tls(server.port)
        third.socket.settimeout(1)
        try:
            third.handshake()
            raise AssertionError('a third connection is served')
        except TimeoutError:
            pass
        second.socket.close()
        third.socket.settimeout(WAIT)
        expect(third.receive(), 'the third connection is dropped')
        third.socket.close()
        first.send(b'GET /a.txt HTTP/1.0\r\n\r\n')
        equal(split(first.read_all())[0].status, 200, 'status of the first one')
        first.socket.close()
        server.stop()


def cpu_seconds(process):
    """What a process has used so far."""
    try:
        with open(f'/proc/{process.pid}/stat', encoding='ascii') as stat:
            fields = stat.read().rpartition(') ')[2].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def no_descriptor(world):
    """Not one is left; when there are some again, who waited is served."""
    if not hasattr(resource, 'prlimit'):
        raise Skip('needs prlimit')
    with serve(world) as server:
        pid = server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        with Tls(server.port) as peer:
            server.wait_for('cannot accept', 'err')
            used = cpu_seconds(server.process)
            time.sleep(1)
            expect(cpu_seconds(server.process) - used < 0.4, 'the server is busy with waiting')
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            peer.handshake().send(b'GET /a.txt HTTP/1.0\r\n\r\n')
            equal(split(peer.read_all())[0].status, 200, 'status')
        server.stop()


def quiet(world, library):
    """A peer that drops a connection it needs no longer is not worth a line."""
    with serve(world, '--tls-lib', library) as server:
        for request in (b'', b'GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n'):
            for leave in (lambda peer: peer.socket.close(), Tls.reset):
                # With TLS 1.2 the server is the first to be done with the handshake.
                peer = Tls(server.port, context('v1.2')).handshake().send(request)
                while request and b'0123456789' not in peer.read():
                    pass
                leave(peer)
        get(server, '/a.txt')
        equal(server.stop().err, '', 'stderr')


def few_descriptors(world):
    """When they run out, one line; who is there is served, and later the others are, too."""
    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
    with serve(world, preexec_fn=lower) as server:
        crowd_ = [socket.create_connection(('127.0.0.1', server.port), WAIT) for _ in range(60)]
        line = server.wait_for(r'weir serve: cannot accept[^\n]*\n', 'err').group()
        expect('Too many open files' in line, line)
        for peer in crowd_[:55]:
            peer.close()
        equal(get(server, '/a.txt').body, b'0123456789', 'body')
        for peer in crowd_:
            peer.close()
        equal(get(server, '/a.txt').body, b'0123456789', 'body')
        done = server.stop()
        equal(len(re.findall('cannot accept', done.err)), 1, f'number of lines in {done}')


def ends(world, number):
    """A signal ends the server at once, whatever its connections are at."""
    with serve(world) as server:
        peers = [Tls(server.port).handshake(), ask_for_big(server),
                 Tls(server.port).handshake().send(b'GET /a.t')]
        mute = socket.create_connection(('127.0.0.1', server.port), WAIT)
        get(server, '/a.txt')
        began = time.monotonic()
        done = server.end(number)
        equal((done.status, done.err), (0, ''), 'status and stderr')
        expect(time.monotonic() - began < 10, 'takes too long')
        equal(peers[0].read_all(), b'', 'what an idle peer hears')
        for peer in peers:
            peer.socket.close()
        mute.close()


def hang_ups(world, library):
    """Peers that leave in the middle of an answer, again and again."""
    with serve(world, '--tls-lib', library) as server:
        for i in range(20 if SMALL else 60):
            with ask_for_big(server) as peer:
                if i % 2:
                    peer.read()
                if i % 3 == 0:
                    peer.reset()
        equal(get(server, '/a.txt').body, b'0123456789', 'body')
        server.stop()


def run(cases, world):
    for library in world.libraries:
        for version in world.versions(library):
            cases.run(f'{library}, {version}, {CROWD} connections at once', crowd, world, library,
                      version)
        cases.run(f'{library}, --threads', shared_out, world, library)
        cases.run(f'{library}, slow readers', slow_readers, world, library)
        cases.run(f'{library}, a file that becomes shorter', shrinks, world, library)
        cases.run(f'{library}, timeouts', timeouts, world, library)
        cases.run(f'{library}, peers that leave', hang_ups, world, library)
        cases.run(f'{library}, peers that leave without a word', quiet, world, library)
    cases.run('a short queue', short_queue, world)
    cases.run('a slow but steady reader', steady_reader, world)
    cases.run('a trickle', trickle, world)
    cases.run('--connections', limit, world)
    cases.run('few descriptors', few_descriptors, world)
    cases.run('no descriptor', no_descriptor, world)
    for number in (signal.SIGINT, signal.SIGTERM):
        cases.run(f'the end by {number.name}', ends, world, number)
