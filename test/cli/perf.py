# SPDX-License-Identifier: BSD-2-Clause
"""Every option of `weir perf` does what its help says. Short runs; speed is not judged."""

import json
import os
import re
import signal
import socket
import ssl
import time

from harness import SMALL, Process, Server, Skip, Tls, context, equal, expect, one_line, weir


def perf(world, server, *arguments):
    done = weir(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '--insecure', *arguments)
    equal(done.status, 0, f'status of {done}')
    equal(done.err, '', 'stderr')
    return done


def report(world, server, *arguments):
    return json.loads(perf(world, server, '--json', *arguments).out)


def open_server(world, *arguments):
    return Server(world, 'perf', '-s', '-p', '0', *arguments)


def flows(answer, name):
    found = [stream[name] for stream in answer['streams'] if name in stream]
    expect(found, f'no {name!r} in {answer}')
    return found


def bytes_exact(world):
    with open_server(world) as server:
        answer = report(world, server, '-n', '10M')
        sent = flows(answer, 'sent')
        equal([flow['bytes'] for flow in sent], [10 << 20], 'bytes sent')
        equal([flow['peer']['bytes'] for flow in sent], [10 << 20], 'bytes received')
        equal([flow['complete'] for flow in sent], [True], 'complete')
        expect(all('received' not in stream for stream in answer['streams']), 'bytes back')
        for text, number in (('1', 1), ('1500', 1500), ('64K', 65536), ('1.5M', 3 << 19)):
            equal(flows(report(world, server, '-n', text), 'sent')[0]['bytes'], number, text)


def reverse(world):
    with open_server(world) as server:
        answer = report(world, server, '-R', '-n', '10M', '--verify')
        got = flows(answer, 'received')
        equal([flow['bytes'] for flow in got], [10 << 20], 'bytes received')
        expect(all('sent' not in stream for stream in answer['streams']), 'bytes sent')
        expect(re.fullmatch('[0-9a-f]{64}', got[0]['sha256']), 'no digest')
        equal(got[0]['sha256'], got[0]['peer']['sha256'], 'digest')


def both_ways(world):
    with open_server(world) as server:
        answer = report(world, server, '--bidir', '-n', '5M')
        for name in ('sent', 'received'):
            equal([flow['bytes'] for flow in flows(answer, name)], [5 << 20], name)


def nothing_mixed_up(world):
    with open_server(world) as server:
        for size in ('20', '5M'):
            answer = report(world, server, '--bidir', '-P', '2', '-n', size, '--verify')
            found = flows(answer, 'sent') + flows(answer, 'received')
            for flow in found:
                equal(flow['sha256'], flow['peer']['sha256'], 'digest')
            equal(len({flow['sha256'] for flow in found}), 4,
                  f'digests of two directions of two streams, {size}')


def parallel(world):
    with open_server(world) as server:
        answer = report(world, server, '-P', '4', '-n', '10M')
        sent = flows(answer, 'sent')
        equal(len(sent), 4, 'number of streams')
        equal(sum(flow['bytes'] for flow in sent), 10 << 20, 'bytes of all')
        equal(len({stream['local'] for stream in answer['streams']}), 4, 'number of sockets')
        done = perf(world, server, '-P', '3', '-n', '3M', '-i', '0')
        for line in (r'\[SUM\].*sender', r'\[  2\].*receiver'):
            expect(re.search(line, done.out), f'no line {line!r} in {done}')


def tasks(process):
    """How many threads a process has; Linux tells."""
    try:
        return len(os.listdir(f'/proc/{process.process.pid}/task'))
    except FileNotFoundError:
        raise Skip('there is no /proc here') from None


def threads(world, library):
    """Streams of one test on several threads, at either end, tell of themselves as on one."""
    options = ['--tls-lib', library]
    for server_threads, client_threads in (('3', '2'), ('1', '4'), ('2', '1')):
        with open_server(world, '-1', *options, '--threads', server_threads) as server:
            answer = report(world, server, *options, '-P', '4', '--threads', client_threads,
                            '--bidir', '-n', '20M', '--verify')
            equal(server.end().status, 0, 'status of the server')
        for name in ('sent', 'received'):
            found = flows(answer, name)
            equal(sum(flow['bytes'] for flow in found), 20 << 20, f'bytes {name}')
            equal([flow['complete'] for flow in found], [True] * 4, f'complete {name}')
        equal([stream['id'] for stream in answer['streams']], [0, 1, 2, 3], 'streams')


def threads_run(world):
    """As many as were asked for, and they are gone with the last test."""
    with open_server(world, '--threads', '3') as server:
        equal(tasks(server), 3, 'number of threads')
        for way in (['-R'], []):
            done = perf(world, server, '-P', '3', '--threads', '3', '-t', '1', '-i', '0.2', *way)
            expect(re.search(r'\[SUM\] +0.00-1\.', done.out), f'no sum in {done}')
        # One end hangs up in the middle: the other streams end, too, in whatever thread.
        with Process(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '--insecure', '-P', '4',
                     '--threads', '4', '-t', '60', '-i', '0.1') as client:
            client.wait_for(r'\[SUM\]')
            server.end(signal.SIGTERM)
            done = client.end()
        equal(done.status, 1, f'status of {done}')
        expect(done.err.startswith('weir perf: 127.0.0.1:'), f'stderr of {done}')
        equal(done.err.count('\n'), 1, f'lines on stderr of {done}')
    with open_server(world, '--threads', '2') as server:
        with Process(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '--insecure', '-P', '4',
                     '--threads', '2', '-t', '60', '-i', '0.1') as client:
            client.wait_for(r'\[SUM\]')
            equal(client.end(signal.SIGINT).status, 130, 'status when interrupted')
        perf(world, server, '-n', '1M')
        server.end(signal.SIGTERM)


def comes_to(process, number, what):
    """Waits until a process has so many threads."""
    limit = time.monotonic() + 10
    while tasks(process) != number and time.monotonic() < limit:
        time.sleep(0.02)
    equal(tasks(process), number, what)


def receiving_threads(world, library):
    """A stream that moves data both ways has one thread more where that is wanted, and only then."""
    for ways, at_client, at_server in (([], 0, 0), (['--bidir'], 0, 2), (['-R'], 0, 0),
                                       (['--bidir', '--two-threads'], 2, 2)):
        with open_server(world, '--tls-lib', library, '-i', '0.1', '--two-threads') as server:
            with Process(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '--insecure',
                         '--tls-lib', library, '-P', '2', '-t', '60', '-i', '0.1',
                         *ways) as client:
                for end, more in ((client, at_client), (server, at_server)):
                    end.wait_for(r'\[SUM\].* (sent|received)\n')
                    comes_to(end, 1 + more, f'number of threads with {ways}')
                client.end(signal.SIGINT)
            comes_to(server, 1, f'number of threads after {ways}')


def both_at_once(world, server_library, client_library, version):
    """Data and KeyUpdates both ways: sealed and opened side by side, and nothing is lost."""
    options = ['--tls', version, '--threads', '2', '--two-threads']
    update = ['--key-update', '1M'] if version == 'v1.3' else []
    with open_server(world, '-1', '--tls-lib', server_library, *options) as server:
        answer = report(world, server, '--tls-lib', client_library, *options, *update, '-P', '3',
                        '--bidir', '--verify', '-n', '24M')
        equal(server.end().status, 0, 'status of the server')
    for name in ('sent', 'received'):
        found = flows(answer, name)
        equal([flow['bytes'] for flow in found], [8 << 20] * 3, f'bytes {name}')
        equal([flow['complete'] for flow in found], [True] * 3, f'complete {name}')
        for flow in found:
            equal(flow['sha256'], flow['peer']['sha256'], f'digest of what was {name}')
            updates = flow['path']['key_updates']
            expect(6 <= updates <= 8 if update else updates == 0, f'{updates} KeyUpdates {name}')
            equal(flow['peer']['path']['key_updates'], updates, 'number that the peer saw')


def killed_both_ways(world, library, number):
    """One end goes in mid-test: the other one says a line and ends, whatever its threads do."""
    def client_of(server):
        return Process(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '--insecure',
                       '--tls-lib', library, '--bidir', '--two-threads', '-P', '2', '-t', '60',
                       '-i', '0.1')

    def ends(survivor, victim):
        survivor.wait_for(r'\[SUM\].* received\n')
        victim.end(number)
        began = time.monotonic()
        one_line(survivor.end(), 1, '127.0.0.1')
        expect(time.monotonic() - began < 10, 'takes too long to end')

    with open_server(world, '--tls-lib', library) as server, client_of(server) as client:
        ends(client, server)
    with open_server(world, '-1', '--tls-lib', library, '-i', '0.1', '--two-threads') as server:
        with client_of(server) as client:
            ends(server, client)


class Talker(Tls):
    """A client that speaks the language of weir perf as far as a test in both directions goes."""

    def say(self, kind, **body):
        return self.frame(kind, json.dumps(body).encode())

    def frame(self, kind, payload=b''):
        return self.send(bytes([kind, 0, 0, 0]) + len(payload).to_bytes(4, 'big') + payload)

    def start(self):
        self.handshake()
        self.say(HELLO, protocol=1, test='x', streams=1, stream=0, up=True, down=True, bytes=0,
                 seconds=60, verify=False, record_size=0, key_update=0)
        expect(self.read()[0] == READY, 'the server is not ready')
        self.say(START)
        expect(self.read()[0] == DATA, 'the server does not send')
        return self.frame(DATA, b'x' * 100000)


HELLO, READY, START, DATA, DONE = range(1, 6)


def flip(peer):
    record = bytearray(peer.seal(b'x' * 1000))
    record[-1] ^= 1
    peer.socket.sendall(record)


# What a client does in the middle of a test that moves data both ways, and words for it.
MISDEEDS = [
    ('sends a frame of no kind', lambda peer: peer.frame(77), ['language of weir perf']),
    ('sends a message that is none', lambda peer: peer.frame(DONE, b'{'),
     ['language of weir perf']),
    ('starts over', lambda peer: peer.say(HELLO), ['out of turn']),
    ('counts wrong', lambda peer: peer.say(DONE, bytes=99999), ['not what was sent']),
    ('goes on after its end', lambda peer: peer.say(DONE, bytes=100000).frame(DATA, b'x'),
     ['does not have']),
    ('closes too early', lambda peer: peer.finish(), ['before the test was over']),
    ('hangs up', lambda peer: peer.socket.shutdown(socket.SHUT_WR), ['without close_notify']),
    ('sends a flipped bit', flip, ['authentication', 'bad_record_mac']),
    # Which direction hears of it first decides what it is called: reset, or broken pipe.
    ('resets the connection', lambda peer: peer.reset(), []),
]


def misdeed(world, library, options, deed, words):
    """The server hears of it though it cannot send, for this client reads nothing any more."""
    with open_server(world, '-1', '--tls-lib', library, *options) as server:
        with Talker(server.port) as peer:
            deed(peer.start())
            one_line(server.end(), 1, '127.0.0.1', *words)


def seconds(world):
    with open_server(world) as server:
        began = time.monotonic()
        answer = report(world, server, '-t', '1.5')
        took = time.monotonic() - began
        expect(1.4 < took < 20, f'took {took} s')
        expect(1.4 < flows(answer, 'sent')[0]['seconds'] < 10, f'seconds in {answer}')


def intervals(world):
    with open_server(world) as server:
        done = perf(world, server, '-t', '2', '-i', '0.5')
        lines = re.findall(r'\[  0\] +(\d+\.\d+)-(\d+\.\d+) +sec .* sent$', done.out, re.MULTILINE)
        expect(3 <= len(lines) <= 5, f'interval lines: {lines}')
        for begin, end in lines[:3]:
            expect(float(end) - float(begin) < 5, f'interval {begin} to {end}')
        for (_, end), (begin, _) in zip(lines, lines[1:]):
            equal(begin, end, 'begin of an interval')
        done = perf(world, server, '-n', '1M', '-i', '0')
        expect(not re.search(r' sent$', done.out, re.MULTILINE), f'an interval line in {done}')
        answer = report(world, server, '-t', '1.2', '-i', '0.5')
        expect(len(answer['intervals']) >= 1, f'no intervals in {answer}')


def once(world):
    with open_server(world, '-1') as server:
        perf(world, server, '-n', '1M', '-P', '2')
        equal(server.end().status, 0, 'status of the server')
    with open_server(world) as server:
        for _ in range(3):
            perf(world, server, '-n', '100K')
        server.stop()


def any_port(world):
    with open_server(world) as first, open_server(world) as second:
        expect(0 < first.port != second.port > 0, f'ports {first.port} and {second.port}')
        perf(world, second, '-n', '1')


def server_json(world):
    """The server's JSON: a line when it listens, and one for each test."""
    with Process(world, 'perf', '-s', '-p', '0', '--json', '-1') as server:
        line = server.wait_for(r'\{.*\}\n').group()
        port = json.loads(line)['listening']['port']
        done = weir(world, 'perf', '-c', '127.0.0.1', '-p', port, '-n', '1M', '--insecure')
        equal(done.status, 0, f'status of {done}')
        lines = server.end().out.splitlines()
        equal(len(lines), 2, f'number of lines in {lines}')
        equal(flows(json.loads(lines[1]), 'received')[0]['bytes'], 1 << 20, 'bytes received')


def record_sizes(world, library, version, suite):
    """What is written on the wire has the size that was asked for: a peer of ours looks at it."""
    with Server(world, 'serve', '-p', '0', '--echo', '--tls-lib', library, '--tls', version,
                '--cipher', suite, '--record-size', '1000') as server:
        overhead = {'v1.3': 1 + 16, 'v1.2': 16 if 'CHACHA' in suite else 8 + 16}[version]
        with Tls(server.port) as peer:
            peer.handshake().send(b'x' * 5500)
            lengths, wire, back = [], b'', 0
            while back < 5500:
                data = peer.socket.recv(65536)
                expect(data, 'the server hung up')
                wire += data
                while len(wire) >= 5 and len(wire) >= 5 + int.from_bytes(wire[3:5], 'big'):
                    lengths.append(int.from_bytes(wire[3:5], 'big') - overhead)
                    wire = wire[5 + lengths[-1] + overhead:]
                peer.inward.write(data)
                try:
                    while True:
                        back += len(peer.tls.read(65536))
                except ssl.SSLWantReadError:
                    pass
            equal(back, 5500, 'bytes echoed')
            equal(max(lengths), 1000, 'plaintext of the largest record')


def perf_record_size(world):
    """The sender's --record-size shows in the number of records, whichever end sends."""
    for size, least, most in (('1000', 1000, 1100), ('16K', 61, 80)):
        with open_server(world) as server:
            for way, name in (([], 'sent'), (['-R'], 'received')):
                answer = report(world, server, '-n', '1000000', '--record-size', size, *way)
                records = flows(answer, name)[0]['path']['records']
                expect(least <= records <= most, f'{records} records of {size} {name}')


def key_updates(world):
    if 'openssl' not in world.libraries:
        raise Skip('needs TLS 1.3 from OpenSSL')
    with open_server(world, '--tls-lib', 'openssl') as server:
        answer = report(world, server, '--tls-lib', 'openssl', '--tls', 'v1.3', '-n', '8M',
                        '--key-update', '1M', '--verify')
        updates = flows(answer, 'sent')[0]['path']['key_updates']
        expect(6 <= updates <= 8, f'{updates} KeyUpdates')
        equal(flows(answer, 'sent')[0]['peer']['path']['key_updates'], updates,
              'number that the peer saw')
        done = weir(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '--insecure', '--tls',
                    'v1.2', '-n', '8M', '--key-update', '1M')
        one_line(done, 1, 'KeyUpdate', 'TLSv1.2')


def choices(world, server_library, client_library, version, suite):
    """Library, version, suite and provider: what was chosen is what the report says."""
    options = ['--tls', version, '--cipher', suite]
    with open_server(world, '--tls-lib', server_library, *options) as server:
        for aead in world.aeads:
            answer = report(world, server, '--tls-lib', client_library, *options, '--aead', aead,
                            '-n', '200K', '--verify')
            path = flows(answer, 'sent')[0]['path']
            for name, wanted in (('tls', {'v1.2': 'TLSv1.2', 'v1.3': 'TLSv1.3'}[version]),
                                 ('cipher', suite), ('backend', 'soft'), ('aead', aead)):
                equal(path.get(name), wanted, name)


def refusals(world):
    with open_server(world) as server:
        answer = report(world, server, '-n', '100K', '--backend', 'mlx5-kmod,soft')
        path = flows(answer, 'sent')[0]['path']
        refused = [(r['name'], r['code']) for r in path['refused']]
        equal(refused[:1], [('mlx5-kmod', 'not_this_os')], 'first refusal')
        expect(all(code == 'not_built' for _, code in refused[1:]), f'refusals {refused}')
        done = perf(world, server, '-n', '100K', '--backend', 'mlx5-kmod,linux-ktls,soft')
        expect('mlx5-kmod' in done.out and 'not_this_os' in done.out and
               'linux-ktls' in done.out, f'no reasons in {done}')


def last_resort(world):
    """The provider without a library carries when asked for; the list says why it was its turn."""
    if not world.build['portable']:
        raise Skip('the portable provider is not part of this build')
    library = world.libraries[0]
    suite = SUITES[world.versions(library)[-1]]
    absent = [name for name in ('ipsec-mb', 'openssl', 'mbedtls') if not world.build[name]]
    with open_server(world, '--tls-lib', library) as server:
        options = ['--tls-lib', library, '-n', '200K', '--verify', '--backend', 'soft']

        def carried(aead, suite):
            path = flows(report(world, server, *options, '--cipher', suite, '--aead', aead),
                         'sent')[0]['path']
            return path['aead'], [(r['name'], r['code']) for r in path['refused']]

        equal(carried('portable', suite[0]), ('portable', []), 'alone')
        equal(carried('auto', suite[0])[0], world.aeads[0], 'provider that auto begins with')
        # Never before a provider that is there, and only for what it can.
        for aead in ('auto', f'{library},portable'):
            expect(carried(aead, suite[0])[0] in world.aeads, f'portable taken from {aead}')
        equal(carried(f'portable,{library}', suite[2]),
              (library, [('soft with portable', 'suite')]), 'a suite it has not')
        for name in absent:
            equal(carried(f'{name},portable', suite[1]),
                  ('portable', [(f'soft with {name}', 'not_built')]), 'one that is not built')


def certificates(world, kind):
    cert, key = world.cert[kind]
    with open_server(world, '--cert', cert, '--key', key) as server:
        done = weir(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '-n', '1M', '--ca', cert)
        equal(done.status, 0, f'status of {done}')
        with Tls(server.port, context(cert=cert)) as peer:
            peer.handshake()


SUITES = {
    'v1.3': ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
    'v1.2': ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
             'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
}


def run(cases, world):
    cases.run('-n', bytes_exact, world)
    cases.run('-R, --verify', reverse, world)
    cases.run('--bidir', both_ways, world)
    cases.run('--verify tells directions and streams apart', nothing_mixed_up, world)
    cases.run('-P', parallel, world)
    for library in world.libraries:
        cases.run(f'--threads, {library}', threads, world, library)
    cases.run('--threads that end', threads_run, world)
    for library in world.libraries:
        cases.run(f'--bidir, a thread that receives, {library}', receiving_threads, world, library)
        for version in world.versions(library):
            for other in world.libraries:
                if version in world.versions(other):
                    cases.run(f'--bidir, both at once, {library} and {other} {version}',
                              both_at_once, world, library, other, version)
        for number in (signal.SIGKILL, signal.SIGTERM):
            cases.run(f'--bidir, {library}, one end gets {number.name}', killed_both_ways, world,
                      library, number)
        for name, deed, words in MISDEEDS:
            for options in ([], ['--two-threads']):
                cases.run(' '.join([f'--bidir, {library}, the client {name}', *options]), misdeed,
                          world, library, options, deed, words)
    cases.run('-t', seconds, world)
    cases.run('-i', intervals, world)
    cases.run('-1', once, world)
    cases.run('-p 0', any_port, world)
    cases.run('-s --json', server_json, world)
    cases.run('--record-size', perf_record_size, world)
    cases.run('--key-update', key_updates, world)
    cases.run('--backend', refusals, world)
    cases.run('--aead portable', last_resort, world)
    for kind in ('ecdsa', 'rsa'):
        cases.run(f'--cert, --key, --ca with {kind}', certificates, world, kind)
    for server in world.libraries:
        for version in world.versions(server):
            suites = SUITES[version][1:2] if SMALL else SUITES[version]
            for suite in suites:
                cases.run(f'--record-size with {server} {suite}', record_sizes, world, server,
                          version, suite)
                for client in world.libraries:
                    if version in world.versions(client):
                        cases.run(f'--tls-lib {client} to {server}, {suite}', choices, world,
                                  server, client, version, suite)
