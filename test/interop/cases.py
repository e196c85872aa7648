# SPDX-License-Identifier: BSD-2-Clause
"""What is tried with the peers. A case is a function over (world, case, stage) that raises Failure,
or answers a few words about what it saw."""

import time
from dataclasses import dataclass, field

from foreign import IDENTITY, PSK
from harness import Failure, Peer, require

BULK = {'1.3': ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384',
                'TLS_CHACHA20_POLY1305_SHA256'],
        '1.2': ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
                'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256']}
MB = 1_000_000
UPDATES = 5        # KeyUpdates that a peer is made to send
CERTIFICATE = 500  # bytes of a handshake that the server's certificate takes, at least
UPDATE_PART = 300 * 64  # bytes between them: whole lines
UPDATE_EVERY = 1 << 18


@dataclass
class Case:
    """One line of the table."""
    group: str
    peer: str         # the tool, or the other library
    tool: object      # None between two of ours
    lib: str          # weir's TLS library
    suite: object
    size: int         # bytes each way
    run: object       # function(world, case, stage) -> text
    label: str = ''   # what tells it from others of its group
    aead: str = ''    # the AEAD provider; '': the library's own
    options: list = field(default_factory=list)  # of weir's end
    extra: list = field(default_factory=list)    # of the tool
    most: int = 0     # the longest record there must be; 0: no matter
    reason: str = ''  # why it is not possible

    @property
    def role(self):
        """weir's own."""
        return 'client' if self.tool is None or self.tool.server else 'server'

    @property
    def name(self):
        parts = [self.group, self.peer, f'weir-{self.role}', self.lib, self.suite.name]
        if self.aead and self.aead != self.lib:
            parts.append(f'aead-{self.aead}')
        if self.label:
            parts.append(self.label)
        return '/'.join(parts)


# ---- weir's end

def weir(world, stage, case, options, port=None, lib=None):
    """Starts weir's end: a client of `port`, or a server when that is None."""
    suite = case.suite
    words = ['--client', port] if port else ['--server']
    words += ['--lib', lib or case.lib, '--suite', suite.name, '--timeout', 90]
    if case.aead:
        words += ['--aead', case.aead]
    if suite.certificate and port:
        words += ['--ca', world.credentials.cert(suite.certificate)]
    elif suite.certificate:
        words += ['--cert', world.credentials.cert(suite.certificate),
                  '--key', world.credentials.key(suite.certificate)]
    if suite.psk:
        words += ['--psk', PSK, '--identity', IDENTITY]
    return stage.add(Peer(world.peer, [str(word) for word in
                                       [*words, *options, *case.options]]))


def judge(world, case, report, clean=True):
    """What must hold for every connection."""
    require(report['handshake'] == 'OK', f'handshake: {report["explain"]}')
    wire = report['wire']
    require(report['version'] == case.suite.version and report['suite'] == case.suite.name,
            f'negotiated {report["version"]} {report["suite"]}')
    require(wire['fault_count'] == 0, f'on the wire: {"; ".join(wire["faults"])}')
    require(wire['digest'] == report['written_digest'] or not clean,
            'the wire carries other data than weir was given')
    require(wire['key_updates'] == report['tx_rekeys'] and
            wire['key_count'] == report['tx_rekeys'] + 1,
            f'{wire["key_updates"]} KeyUpdates on the wire, {report["tx_rekeys"]} counted')
    if '--bio' in case.options:
        judge_bio(case, report)
    if clean:
        require((report['read'], report['write']) == ('CLOSED', 'OK'),
                f'ended with {report["read"]}, {report["write"]}: {report["explain"]}')
        require(wire['close_notify'], 'no close_notify on the wire')
    world.note(report)
    return report


def judge_bio(case, report):
    """Below OpenSSL: which directions it gives away, and what it must not be able to send."""
    expected = ('none', 'no_export') if case.suite.version == '1.3' else ('soft', 'none')
    require((report['backend'], report['rx_backend'], report['rx_refusal']) == ('soft', *expected),
            f'weir sends by {report["backend"]}, receives by {report["rx_backend"]}, '
            f'{report["rx_refusal"]}')
    # That not one byte of it went is what the digest of the wire says.
    require(report['stray'] == ('failed' if '--sendfile' in case.options else 'not tried'),
            f'SSL_sendfile over software: {report["stray"]}')


def equal(report, tool_digest, data_digest, case):
    """Digests of both directions."""
    require(report['sent'] == case.size and report['sent_digest'] == tool_digest,
            'weir to peer: the digests differ')
    require(report['received'] == case.size and report['received_digest'] == data_digest,
            f'peer to weir: the digests differ ({report["received"]} bytes)')


# ---- both ways at once, in one connection

def start_pair(world, case, stage, options, extra, keep=False):
    """The tool and weir's end, connected as their roles want."""
    if case.tool.server:
        tool = case.tool.start(stage, case.suite, [*extra, *case.extra], keep=keep)
        return tool, weir(world, stage, case, options, port=tool.port)
    end = weir(world, stage, case, options)
    return case.tool.start(stage, case.suite, [*extra, *case.extra], port=end.port(),
                           keep=keep), end


def log_option(stage):
    """gnutls-cli mixes what it says with the data unless it is given a file."""
    return ['--logfile', stage.directory / 'gnutls-cli.log']


# s_server reads, and waits, once it has accepted (TLS 1.3) or was sent an answer to its KeyUpdate:
# with a client that sends no data it would never look at its stdin again.
QUIET_PEER = ['-nbio']


def plain_extra(case, stage):
    """A tool that passes stdin and stdout through."""
    return {'s_client': ['-quiet'], 's_server': ['-quiet', '-naccept', '1'],
            'gnutls-cli': log_option(stage), 'gnutls-serv': ['-q', '--echo'],
            'nss-client': []}[case.tool.name]


def exchange(world, case, stage, options=(), late=False):
    """`size` bytes each way, close_notify both ways. With `late` the tool sends half of its data
    when all of weir's have come. Answers weir's report."""
    # gnutls-cli does not answer close_notify, so there it must be the first to send one.
    theirs = case.tool.name == 'gnutls-cli'
    sizes = ['--send', case.size, '--receive', case.size, '--end', 'theirs' if theirs else 'ours',
             *options]
    if case.tool.name == 'gnutls-serv':
        return exchange_echo(world, case, stage, sizes)
    tool, end = start_pair(world, case, stage, sizes, plain_extra(case, stage))
    first = case.size // 2 if late else case.size
    tool.feed(world.data.binary, first, then_close=theirs and not late)
    if late:
        tool.wait_until(lambda: tool.count() >= case.size, 'all of the data')
        tool.feed(world.data.binary, case.size - first, then_close=theirs, start=first)
    report = judge(world, case, end.reports()[0])
    status = tool.wait()
    require(status == 0, f'{tool.name} ended with {status}: {tool.last()}')
    equal(report, tool.digest(), world.data.digest(world.data.binary, case.size), case)
    return report


def exchange_echo(world, case, stage, sizes):
    """gnutls-serv sends back, line by line, what it gets."""
    _, end = start_pair(world, case, stage, [*sizes, '--text'],
                        plain_extra(case, stage))
    report = judge(world, case, end.reports()[0])
    equal(report, report['sent_digest'], report['sent_digest'], case)
    return report


def download(world, case, stage):
    """From weir only, with gnutls-cli: with records limited by agreement it sends the first record
    of everything it reads, and loses the rest."""
    tool, end = start_pair(world, case, stage, ['--send', case.size, '--end', 'theirs'],
                           plain_extra(case, stage))
    tool.close_stdin()
    report = judge(world, case, end.reports()[0])
    require(tool.wait() == 0, f'{tool.name} failed: {tool.last()}')
    require(tool.digest() == report['sent_digest'], 'weir to peer: the digests differ')
    return report


def run_exchange(world, case, stage):
    report = exchange(world, case, stage)
    return f'digests both ways, close_notify both ways, {report["wire"]["records"]} records'


# ---- records of other sizes

def run_records(world, case, stage):
    """As above; what the label says shows in the records."""
    if case.tool.name == 'gnutls-cli' and '--recordsize' in case.extra:
        report = download(world, case, stage)
    else:
        report = exchange(world, case, stage)
    wire = report['wire']
    most = case.most
    if most:
        require(wire['longest'] <= most, f'{wire["longest"]} bytes in one record')
        # RFC 8449 counts the inner content type, too: one byte less of data.
        require(wire['longest'] >= most - 1, f'no record is as long as it may be, {most} bytes')
    require(wire['padding'] > 0 or not case.label.startswith('pad'), 'no padding')
    return (f'{wire["records"]} records, the longest of {wire["longest"]} bytes, '
            f'{wire["padding"]} bytes of padding')


def run_limited(world, case, stage):
    """weir says how much it takes in a record (RFC 8449), and heeds what the peer says."""
    limit = case.options[case.options.index('--size-limit') + 1]
    extra = ['--http', '--httpdata', world.data.text]
    _, end = start_pair(world, case, stage, ['--http', '--end', 'theirs'], extra)
    report = judge(world, case, end.reports()[0])
    require(report['received_digest'] == world.data.digest(world.data.text, world.data.text_size),
            'the digests differ')
    # One that weir would not take ends the connection; without a limit they are of 16384 bytes.
    require(report['rx_records'] * limit >= report['received'],
            f'{report["received"]} bytes in {report["rx_records"]} records')
    return f'{report["received"]} bytes in {report["rx_records"]} records from the peer'


OVERSTEPPED = {'gnutls-serv': 'invalid length', 'nss-client': 'SSL_ERROR_RX_RECORD_TOO_LONG'}


def run_overstepped(world, case, stage):
    """So that it is known to be the peer's limit: it does not take what is longer."""
    tool, end = start_pair(world, case, stage, ['--send', case.size, '--text', '--overstep',
                                                '--end', 'theirs'], plain_extra(case, stage))
    report = end.reports()[0]  # what is on the wire ends where the peer gave up
    world.note(report)
    tool.wait_until(lambda: OVERSTEPPED[case.tool.name] in tool.err(), 'complaint')
    require(report['wire']['longest'] > 1000, f'longest is {report["wire"]["longest"]}')
    return 'the peer gives up'


# ---- KeyUpdate

def run_update_ours(world, case, stage):
    """weir updates its keys every UPDATE_EVERY bytes, and asks the peer to if the label says so."""
    request = case.label == 'update_requested'
    options = ['--update', UPDATE_EVERY, *(['--request'] if request else [])]
    # What is asked for comes with the next data of the peer's: there must be some.
    report = exchange(world, case, stage, options, late=request)
    expected = (case.size - 1) // UPDATE_EVERY
    wire = report['wire']
    require(report['updates'] == expected and report['tx_rekeys'] == expected,
            f'{report["tx_rekeys"]} of {expected} KeyUpdates')
    require(wire['requests'] == (expected if request else 0), f'{wire["requests"]} requests')
    answers = report['rx_rekeys']
    require(1 <= answers <= expected if request else answers == 0,
            f'{answers} KeyUpdates from the peer')
    return f'{expected} KeyUpdates, {answers} answers, digests both ways'


COMMANDS = {('s_client', True): b'K\n', ('s_client', False): b'k\n',
            ('s_server', True): b'K\n', ('s_server', False): b'k\n',
            ('gnutls-cli', True): b'^rekey^\n', ('gnutls-cli', False): b'^rekey1^\n'}


def feed_with_commands(world, tool, command):
    """UPDATES + 1 parts with a command between them, each read by itself."""
    with open(world.data.text, 'rb') as source:
        parts = [source.read(UPDATE_PART) for _ in range(UPDATES + 1)]
    for part in parts[:-1]:
        tool.write(part)
        tool.wait_taken()
        time.sleep(0.02)
        tool.write(command)
        tool.wait_taken()
        time.sleep(0.02)
    tool.write(parts[-1])


def run_update_theirs(world, case, stage):
    """The peer updates its keys on command, in the middle of what it sends."""
    request = case.label == 'update_requested'
    extra = {'s_client': ['-quiet', '-no_ign_eof'], 's_server': ['-naccept', '1', *QUIET_PEER],
             'gnutls-cli': ['--inline-commands', *log_option(stage)]}[case.tool.name]
    # What s_server says about itself is mixed with the data unless it is quiet, and quiet it takes
    # no commands.
    send = 0 if case.tool.name == 's_server' else case.size
    size = (UPDATES + 1) * UPDATE_PART
    theirs = case.tool.name == 'gnutls-cli'
    tool, end = start_pair(world, case, stage, ['--send', send, '--receive', size, '--end',
                                                'theirs' if theirs else 'ours'], extra)
    feed_with_commands(world, tool, COMMANDS[case.tool.name, request])
    if theirs:
        tool.close_stdin()
    report = judge(world, case, end.reports()[0])
    require(report['received_digest'] == world.data.digest(world.data.text, size),
            'peer to weir: the digests differ')
    status = tool.wait()
    require(status == 0, f'{tool.name} ended with {status}: {tool.last()}')
    require(send == 0 or tool.digest() == report['sent_digest'], 'weir to peer: digests differ')
    require(report['rx_rekeys'] == UPDATES, f'{report["rx_rekeys"]} of {UPDATES} KeyUpdates')
    answers, wire = report['tx_rekeys'], report['wire']
    require(1 <= answers <= UPDATES if request else answers == 0, f'{answers} answers from weir')
    require(wire['requests'] == 0, 'an answer that asks for another')
    return f'{UPDATES} KeyUpdates from the peer, {answers} answers'


def run_nss_updates(world, case, stage):
    """NSS updates its keys as it sends, weir too; in records of the size that NSS asks for."""
    request = case.label == 'update_requested'
    theirs = ['--update', case.size // 8, *(['--request'] if request else [])]
    case.extra = [*case.extra, *map(str, theirs)]
    report = exchange(world, case, stage, ['--update', UPDATE_EVERY])
    expected = (case.size - 1) // UPDATE_EVERY
    require(report['updates'] == expected, f'{report["updates"]} of {expected} KeyUpdates')
    require(report['rx_rekeys'] >= 7, f'{report["rx_rekeys"]} KeyUpdates from the peer')
    answers = report['tx_rekeys'] - expected
    require(answers >= 1 if request else answers == 0, f'{answers} answers from weir')
    return f'{expected} KeyUpdates, {report["rx_rekeys"]} from the peer, {answers} answers'


# ---- resumption

GNUTLS_RESUMED = 'This is a resumed session'


def resumed(reports, peer_says):
    first, second = reports
    require(first['reused'] != 'yes', 'the first connection was resumed')
    require(second['reused'] != 'no', 'the second connection was not resumed')
    require(peer_says or second['reused'] == 'yes', 'the peer does not say that it resumed')
    return 'second connection resumed, both carried data'


def run_resume_s_client(world, case, stage):
    size = case.size
    end = weir(world, stage, case, ['--connections', 2, '--receive', size, '--end', 'theirs'])
    session, port, says = stage.directory / 'session', end.port(), False
    for option in ('-sess_out', '-sess_in'):
        tool = case.tool.start(stage, case.suite, [option, session, '-nocommands'], port=port,
                               keep=True)
        # TLS 1.3: tickets come behind the handshake, and s_client must have the time to see them.
        tool.wait_until(lambda: session.exists() and session.stat().st_size > 0, 'session')
        tool.feed(world.data.text, size, then_close=True)
        require(tool.wait() == 0, f's_client failed: {tool.last()}')
        says = f'Reused, TLSv{case.suite.version}' in tool.out()
    reports = end.reports(2)
    for report in reports:
        judge(world, case, report)
        require(report['received_digest'] == world.data.digest(world.data.text, size),
                'the digests differ')
    return resumed(reports, says)


def run_resume_gnutls_cli(world, case, stage):
    size, log = case.size, stage.directory / 'gnutls-cli.log'
    # The first of its connections carries nothing.
    end = weir(world, stage, case, ['--connections', 2, '--end', 'theirs'])
    tool = case.tool.start(stage, case.suite, ['--resume', '--waitresumption',
                                               *log_option(stage)], port=end.port())
    tool.feed(world.data.text, size, then_close=True)
    reports = end.reports(2)
    require(tool.wait() == 0, f'gnutls-cli failed: {tool.last()}')
    for report in reports:
        judge(world, case, report)
    require(reports[1]['received_digest'] == world.data.digest(world.data.text, size),
            'the digests differ')
    return resumed(reports, GNUTLS_RESUMED in log.read_text())


def run_resume_server(world, case, stage):
    """The tool is a small HTTP server, so that it has something to say in every connection."""
    extra = {'s_server': ['-WWW', '-naccept', '2'],
             'gnutls-serv': ['--http', '--httpdata', world.data.text]}[case.tool.name]
    tool = case.tool.start(stage, case.suite, extra, keep=True, cwd=world.data.www)
    end = weir(world, stage, case, ['--connections', 2, '--http', '--end', 'theirs'],
               port=tool.port)
    reports = end.reports(2)
    expected = world.data.digest(world.data.text, world.data.text_size)
    for report in reports:
        judge(world, case, report)
        require(report['received_digest'] == expected, 'the digests differ')
    if case.tool.name == 's_server':
        tool.wait()
        return resumed(reports, '1 session cache hits' in tool.out())
    tool.wait_until(lambda: GNUTLS_RESUMED in tool.out(), 'word of a resumed session')
    return resumed(reports, True)


# ---- how connections end

def run_close_theirs(world, case, stage):
    """The peer's close_notify comes first."""
    if case.tool.name == 'gnutls-serv':
        extra, size = ['--http', '--httpdata', world.data.text], world.data.text_size
        _, end = start_pair(world, case, stage, ['--http', '--end', 'theirs'], extra)
        report = judge(world, case, end.reports()[0])
    else:
        size = case.size
        extra = plain_extra(case, stage)
        extra += {'s_client': ['-no_ign_eof'], 's_server': ['-no_ign_eof', *QUIET_PEER]}.get(
            case.tool.name, [])
        # gnutls-cli goes on receiving after its own close_notify, the tools of OpenSSL do not.
        send = size if case.tool.name == 'gnutls-cli' else 0
        tool, end = start_pair(world, case, stage, ['--send', send, '--end', 'theirs'], extra)
        tool.feed(world.data.text, size, then_close=True)
        report = judge(world, case, end.reports()[0])
        require(tool.wait() == 0, f'{tool.name} failed: {tool.last()}')
        require(send == 0 or tool.digest() == report['sent_digest'], 'the digests differ')
    require(report['received_digest'] == world.data.digest(world.data.text, size),
            'the digests differ')
    return 'close_notify from the peer, answered'


def run_close_ours(world, case, stage):
    """Our close_notify comes first; gnutls-cli takes it as the end, and says nothing itself."""
    log = stage.directory / 'gnutls-cli.log'
    tool, end = start_pair(world, case, stage, ['--send', case.size, '--end', 'ours'],
                           plain_extra(case, stage))
    report = judge(world, case, end.reports()[0], clean=False)
    require(tool.wait() == 0, f'{tool.name} failed: {tool.last()}')
    require('Peer has closed the GnuTLS connection' in log.read_text(), 'no clean end for the peer')
    require(report['wire']['close_notify'] and report['write'] == 'OK', 'weir did not close')
    require(tool.digest() == report['sent_digest'], 'the digests differ')
    require(report['read'] == 'E_TRUNCATED', f'weir answered {report["read"]}')
    return 'close_notify from weir ends the peer cleanly; what follows is E_TRUNCATED'


def run_abrupt_theirs(world, case, stage):
    """The peer is killed in the middle of what it sends. It has read all that came from weir, since
    a socket closed over unread bytes is reset, which is another kind of end."""
    sizes = ['--send', case.size, '--receive', 1 << 40, '--mark', case.size]
    echo = case.tool.name == 'gnutls-serv'
    tool, end = start_pair(world, case, stage, [*sizes, *(['--text'] if echo else [])],
                           plain_extra(case, stage))
    if not echo:
        tool.feed(world.data.text, case.size)
        tool.wait_until(lambda: tool.count() >= case.size, 'all of the data')
    end.wait_mark()
    tool.kill()
    report = judge(world, case, end.reports()[0], clean=False)
    require(report['read'] == 'E_TRUNCATED',
            f'weir answered {report["read"]}: {report["explain"]}')
    require(report['received'] == case.size,
            f'{report["received"]} of {case.size} bytes before the cut')
    return 'E_TRUNCATED'


ABRUPT = {'s_client': ['unexpected eof'], 's_server': ['unexpected eof'],
          'gnutls-cli': ['terminated the connection abnormally'],
          'gnutls-serv': ['non-properly terminated', 'Error while receiving']}


def run_abrupt_ours(world, case, stage):
    """weir's end closes its socket without a word: the peer must see that, not a clean end. All of
    the peer's data is read before, for the reason above."""
    echo = case.tool.name == 'gnutls-serv'
    tool, end = start_pair(world, case, stage,
                           ['--send', case.size, '--receive', case.size, '--end', 'abrupt',
                            *(['--text'] if echo else [])], plain_extra(case, stage))
    if not echo:
        tool.feed(world.data.text, case.size)
    report = judge(world, case, end.reports()[0], clean=False)
    require(report['sent'] == report['received'] == case.size, 'not all was sent and received')
    require(not report['wire']['close_notify'], 'close_notify on the wire')
    tool.wait_until(lambda: any(words in tool.err() for words in ABRUPT[case.tool.name]),
                    'complaint about the cut')
    return 'the peer complains'


# ---- renegotiation

RENEGOTIATE = {'s_client': (b'R\n', 40), 's_server': (b'R\n', 40),
               'gnutls-cli': (b'^renegotiate^\n', 80)}


def run_renegotiate(world, case, stage):
    """The peer asks for a new handshake. weir answers with a warning and goes on; all the peers
    give up then, with an alert of their own."""
    command, alert = RENEGOTIATE[case.tool.name]
    extra = {'s_client': ['-quiet', '-no_ign_eof'], 's_server': ['-naccept', '1', *QUIET_PEER],
             'gnutls-cli': ['--inline-commands', *log_option(stage)]}[case.tool.name]
    tool, end = start_pair(world, case, stage, ['--receive', 1 << 40], extra)
    with open(world.data.text, 'rb') as source:
        tool.write(source.read(UPDATE_PART))
    tool.wait_taken()
    time.sleep(0.02)
    tool.write(command)
    report = judge(world, case, end.reports()[0], clean=False)
    require(report['received_digest'] == world.data.digest(world.data.text, UPDATE_PART),
            'peer to weir: the digests differ')
    require(report['wire']['refusals'] >= 1, 'no warning no_renegotiation on the wire')
    require((report['read'], report['peer_alert']) == ('E_PEER_ALERT', alert),
            f'ended with {report["read"]} {report["peer_alert"]}: {report["explain"]}')
    return f'{report["wire"]["refusals"]} no_renegotiation, then the peer gives up'


# ---- a download

def run_curl(world, case, stage):
    end = weir(world, stage, case, ['--http', '--send', case.size, '--end', 'ours'])
    tool = case.tool.start(stage, case.suite, port=end.port())
    tool.close_stdin()
    report = judge(world, case, end.reports()[0])
    require(tool.wait() == 0, f'curl failed: {tool.last()}')
    require(tool.count() == case.size and tool.digest() == report['sent_digest'],
            f'the digests differ ({tool.count()} bytes)')
    return 'digest of the download'


# ---- two of ours

def pair_reports(world, case, stage, sizes, count=1):
    """Two ends of weir: reports of the client's (case.lib) and of the server's (case.peer)."""
    server = weir(world, stage, case, [*sizes, '--end', 'theirs', '--seed', 2], lib=case.peer)
    client = weir(world, stage, case, [*sizes, '--end', 'ours', '--seed', 1],
                  port=server.port())
    ours, theirs = client.reports(count), server.reports(count)
    for mine, other in zip(ours, theirs):
        judge(world, case, mine)
        judge(world, case, other)
        require(mine['sent'] == other['sent'] == case.size, 'not all was sent')
        require(mine['sent_digest'] == other['received_digest'], 'to the server: digests differ')
        require(other['sent_digest'] == mine['received_digest'], 'to the client: digests differ')
        require((mine['tx_rekeys'], other['tx_rekeys']) == (other['rx_rekeys'], mine['rx_rekeys']),
                'KeyUpdates were lost')
    return ours, theirs


def run_pair(world, case, stage):
    ours, theirs = pair_reports(world, case, stage, ['--send', case.size, '--receive', case.size])
    if '--update' in case.options:
        seen = ours[0]['rx_rekeys'], theirs[0]['rx_rekeys']
        least = (case.size - 1) // UPDATE_EVERY
        require(min(seen) >= least, f'{seen} KeyUpdates, fewer than {least}')
        return f'digests both ways, {seen[0]} and {seen[1]} KeyUpdates'
    return 'digests both ways, close_notify both ways'


def run_pair_resume(world, case, stage):
    options = ['--send', case.size, '--receive', case.size, '--connections', 2]
    ours, theirs = pair_reports(world, case, stage, options, count=2)
    # mbedTLS does not tell in TLS 1.3: but a server that resumes sends no certificate.
    saved = theirs[0]['handshake_bytes'] - theirs[1]['handshake_bytes']
    return resumed(ours, theirs[1]['reused'] == 'yes' or saved > CERTIFICATE)
