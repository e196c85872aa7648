# SPDX-License-Identifier: BSD-2-Clause
"""The parts of bench/run that are programs in C: how they are run and what has to hold.

Each function answers a Result; `quick` means fewer rounds.
"""

import itertools
import json
import re
import statistics
import subprocess
import sys

import common
from common import Bar

SUITES = {'AES-128-GCM, TLS 1.3': 'TLS_AES_128_GCM_SHA256',
          'AES-128-GCM, TLS 1.2': 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
          'AES-256-GCM, TLS 1.3': 'TLS_AES_256_GCM_SHA384',
          'AES-256-GCM, TLS 1.2': 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'}
# Provider: rounds of all its suites. The slow ones are steady.
PROVIDERS = {'ipsec-mb': 9, 'openssl': 2, 'mbedtls': 2, 'portable': 1}
# Provider: bytes of a record: least ratio to the library's own call.
RAW_BARS = {'ipsec-mb': {64: 0.75, 256: 0.80, 1400: 0.90, 4096: 0.94, 16384: 0.97},
            'openssl': {256: 0.93, 16384: 0.98},
            'mbedtls': {256: 0.98, 1400: 0.98, 4096: 0.98, 16384: 0.98}}
BATCH_BYTES, BATCH_BAR, BATCH_ALONE_BAR = 64, 0.85, 0.98
# One record with a call, with nothing to be moved, as the raw call has it; and what each is
# compared to. Batches have bars of their own.
SEALS = {'seal in place': 'raw seal in place', 'seal lent': 'raw seal'}
OPENS = {'open alone': 'raw open'}
BATCHES = {'seal': ('seal 32', 'raw seal'), 'open': ('open 32', 'raw open')}
ALONE = {'seal 32': 'seal 1 piece', 'open 32': 'open alone'}

ROUND_ROBIN_BAR, IDLE_BAR, WARM_BAR = 0.5, 640, 2662  # the last one is 2.6 KiB
THREADS_BAR = 0.95
INSTRUCTIONS_BAR = 150


class Failed(Exception):
    """A program that did not do what it is for."""


class Result:
    """What a part has measured: text for people, figures for JSON, and bars."""

    def __init__(self, text, bars=(), failed=False, **figures):
        self.text, self.bars, self.failed, self.figures = text, list(bars), failed, figures


def output(command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f'{" ".join(map(str, command))} failed\n{done.stdout[-500:]}'
                     f'{done.stderr[-500:]}')
    return done.stdout


def on_cpu(name, *arguments):
    return common.pinned(common.cpus()[1], [common.BUILD / 'bench' / name, *arguments])


# ---- records: one record in memory ----

def parse_records(text):
    """{bytes: {column: nanoseconds}} of a table that the program `records` has printed."""
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in text.splitlines() if line.startswith('|')]
    return {int(row[0]): {name: float(cell.split(',')[0])
                          for name, cell in zip(rows[0][1:], row[1:])} for row in rows[2:]}


def ratio(rounds, size, base, column):
    """Of each round: the time of `base` over that of `column`."""
    return common.spread([found[size][base] / found[size][column] for found in rounds])


def column_named(rounds, start):
    """The column that begins so; the last, since what came later is better."""
    return [name for name in next(iter(rounds[0].values())) if name.startswith(start)][-1]


def better(rounds, size, pairs):
    """Of {column: base}, the ratio and the name of the column with the best ratio."""
    found = [(ratio(rounds, size, base, column), column) for column, base in pairs.items()]
    return max(found, key=lambda one: one[0]['median'])


def raw_bars(provider, suite, rounds):
    for (size, bar), pairs in itertools.product(RAW_BARS.get(provider, {}).items(),
                                                (SEALS, OPENS)):
        value, column = better(rounds, size, pairs)
        family = f'weir on {provider} ÷ raw call, {size} B'
        yield Bar(f'{family}, {column}, {suite}', value, bar, family=family)


def batch_bars(suite, rounds):
    for start, base in BATCHES.values():
        column = column_named(rounds, start)
        family = f'batch of 32 records ÷ raw calls, {BATCH_BYTES} B'
        yield Bar(f'{family}, {column}, {suite}', ratio(rounds, BATCH_BYTES, base, column),
                  BATCH_BAR, family=family)
        value, size = min(((ratio(rounds, size, ALONE[start], column), size)
                           for size in rounds[0]), key=lambda one: one[0]['median'])
        family = 'batch of 32 records ÷ one at a time, at the worst size'
        yield Bar(f'{family}, {column}, {size} B, {suite}', value, BATCH_ALONE_BAR, family=family)


def records_table(provider, suite, rounds):
    columns = list(next(iter(rounds[0].values())))
    lines = [f'{provider}, {suite}: ns per record; raw ÷ weir (least – most of {len(rounds)})', '',
             '| bytes | ' + ' | '.join(columns) + ' |', '|---:|' + '---:|' * len(columns)]
    for size in rounds[0]:
        cells = []
        for column in columns:
            ns = statistics.median(found[size][column] for found in rounds)
            cell = f'{ns:.1f}'
            if not column.startswith('raw'):
                base = 'raw open' if column.startswith('open') else \
                    SEALS.get(column, 'raw seal')
                value = ratio(rounds, size, base, column)
                cell += f', {value["median"]:.2f}'
                if len(rounds) > 1:
                    cell += f' ({value["least"]:.2f} – {value["most"]:.2f})'
            cells.append(cell)
        lines.append(f'| {size} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def fits(measured):
    """A table of what a record and what a KiB costs, raw and through weir, and the fits."""
    lines = ['| by linear fit: ns per record + ns per KiB | raw seal | seal lent | raw open | '
             'open alone |', '|---|---:|---:|---:|---:|']
    answer = {}
    for (provider, suite), rounds in measured.items():
        cells = []
        for column in ('raw seal', 'seal lent', 'raw open', 'open alone'):
            costs = {size: statistics.median(found[size][column] for found in rounds)
                     for size in rounds[0]}
            record, byte = common.fit(costs)
            answer.setdefault(f'{provider}, {suite}', {})[column] = {'record': record, 'byte': byte}
            cells.append(f'{record:.0f} + {byte * 1024:.1f}')
        lines.append(f'| {provider}, {suite} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines), answer


def records(quick):
    measured, bars, tables = {}, [], []
    for number in range(1 if quick else max(PROVIDERS.values())):
        for provider, suite in itertools.product(PROVIDERS, SUITES):
            if number >= PROVIDERS[provider]:
                continue
            if provider == 'portable' and suite != next(iter(SUITES)):
                continue
            text = output(on_cpu('records', provider, SUITES[suite]))
            measured.setdefault((provider, suite), []).append(parse_records(text))
    for (provider, suite), rounds in measured.items():
        tables.append(records_table(provider, suite, rounds))
        bars += raw_bars(provider, suite, rounds)
        if provider == 'ipsec-mb':
            bars += batch_bars(suite, rounds)
    text, fitted = fits(measured)
    return Result('\n\n'.join([*tables, text]), bars, fits=fitted,
                  runs=[{'provider': provider, 'suite': suite, 'rounds': rounds}
                        for (provider, suite), rounds in measured.items()])


def limit(quick):
    found = json.loads(output(on_cpu('limit', '--rounds', '21' if quick else '401')))
    lines = [f'| {found["bytes"]} bytes in the first-level cache | ns median | least – most | '
             'GB/s |', '|---|---:|---:|---:|']
    for name, rounds in found['ns'].items():
        value = common.spread(rounds)
        lines.append(f'| {name} | {value["median"]:.0f} | {value["least"]:.0f} – '
                     f'{value["most"]:.0f} | {found["bytes"] / value["median"]:.1f} |')
    return Result('\n'.join(lines), **found)


# ---- many connections, and two threads ----

def many(quick):
    most, rounds = (10000, 1) if quick else (1000000, 3)
    found = {}
    for _ in range(rounds):
        text = output(on_cpu('many', '--most', most, '--milliseconds', '60'))
        one = {}
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            if len(cells) == 5 and cells[1].isdigit():
                tables, count, size, ns = cells[0], int(cells[1]), int(cells[2]), float(cells[3])
                one.setdefault(tables, ns)
                row = found.setdefault(tables, {}).setdefault(count, {'bytes': size, 'ns': [],
                                                                      'rate': []})
                row['ns'].append(ns)
                row['rate'].append(one[tables] / ns)
    lines = ['| key tables | connections | bytes of each | ns for a record sealed and opened | '
             'rate ÷ with one | least – most |', '|---|---:|---:|---:|---:|---:|']
    for tables, counts in found.items():
        for count, row in counts.items():
            rate = common.spread(row['rate'])
            lines.append(f'| {tables} | {count} | {row["bytes"]} | '
                         f'{statistics.median(row["ns"]):.0f} | {rate["median"]:.2f} | '
                         f'{rate["least"]:.2f} – {rate["most"]:.2f} |')
    warm, cold = found['of each'], found['in a cache']
    shown = min(100000, most)
    bars = [Bar(f'rate with {shown} connections in turn, 1400 B ÷ with one',
                common.spread(warm[shown]['rate']), ROUND_ROBIN_BAR),
            Bar('bytes of a waiting connection, both directions and session, cold form',
                cold[1]['bytes'], IDLE_BAR, True),
            Bar('the same with key tables of its own', warm[1]['bytes'], WARM_BAR, True)]
    return Result('\n'.join(lines), bars, counts=found)


def threads(quick):
    done = subprocess.run([common.BUILD / 'bench/threads', *(['--rounds', '5'] if quick else [])],
                          capture_output=True, text=True, check=False)
    rounds = [float(row[1]) for row in re.finditer(r'^\|.*\| ([\d.]+) \|$', done.stdout,
                                                   re.MULTILINE)]
    if done.returncode not in (0, 1) or not rounds:
        raise Failed(f'threads failed\n{done.stderr}')
    return Result(done.stdout, [Bar('two directions on two threads ÷ two processes with the raw '
                                    'call', common.spread(rounds), THREADS_BAR)], ratios=rounds)


# ---- the device engine, and instructions ----

def device(quick):
    done = subprocess.run(on_cpu('device', *(['--rounds', '3', '--most', '10000'] if quick
                                             else [])), capture_output=True, text=True, check=False)
    return Result(done.stdout, failed=done.returncode != 0)


def instructions(_quick):
    text = output([sys.executable, common.ROOT / 'test/budget/instructions.py', common.ROOT])
    found = {row[1]: int(row[2]) for row in
             re.finditer(r'^PASS ((?:seal|open).*?): (\d+) instructions', text, re.MULTILINE)}
    if not found:
        return Result(text + '\nnot counted here')
    table = '\n'.join(['| case | instructions of a record |', '|---|---:|',
                       *(f'| {case} | {count} |' for case, count in found.items())])
    # Two pieces are two turns of the loop over them; shown, and kept by the budget test.
    judged = {case: count for case, count in found.items() if '2 pieces' not in case}
    bars = []
    for way in ('seal', 'open'):
        case, count = max(((case, count) for case, count in judged.items()
                           if case.startswith(way)), key=lambda one: one[1])
        family = 'instructions of weir\'s own for a record'
        bars.append(Bar(f'{family}, {case}', count, INSTRUCTIONS_BAR, True, family))
    return Result(table, bars, instructions=found)


PARTS = {'records': records, 'limit': limit, 'many': many, 'threads': threads,
         'instructions': instructions, 'device': device}
