# SPDX-License-Identifier: BSD-2-Clause
"""Which cases there are: peers, roles, libraries, suites, and what is tried with each."""

from dataclasses import replace

import cases
from cases import BULK, MB, Case


def reason_of(world, case):
    """Why a case is not possible: (who cannot, why), or None."""
    for lib in sorted({case.lib, case.peer} & set(world.libraries)):
        library = world.libraries[lib]
        if case.suite.version not in library.versions:
            return f'weir-on-{lib}', f'{library.version} has no TLS {case.suite.version}'
        if case.suite.name not in library.suites:
            return f'weir-on-{lib}', f'{library.version} has no {case.suite.name}'
    if case.reason:
        return f'{case.peer}/{case.group}', case.reason
    reason = case.tool.cannot(case.suite) if case.tool is not None else None
    return (case.peer, reason) if reason else None


def bulk(world):
    """Each AEAD and version, both ways at once, with every tool."""
    found = []
    for tool in world.peers:
        for lib in world.libraries:
            for version, names in BULK.items():
                for name in names:
                    # The AEAD provider of OpenSSL where there is one: that of mbedTLS is slower by
                    # far, and has a line of its own.
                    aead = 'openssl' if 'openssl' in world.libraries else ''
                    found.append(Case('bulk', tool.name, tool, lib, world.suites[name],
                                      world.size, cases.run_exchange, aead=aead))
    if len(world.libraries) > 1:
        tool = world.tool('s_server')
        for name in BULK['1.2']:
            found.append(Case('bulk', tool.name, tool, 'mbedtls', world.suites[name],
                              world.size if 'AES_128' in name else MB, cases.run_exchange,
                              aead='mbedtls'))
    return found


def suites(world):
    """Every other suite that weir carries."""
    done = {name for names in BULK.values() for name in names}
    return [Case('suites', tool.name, tool, lib, suite, MB, cases.run_exchange)
            for tool in world.peers for lib in world.libraries
            for suite in world.suites.values() if suite.name not in done]


def both_versions(world, group, run, tools=None, size=100_000, **more):
    """One suite of each version, every tool and library."""
    return [Case(group, tool.name, tool, lib, world.suites[names[0]], size, run, **more)
            for tool in (world.peers if tools is None else tools)
            for lib in world.libraries for names in BULK.values()]


def only(found, version):
    return [case for case in found if case.suite.version == version]


def updates(world):
    found = []
    for label in ('update_requested', 'update_not_requested'):
        found += only(both_versions(world, 'update-ours', cases.run_update_ours, size=2 * MB,
                                    label=label), '1.3')
        theirs = only(both_versions(world, 'update-theirs', cases.run_update_theirs, size=MB,
                                    label=label), '1.3')
        for case in theirs:
            if case.peer == 'gnutls-serv':
                case.reason = 'gnutls-serv sends a KeyUpdate only as an answer, never by itself'
        found += theirs
    return found


def records(world):
    found = []
    small = {'size': 300_000}
    for label, options, most in (
            ('record-1000-cut', ['--record', 1000, '--chop', 700], 1000),
            ('record-37', ['--record', 37], 37),
            ('cut-small', ['--chop', 40], 0),
            ('pad-512', ['--pad', 512, '--record', 3000], 3000),
            ('pad-4096', ['--pad', 4096, '--record', 8192], 8192)):
        made = both_versions(world, 'records', cases.run_records, label=label, options=options,
                             most=most, **small)
        found += only(made, '1.3') if label.startswith('pad') else made
    for name, label, extra, most, version in (
            ('s_client', 'peer-sends-1024', ['-max_send_frag', '1024'], 0, None),
            ('s_server', 'peer-sends-1024', ['-max_send_frag', '1024'], 0, None),
            ('s_client', 'peer-pads-1024', ['-record_padding', '1024'], 0, '1.3'),
            ('s_server', 'peer-pads-1024', ['-record_padding', '1024'], 0, '1.3'),
            ('s_client', 'max_fragment_length-1024', ['-maxfraglen', '1024'], 1024, None),
            ('gnutls-cli', 'peer-asks-for-1024', ['--recordsize', '1024'], 1024, None)):
        tool = world.tool(name)
        made = both_versions(world, 'records', cases.run_records, tools=[tool], label=label,
                             extra=extra, most=most, **small)
        for case in made:
            if label.startswith('max_f') and (case.lib, case.suite.version) == ('mbedtls', '1.3'):
                case.reason = 'mbedTLS 3.6 has no max_fragment_length in TLS 1.3'
        found += only(made, version) if version else made
    return found


def size_limits(world):
    """record_size_limit (RFC 8449), of GnuTLS and, by an extension of its own, of OpenSSL's side."""
    found = []
    for name, label, run, offer, extra, most in (
            ('gnutls-cli', 'size-limit-1000', cases.run_records, 16385, 1000, 1000),
            ('gnutls-serv', 'size-limit-600', cases.run_records, 700, 600, 600),
            ('gnutls-serv', 'size-limit-512-for-the-peer', cases.run_limited, 512, 600, 0),
            ('gnutls-serv', 'size-limit-overstepped', cases.run_overstepped, 700, 600, 0)):
        found += [case for case in both_versions(
            world, 'records', run, tools=[world.tool(name)], label=label, most=most,
            options=['--size-limit', offer], extra=['--recordsize', str(extra)], size=300_000)
                  if case.lib == 'openssl']
    return found


def nss(world):
    """NSS, the library of Firefox, as client."""
    tool = world.tool('nss-client')
    found = [Case('bulk', tool.name, tool, lib, world.suites[name], MB, cases.run_exchange)
             for lib in world.libraries for names in BULK.values() for name in names]
    for label in ('update_requested', 'update_not_requested'):
        found += only(both_versions(world, 'update-both', cases.run_nss_updates, tools=[tool],
                                    size=2 * MB, label=label), '1.3')
    for label, run, most, options in (('size-limit-700', cases.run_records, 700, []),
                                      ('size-limit-overstepped', cases.run_overstepped, 0, [])):
        found += [case for case in both_versions(
            world, 'records', run, tools=[tool], label=label, most=most, size=300_000,
            options=['--size-limit', 600, *options], extra=['--size-limit', '700'])
                  if case.lib == 'openssl']
    return found


def resumption(world):
    found = []
    for tool in world.peers:
        run = {'s_client': cases.run_resume_s_client,
               'gnutls-cli': cases.run_resume_gnutls_cli}.get(tool.name, cases.run_resume_server)
        found += both_versions(world, 'resume', run, tools=[tool])
    return found


def endings(world):
    # With the other tools all of the exchanges above end so, with an answer.
    cli = [world.tool('gnutls-cli')]
    unanswered = both_versions(world, 'close-ours', None, tools=cli, label='answered')
    for case in unanswered:
        case.reason = 'gnutls-cli closes its socket when it gets close_notify, without its own'
    return (both_versions(world, 'close-ours', cases.run_close_ours, tools=cli) + unanswered +
            both_versions(world, 'close-theirs', cases.run_close_theirs) +
            both_versions(world, 'abrupt-theirs', cases.run_abrupt_theirs, size=50_000) +
            both_versions(world, 'abrupt-ours', cases.run_abrupt_ours, size=50_000))


def curl(world):
    tool = world.tool('curl')
    return [
        Case('curl', tool.name, tool, lib, world.suites[names[0]], world.size, cases.run_curl)
        for lib in world.libraries for names in BULK.values()]


def pairs(world):
    """Each library as client and as server of each, over sockets."""
    found = []
    for client in world.libraries:
        for server in world.libraries:
            for suite in world.suites.values():
                found.append(Case('pair', server, None, client, suite, MB, cases.run_pair))
    for client in world.libraries:
        for server in world.libraries:
            for names in BULK.values():
                suite = world.suites[names[0]]
                found.append(Case('pair-resume', server, None, client, suite, 100_000,
                                  cases.run_pair_resume))
                if suite.version == '1.3':
                    found += [Case('pair-update', server, None, client, suite, 2 * MB,
                                   cases.run_pair, label=label,
                                   options=['--update', cases.UPDATE_EVERY, *more])
                              for label, more in (('update_requested', ['--request']),
                                                  ('update_not_requested', []))]
    return found


def handshakes(world):
    """Turns a handshake can take; what follows is the same."""
    found = []
    for name, label, extra, version in (
            ('s_server', 'hello-retry', ['-groups', 'P-384'], '1.3'),
            ('s_server', 'five-tickets', ['-num_tickets', '5'], '1.3'),
            ('s_server', 'no-middlebox', ['-no_middlebox'], '1.3'),
            ('s_client', 'no-middlebox', ['-no_middlebox'], '1.3'),
            ('s_server', 'no-ticket', ['-no_ticket'], None),
            ('s_client', 'no-ticket', ['-no_ticket'], None),
            ('gnutls-cli', 'no-ticket', ['--noticket'], None),
            ('gnutls-serv', 'no-ticket', ['--noticket'], None)):
        made = both_versions(world, 'handshake', cases.run_exchange, tools=[world.tool(name)],
                             label=label, extra=extra)
        found += only(made, version) if version else made
    return found


def renegotiation(world):
    found = only(both_versions(world, 'renegotiate', cases.run_renegotiate), '1.2')
    for case in found:
        if case.peer == 'gnutls-serv':
            case.reason = 'gnutls-serv has no command that asks for a new handshake'
    return found


def below(found, *options):
    """The same cases with weir below OpenSSL's own interface."""
    return [replace(case, group='bio-' + case.group, options=[*case.options, '--bio', *options])
            for case in found if case.lib == 'openssl' and case.aead in ('', 'openssl')]


def bio(world):
    """weir's BIO below SSL_read and SSL_write. With a smaller fragment size OpenSSL keeps its keys."""
    if 'openssl' not in world.libraries:
        return []
    openssl = [world.tool('s_client'), world.tool('s_server')]
    every_aead = [Case('bulk', tool.name, tool, 'openssl', world.suites[name],
                       min(world.size, 20 * MB) if tool in openssl else MB, cases.run_exchange)
                  for tool in world.peers for names in BULK.values() for name in names]
    files = [replace(case, size=MB) for case in every_aead if case.tool in openssl]
    found = (below(every_aead) + below(files, '--sendfile') + below(updates(world)) +
             below(resumption(world)) + below(renegotiation(world)) + below(endings(world)))
    found += below([case for case in records(world)
                    if case.label.startswith(('cut', 'peer-sends', 'peer-pads'))])
    found += below([case for case in handshakes(world) if case.tool in openssl])
    if 'mbedtls' in world.libraries:
        found.append(Case('bio-bulk', 's_server', world.tool('s_server'), 'openssl',
                          world.suites[BULK['1.3'][0]], MB, cases.run_exchange, aead='mbedtls',
                          options=['--bio']))
    for case in found:
        case.label = case.label or ('sendfile' if '--sendfile' in case.options else '')
    return found


def every(world):
    """All cases, those first that take longest."""
    return [*bulk(world), *curl(world), *pairs(world), *suites(world), *updates(world),
            *records(world), *size_limits(world), *nss(world), *handshakes(world), *resumption(world), *renegotiation(world),
            *endings(world), *bio(world)]
