# SPDX-License-Identifier: BSD-2-Clause
"""`weir serve DIR` over the wire: HTTP as curl and raw clients speak it."""

import email.utils
import hashlib
import os
import random
import subprocess
import time

from harness import SMALL, WAIT, Tls, context, equal, expect, serve

BIG = (5 if SMALL else 50) * 1_000_000
SECRET = b'nobody may read this'
TYPES = {
    'html': 'text/html; charset=utf-8', 'css': 'text/css; charset=utf-8',
    'js': 'text/javascript; charset=utf-8', 'json': 'application/json', 'svg': 'image/svg+xml',
    'png': 'image/png', 'jpg': 'image/jpeg', 'gif': 'image/gif', 'webp': 'image/webp',
    'ico': 'image/vnd.microsoft.icon', 'txt': 'text/plain; charset=utf-8',
    'wasm': 'application/wasm', 'mp4': 'video/mp4', 'pdf': 'application/pdf',
    'other': 'application/octet-stream',
}


def make(world):
    """The directory that is served, and what lies beside it."""
    site, beside = world.folder / 'site', world.folder / 'beside'
    for folder in (site, beside, site / 'indexed', site / 'types', site / 'sub' / 'deep',
                   site / '.hidden'):
        folder.mkdir(parents=True)
    (site / 'a.txt').write_bytes(b'0123456789')
    (site / 'empty').write_bytes(b'')
    (site / 'indexed' / 'index.html').write_bytes(b'<h1>index</h1>')
    (site / 'sub' / 'deep' / 'b.css').write_bytes(b'css')
    (site / 'na&me <b>.txt').write_bytes(b'odd')
    (site / 'ümläut.txt').write_bytes(b'umlaut')
    (site / '.hidden' / 'x').write_bytes(SECRET)
    (beside / 'secret').write_bytes(SECRET)
    (site / 'out').symlink_to('../beside/secret')
    (site / 'out-dir').symlink_to(beside)
    (site / 'passwd').symlink_to('/etc/passwd')
    for ending in TYPES:
        (site / 'types' / f'a.{ending}').write_bytes(b'x')
    (site / 'big.bin').write_bytes(random.Random(1).randbytes(BIG))
    world.digest = hashlib.sha256((site / 'big.bin').read_bytes()).hexdigest()
    old = time.time() - 86400
    os.utime(site / 'a.txt', (old, old))
    world.made = time.time()


# ---- answers ----


class Answer:
    """One answer out of a stream of bytes."""

    def __init__(self, head, body):
        lines = head.decode('latin-1').split('\r\n')
        self.version, status, self.words = lines[0].split(' ', 2)
        self.status, self.body = int(status), body
        self.fields = {}
        for line in lines[1:]:
            name, value = line.split(': ', 1)
            expect(name.lower() not in self.fields, f'{name} comes twice')
            self.fields[name.lower()] = value

    def __getitem__(self, name):
        return self.fields.get(name.lower())


def split(data, methods=()):
    """All answers in some bytes; `methods` of the requests, where one is HEAD."""
    answers = []
    while data:
        head, end, data = data.partition(b'\r\n\r\n')
        expect(end, f'half an answer: {head!r}')
        method = methods[len(answers)] if len(answers) < len(methods) else 'GET'
        answer = Answer(head, b'')
        length = 0
        if method != 'HEAD' and answer.status != 304:
            length = int(answer['Content-Length'])
        expect(len(data) >= length, f'a body of {len(data)} bytes, not {length}')
        answer.body, data = data[:length], data[length:]
        answers.append(answer)
    return answers


def talk(server, data, methods=(), settings=None):
    """Sends some bytes, ends our direction, and answers all that comes back."""
    with Tls(server.port, settings) as peer:
        peer.handshake().send(data)
        peer.finish()
        return split(peer.read_all(), methods)


def get(server, path, *fields, method='GET', settings=None):
    lines = [f'{method} {path} HTTP/1.1', 'Host: localhost', *fields, '', '']
    answers = talk(server, '\r\n'.join(lines).encode(), [method], settings)
    equal(len(answers), 1, 'number of answers')
    return answers[0]


def status(answer, wanted):
    equal(answer.status, wanted, 'status')
    return answer


# ---- cases, each with a server of its own group ----


def whole_file(server):
    answer = status(get(server, '/a.txt'), 200)
    equal(answer.body, b'0123456789', 'body')
    equal(answer['Content-Length'], '10', 'length')
    equal(answer['Content-Type'], TYPES['txt'], 'type')
    equal(answer['Accept-Ranges'], 'bytes', 'Accept-Ranges')
    date = email.utils.parsedate_to_datetime(answer['Date']).timestamp()
    expect(abs(date - time.time()) < 60, f'Date is {answer["Date"]}')
    modified = email.utils.parsedate_to_datetime(answer['Last-Modified']).timestamp()
    expect(abs(date - modified - 86400) < 120, f'Last-Modified is {answer["Last-Modified"]}')


def head(server):
    answer = status(get(server, '/a.txt', method='HEAD'), 200)
    full = get(server, '/a.txt')
    for name in ('Content-Length', 'Content-Type', 'ETag', 'Last-Modified'):
        equal(answer[name], full[name], name)
    status(get(server, '/none', method='HEAD'), 404)
    answers = talk(server, b'HEAD /a.txt HTTP/1.1\r\nHost: x\r\n\r\n'
                           b'GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n', ['HEAD', 'GET'])
    equal([a.body for a in answers], [b'', b'0123456789'], 'bodies')


def types(server):
    for ending, wanted in TYPES.items():
        answer = status(get(server, f'/types/a.{ending}'), 200)
        equal(answer['Content-Type'], wanted, ending)
        equal(answer['X-Content-Type-Options'], 'nosniff', 'X-Content-Type-Options')


def directories(server):
    equal(status(get(server, '/indexed/'), 200).body, b'<h1>index</h1>', 'index')
    equal(status(get(server, '/indexed'), 301)['Location'], '/indexed/', 'Location')
    equal(status(get(server, '//indexed'), 301)['Location'], '/indexed/', 'Location')
    page = status(get(server, '/'), 200)
    equal(page['Content-Type'], TYPES['html'], 'type')
    text = page.body.decode()
    for part in ('href="sub/"', 'href="a.txt"', 'href="na%26me%20%3Cb%3E.txt"',
                 '>na&amp;me &lt;b&gt;.txt<', 'href="%C3%BCml%C3%A4ut.txt"'):
        expect(part in text, f'{part} is not in the list')
    for part in ('hidden', 'passwd', 'out-dir', '<b>'):
        expect(part not in text, f'{part} is in the list')
    status(get(server, '/sub/deep/'), 200)
    equal(status(get(server, '/na%26me%20%3Cb%3E.txt'), 200).body, b'odd', 'body')
    equal(status(get(server, '/%C3%BCml%C3%A4ut.txt'), 200).body, b'umlaut', 'body')


TRAVERSALS = [
    '/../beside/secret', '/..', '/../', '/sub/../../beside/secret', '/%2e%2e/beside/secret',
    '/.%2e/beside/secret', '/%2E%2E%2Fbeside%2Fsecret', '/..%2fbeside%2fsecret',
    '/%2e%2e%5cbeside%5csecret', '/..\\beside\\secret', '/%252e%252e/beside/secret',
    '/%c0%ae%c0%ae/beside/secret', '/....//beside/secret', '/../../../../../../etc/passwd',
    '//etc/passwd', '///etc/passwd', '/%2fetc/passwd', '/%2Fetc%2Fpasswd', '/a.txt/../../beside',
    '/out', '/out-dir/secret', '/out-dir/', '/passwd', '/.hidden/x', '/sub/%2e%2e/.hidden/x',
    '/a.txt%00', '/..%00/', '/%00', '/\\..\\..\\etc\\passwd', 'http://x/../beside/secret',
    '/~root', '/proc/self/environ', '/dev/null', '/sub/deep/../../../beside/secret',
]


def traversal(server, path):
    answer = get(server, path)
    expect(answer.status in (400, 404), f'status {answer.status}')
    expect(SECRET not in answer.body and b'root:' not in answer.body, 'it is out')
    expect(path.encode() not in answer.body, 'the path comes back')


RANGES = [
    ('bytes=0-0', b'0'), ('bytes=0-9', b'0123456789'), ('bytes=3-', b'3456789'),
    ('bytes=-3', b'789'), ('bytes=2-99', b'23456789'), ('bytes=-99', b'0123456789'),
]


def ranges(server):
    for value, wanted in RANGES:
        answer = status(get(server, '/a.txt', f'Range: {value}'), 206)
        equal(answer.body, wanted, value)
        first = b'0123456789'.index(wanted)
        equal(answer['Content-Range'], f'bytes {first}-{first + len(wanted) - 1}/10', value)
    for value in ('bytes=10-', 'bytes=99-100', 'bytes=-0'):
        answer = status(get(server, '/a.txt', f'Range: {value}'), 416)
        equal(answer['Content-Range'], 'bytes */10', value)
    for value in ('bytes=0-1,4-5', 'bytes=4-3', 'lines=1-2', 'bytes=x'):
        equal(status(get(server, '/a.txt', f'Range: {value}'), 200).body, b'0123456789', value)
    status(get(server, '/empty', 'Range: bytes=0-'), 416)


def conditions(server, world):
    time.sleep(max(0, world.made + 2.5 - time.time()))  # until the tag of the file is strong
    full = get(server, '/a.txt')
    etag, modified = full['ETag'], full['Last-Modified']
    expect(etag.startswith('"'), f'a weak tag {etag} for a file that rests')
    for fields in ([f'If-None-Match: {etag}'], [f'If-None-Match: "x", W/{etag}'],
                   ['If-None-Match: *'], [f'If-Modified-Since: {modified}']):
        answer = status(get(server, '/a.txt', *fields), 304)
        equal(answer['ETag'], etag, 'ETag')
    status(get(server, '/a.txt', 'If-None-Match: "x"', f'If-Modified-Since: {modified}'), 200)
    status(get(server, '/a.txt', 'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT'), 200)
    status(get(server, '/a.txt', f'If-Unmodified-Since: {modified}'), 200)
    status(get(server, '/a.txt', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'), 412)
    status(get(server, '/a.txt', f'If-Match: {etag}'), 200)
    status(get(server, '/a.txt', 'If-Match: "x"'), 412)
    part = ('Range: bytes=2-4',)
    equal(status(get(server, '/a.txt', *part, f'If-Range: {etag}'), 206).body, b'234', 'body')
    for value in ('"x"', f'W/{etag}', modified):
        answer = status(get(server, '/a.txt', *part, f'If-Range: {value}'), 200)
        equal(answer.body, b'0123456789', value)


def changes(server, world):
    """A file that changes gets another tag, and its young tag is weak."""
    file = world.folder / 'site' / 'changing'
    file.write_bytes(b'one')
    first = get(server, '/changing')
    expect(first['ETag'].startswith('W/'), f'{first["ETag"]} of a new file is strong')
    equal(status(get(server, '/changing', f'If-None-Match: {first["ETag"]}'), 304).body, b'', '304')
    part = get(server, '/changing', 'Range: bytes=1-1', f'If-Range: {first["ETag"]}')
    equal((part.status, part.body), (200, b'one'), 'range of a file that may still change')
    file.write_bytes(b'three')
    second = status(get(server, '/changing', f'If-None-Match: {first["ETag"]}'), 200)
    equal(second.body, b'three', 'body')
    expect(second['ETag'] != first['ETag'], 'the tag stays')
    os.utime(file, (time.time() + 86400,) * 2)
    future = get(server, '/changing')
    equal(*(email.utils.parsedate(future[name]) for name in ('Last-Modified', 'Date')),
          'Last-Modified of a file from tomorrow')
    file.unlink()
    status(get(server, '/changing', f'If-None-Match: {second["ETag"]}'), 404)


def keep_alive(server):
    with Tls(server.port) as peer:
        peer.handshake()
        for path, wanted in (('/a.txt', 200), ('/none', 404), ('/empty', 200), ('/a.txt', 200)):
            peer.send(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            data = b''
            while True:
                data += peer.read()
                if b'\r\n\r\n' in data:
                    head_, _, body = data.partition(b'\r\n\r\n')
                    answer = Answer(head_, body)
                    if len(body) == int(answer['Content-Length']):
                        break
            status(answer, wanted)
            equal(answer['Connection'], None, 'Connection')
        peer.send(b'GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        answers = split(peer.read_all())  # the server ends it
        equal(answers[0]['Connection'], 'close', 'Connection')
    answers = talk(server, b'GET /a.txt HTTP/1.0\r\n\r\nGET /a.txt HTTP/1.0\r\n\r\n')
    equal([a['Connection'] for a in answers], ['close'], 'HTTP/1.0')
    answers = talk(server, b'GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' * 2)
    equal([a['Connection'] for a in answers], ['keep-alive'] * 2, 'HTTP/1.0 with keep-alive')


def pipelining(server):
    count = 200
    paths = [['/a.txt', '/none', '/types/a.js', '/empty'][i % 4] for i in range(count)]
    data = b''.join(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode() for path in paths)
    answers = talk(server, data)
    equal([a.status for a in answers], [404 if p == '/none' else 200 for p in paths], 'statuses')
    equal([a.body for a in answers if a.status == 200],
          [{'/a.txt': b'0123456789', '/types/a.js': b'x', '/empty': b''}[p]
           for p in paths if p != '/none'], 'bodies')


def pieces(server):
    """A request cut at every byte, each time in two records; and a byte a record."""
    request = b'GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n'
    with Tls(server.port) as peer:
        peer.handshake()
        answers = 0
        for cut in range(1, len(request)):
            peer.send(request[:cut])
            peer.send(request[cut:])
            answers += 1
        for i in range(len(request)):
            peer.send(request[i:i + 1])
        peer.finish()
        got = split(peer.read_all())
        equal([a.body for a in got], [b'0123456789'] * (answers + 1), 'bodies')


def record_pieces(server):
    """The records themselves arrive cut at every byte."""
    with Tls(server.port) as peer:
        peer.handshake()
        count = 0
        request = b'GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n'
        cut = 1
        while True:
            record = peer.seal(request)
            count += 1
            if cut >= len(record):
                peer.socket.sendall(record)
                break
            peer.socket.sendall(record[:cut])
            time.sleep(0.001)
            peer.socket.sendall(record[cut:])
            cut += 1
        peer.finish()
        got = split(peer.read_all())
        equal([a.body for a in got], [b'0123456789'] * count, 'bodies')


def long_heads(server):
    def with_head(total):
        start = b'GET /a.txt HTTP/1.1\r\nHost: x\r\n'
        filler = b''
        while len(start) + len(filler) + 2 < total:
            size = min(1000, total - len(start) - len(filler) - 2)
            filler += b'X: ' + b'y' * max(0, size - 5) + b'\r\n'
        return start + filler + b'\r\n'
    for total, wanted in ((16384, 200), (32768, 200), (100000, 431), (1000000, 431)):
        answers = talk(server, with_head(total))
        equal([a.status for a in answers], [wanted], f'a head of {total} bytes')
    one = b'GET /a.txt HTTP/1.1\r\nHost: x\r\nCookie: ' + b'z' * 16384 + b'\r\n\r\n'
    equal([a.status for a in talk(server, one)], [200], 'one field of 16 KiB')
    answers = talk(server, b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\nHost: x\r\n\r\n')
    equal([a.status for a in answers], [414], 'a target of 9000 bytes')


RAW = [
    ('bare LF', b'GET /a.txt HTTP/1.1\nHost: x\n\n', 200),
    ('a mixture of ends', b'GET /a.txt HTTP/1.1\r\nHost: x\n\r\n', 200),
    ('empty lines first', b'\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n', 200),
    ('absolute form', b'GET https://localhost/a.txt HTTP/1.1\r\nHost: x\r\n\r\n', 200),
    ('a query', b'GET /a.txt?../../x HTTP/1.1\r\nHost: x\r\n\r\n', 200),
    ('no Host', b'GET /a.txt HTTP/1.1\r\n\r\n', 400),
    ('rubbish', b'\x00\x01\x02\x03\r\n\r\n', 400),
    ('a word', b'hello\r\n\r\n', 501),
    ('a bad field', b'GET /a.txt HTTP/1.1\r\nHost: x\r\n<script>\r\n\r\n', 400),
    ('a NUL', b'GET /a.txt HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400),
    ('PUT', b'PUT /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 405),
    ('DELETE', b'DELETE /a.txt HTTP/1.1\r\nHost: x\r\n\r\n', 405),
    ('TRACE', b'TRACE / HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n', 405),
    ('a method of its own', b'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 501),
    ('HTTP/2.0', b'GET /a.txt HTTP/2.0\r\nHost: x\r\n\r\n', 505),
    ('HTTP/0.9', b'GET /a.txt\r\n\r\n', 505),
    ('a body too large', b'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n', 413),
    ('length and chunks', b'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n'
                          b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
]


def raw(server, data, wanted):
    answers = talk(server, data)
    equal([a.status for a in answers], [wanted], 'statuses')
    if wanted >= 400:
        equal(answers[0]['Connection'], 'close', 'Connection')
        equal(answers[0].body, f'{wanted} {answers[0].words}\n'.encode(), 'body')
    if wanted == 405:
        equal(answers[0]['Allow'], 'GET, HEAD', 'Allow')


def upload_refused(server):
    """An answer reaches a client that is still sending."""
    with Tls(server.port) as peer:
        peer.handshake().send(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n')
        for _ in range(100):
            peer.send(b'x' * 16384)
        equal(split(peer.read_all())[0].status, 405, 'status')


def big_file(server, world, version, arguments=()):
    """With curl, as people do."""
    done = subprocess.run(['curl', '-sS', '--fail', '-k', '--tlsv' + version[1:], '--tls-max',
                           version[1:], *arguments, '-w', '%{stderr}%{http_version}',
                           f'https://127.0.0.1:{server.port}/big.bin'],
                          capture_output=True, timeout=WAIT, check=False)
    equal(done.returncode, 0, f'exit status of curl ({done.stderr})')
    equal(hashlib.sha256(done.stdout).hexdigest(), world.digest, 'digest')
    equal(done.stderr, b'1.1', 'version of HTTP')


def curl_ranges(server, world):
    """curl goes on with a half download, and asks again only for what is new."""
    part, folder = world.folder / 'part', world.folder
    whole = (world.folder / 'site' / 'big.bin').read_bytes()
    part.write_bytes(whole[:1234567])
    url = f'https://127.0.0.1:{server.port}/big.bin'
    subprocess.run(['curl', '-sSk', '--fail', '-C', '-', '-o', part, url], check=True,
                   timeout=WAIT)
    equal(hashlib.sha256(part.read_bytes()).hexdigest(), world.digest, 'digest')
    tag = folder / 'tag'
    subprocess.run(['curl', '-sSk', '--fail', '--etag-save', tag, '-o', part, url], check=True,
                   timeout=WAIT)
    done = subprocess.run(['curl', '-sSk', '--fail', '--etag-compare', tag, '-w', '%{http_code}',
                           '-o', part, url], check=True, timeout=WAIT, capture_output=True)
    equal(done.stdout, b'304', 'status')
    done = subprocess.run(['curl', '-sSkI', '--fail', url], check=True, timeout=WAIT,
                          capture_output=True)
    expect(f'Content-Length: {BIG}\r\n'.encode() in done.stdout, 'no length')


def openssl_client(server):
    """openssl s_client, with a request on its standard input that ends at once."""
    for version in ('-tls1_2', '-tls1_3'):
        if version not in server.versions:
            continue
        done = subprocess.run(['openssl', 's_client', '-quiet', version, '-connect',
                               f'127.0.0.1:{server.port}'], capture_output=True, timeout=WAIT,
                              input=b'GET /a.txt HTTP/1.0\r\n\r\n', check=False)
        expect(done.stdout.endswith(b'\r\n\r\n0123456789'), f'{version}: {done.stdout!r}')


def alpn(server):
    for offered, wanted in ((['http/1.1'], 'http/1.1'), (['h2', 'http/1.1'], 'http/1.1'),
                            ([], None)):
        settings = context()
        if offered:
            settings.set_alpn_protocols(offered)
        with Tls(server.port, settings) as peer:
            equal(peer.handshake().tls.selected_alpn_protocol(), wanted, f'ALPN of {offered}')
            equal(peer.finish().read_all(), b'', 'an answer to nothing')


def log_lines(server):
    status(get(server, '/a.txt'), 200)
    server.wait_for(r'127\.0\.0\.1:\d+ "GET /a\.txt HTTP/1\.1" 200 10\n')
    talk(server, b'GET /\x9b31m"\\x HTTP/1.1\r\nHost: x\r\n\r\n')
    server.wait_for(r'"GET /\\x9b31m\\x22\\x5cx HTTP/1\.1" 404 14\n')
    talk(server, b'GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n')
    server.wait_for(r'"" 400 16\n')
    expect('\x1b' not in server.text['out'] and '\x9b' not in server.text['out'],
           'an escape sequence reaches the terminal')


def certificate(world, library, kind, version):
    cert, key = world.cert[kind]
    with serve(world, '--tls-lib', library, '--cert', cert, '--key', key) as server:
        settings = context(version, cert)
        equal(get(server, '/a.txt', settings=settings).body, b'0123456789', 'body')
        done = subprocess.run(['curl', '-sS', '--cacert', cert, '--tls-max', version[1:],
                               f'https://localhost:{server.port}/a.txt'], capture_output=True,
                              timeout=WAIT, check=False)
        equal((done.stdout, done.stderr), (b'0123456789', b''), 'answer to curl')
        server.stop()


def own_certificate(world, library):
    """A server without one makes its own: ECDSA, for localhost, and another one each time."""
    seen = []
    for _ in range(2):
        with serve(world, '--tls-lib', library) as server:
            text = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{server.port}'],
                                  capture_output=True, input=b'', timeout=WAIT,
                                  check=False).stdout
            pem = text[text.index(b'-----BEGIN'):text.index(b'-----END')] + \
                b'-----END CERTIFICATE-----\n'
            shown = subprocess.run(['openssl', 'x509', '-noout', '-text', '-ext',
                                    'subjectAltName'], input=pem, capture_output=True,
                                   check=True).stdout.decode()
            expect('id-ecPublicKey' in shown and 'DNS:localhost' in shown and
                   'IP Address:127.0.0.1' in shown, shown)
            seen.append(pem)
    expect(seen[0] != seen[1], 'the same certificate twice')


def addresses(world):
    """--bind: loopback when nothing is said, and whatever is asked for."""
    for arguments, host in ((['-B', '127.0.0.1'], '127.0.0.1'), (['-B', '::1'], '::1'),
                            (['-B', '::'], '127.0.0.1'), (['-B', 'localhost'], 'localhost')):
        if ':' in arguments[1] and not os.path.exists('/proc/net/if_inet6'):
            continue
        with serve(world, *arguments) as server:
            with Tls(server.port, host=host) as peer:
                peer.handshake().send(b'GET /a.txt HTTP/1.0\r\n\r\n')
                equal(split(peer.read_all())[0].status, 200, f'status over {host}')
    with serve(world) as server:
        expect('https://127.0.0.1:' in server.text['out'], f'not loopback: {server.text}')


def run(cases, world):
    for library in world.libraries:
        with serve(world, '-v', '--tls-lib', library) as server:
            server.versions = {'-tls' + v[1:].replace('.', '_') for v in world.versions(library)}
            run_on(cases, world, server, library)
            done = server.stop()
            cases.run(f'{library}, nothing on stderr', equal, done.err, '', 'stderr')
        for kind in ('ecdsa', 'rsa'):
            for version in world.versions(library):
                cases.run(f'{library}, {kind}, {version}', certificate, world, library, kind,
                          version)
        cases.run(f'{library}, a certificate of its own', own_certificate, world, library)
    cases.run('--bind', addresses, world)


def run_on(cases, world, server, library):
    """All cases that one server after the other can stand."""
    simple = [('a file', whole_file), ('HEAD', head), ('types', types),
              ('directories', directories), ('ranges', ranges), ('keep-alive', keep_alive),
              ('pipelining', pipelining), ('pieces', pieces), ('records in pieces', record_pieces),
              ('long heads', long_heads), ('a refused upload', upload_refused), ('ALPN', alpn),
              ('openssl s_client', openssl_client), ('lines of the log', log_lines)]
    for name, function in simple:
        cases.run(f'{library}, {name}', function, server)
    for path in TRAVERSALS:
        cases.run(f'{library}, no way out by {path}', traversal, server, path)
    for name, data, wanted in RAW:
        cases.run(f'{library}, {name}', raw, server, data, wanted)
    cases.run(f'{library}, conditions', conditions, server, world)
    cases.run(f'{library}, changes', changes, server, world)
    for version in world.versions(library):
        cases.run(f'{library}, {version}, {BIG} bytes with curl', big_file, server, world, version)
    cases.run(f'{library}, curl resumes', curl_ranges, server, world)
