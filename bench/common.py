# SPDX-License-Identifier: BSD-2-Clause
"""What the programs that measure have in common: the build, processes on a CPU each, figures."""

import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build-bench'
PATIENCE = 180


def say(text):
    print(text, file=sys.stderr, flush=True)


def build(*targets):
    """An optimised build of what is measured; answers the paths of `targets`."""
    command = ['meson', 'setup', '-Dbuildtype=release', '-Dbench=enabled', '-Dopenssl=enabled',
               '-Dtools=enabled', '-Dtests=disabled', '-Dfuzz=disabled', str(BUILD)]
    if (BUILD / 'build.ninja').exists():
        command.insert(2, '--reconfigure')
    for step in (command, ['ninja', '-C', str(BUILD), *targets]):
        done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f'{step[0]} failed\n{done.stdout[-2000:]}{done.stderr[-500:]}')
    return [BUILD / target for target in targets]


def cpus():
    """Two to measure on: one for each end."""
    known = sorted(os.sched_getaffinity(0))
    return [known[0], known[1 % len(known)]]


def pinned(cpu, command):
    return ['taskset', '-c', str(cpu), *map(str, command)]


def make_identity(folder):
    """A certificate that signs itself, for localhost: paths of it and of its key."""
    cert, key = folder / 'cert.pem', folder / 'key.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-days', '2',
                    '-keyout', key, '-out', cert], check=True, capture_output=True)
    return cert, key


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def timed(run):
    """Answers what `run` does and the CPU time of the processes it has waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return answer, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def stop(process):
    """Waits for a server that ends by itself, and ends one that does not."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(PATIENCE)
    if process.stdout:
        process.stdout.close()


def spread(values):
    return {'median': statistics.median(values), 'least': min(values), 'most': max(values)}


def version(*command):
    """The first line of what a program says of itself."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0] if lines else command[0]


def machine():
    text = Path('/proc/cpuinfo').read_text()
    model = re.search(r'^model name\s*: (.*)', text, re.MULTILINE)
    flags = re.search(r'^flags\s*: (.*)', text, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    return {'cpu': model[1] if model else os.uname().machine, 'cpus': os.cpu_count(),
            'vaes and avx-512': {'vaes', 'avx512f'} <= known, 'kernel': os.uname().release,
            'openssl': version('openssl', 'version'), 'load': os.getloadavg()[0]}


def warn_of_load(about):
    if about['load'] > 0.5:
        say(f'the load of this machine is {about["load"]:.1f}: something else is running')


class Bar:
    """Something measured that has to be at least, or at most, so much."""

    def __init__(self, what, value, bar, most=False, family=None):
        """`value`: what spread() answers, or a number. `family`: of bars that are alike."""
        self.what, self.bar, self.most, self.family = what, bar, most, family or what
        self.value = value if isinstance(value, dict) else spread([value])

    @property
    def met(self):
        median = self.value['median']
        return median <= self.bar if self.most else median >= self.bar

    def as_json(self):
        return {'what': self.what, 'family': self.family, **self.value, 'bar': self.bar,
                'kind': 'most' if self.most else 'least', 'met': self.met}

    @classmethod
    def of_json(cls, found):
        value = {key: found[key] for key in ('median', 'least', 'most')}
        return cls(found['what'], value, found['bar'], found['kind'] == 'most', found['family'])

    def __lt__(self, other):
        """Whether this one is nearer to its bar, or further behind it."""
        return self.margin() < other.margin()

    def margin(self):
        ratio = self.value['median'] / self.bar
        return -ratio if self.most else ratio


def number(value):
    return f'{value:.3f}' if abs(value) < 2 else f'{value:.2f}' if abs(value) < 100 else f'{value:.0f}'


def bar_table(bars):
    lines = ['| what | median | least – most | bar | |', '|---|---:|---:|---:|---|']
    for bar in bars:
        median, least, most = (number(bar.value[key]) for key in ('median', 'least', 'most'))
        lines.append(f'| {bar.what} | {median} | {least} – {most} | '
                     f'{"≤" if bar.most else "≥"} {bar.bar} | {"met" if bar.met else "NOT MET"} |')
    return '\n'.join(lines)


def family_table(bars):
    """One line for all bars that are alike: the one that is nearest to its bar."""
    families = {}
    for bar in bars:
        families.setdefault(bar.family, []).append(bar)
    lines = ['| what | bar | met | the least of them, median | least – most | which |',
             '|---|---:|---|---:|---:|---|']
    for family, members in families.items():
        worst = min(members)
        met = sum(bar.met for bar in members)
        median, least, most = (number(worst.value[key]) for key in ('median', 'least', 'most'))
        lines.append(f'| {family} | {"≤" if worst.most else "≥"} {worst.bar} | '
                     f'{"met" if met == len(members) else "NOT MET"}, {met} of {len(members)} | '
                     f'{median} | {least} – {most} | '
                     f'{"" if worst.what == family else worst.what.removeprefix(family + ", ")} |')
    return '\n'.join(lines)


def verdict(bars):
    """The exit status of a program with these bars; prints those that are not met."""
    missed = [bar for bar in bars if not bar.met]
    print(f'{len(bars) - len(missed)} of {len(bars)} bars are met')
    if missed:
        print('', bar_table(missed), sep='\n')
    return 1 if missed else 0


def write_json(folder, part, about, bars, **figures):
    """Everything that a part has measured, to PART.json in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    result = {'machine': about, **figures, 'bars': [bar.as_json() for bar in bars]}
    (folder / f'{part}.json').write_text(json.dumps(result, indent=1, ensure_ascii=False) + '\n')


def plot(folder):
    """Draws what is in the folder, by whichever Python has matplotlib."""
    for python in (sys.executable, '/usr/bin/python3'):
        if Path(python).exists() and subprocess.run([python, '-c', 'import matplotlib'],
                                                    capture_output=True, check=False).returncode == 0:
            subprocess.run([python, ROOT / 'bench/plot', folder], check=True)
            return
    say('no plots: matplotlib is not there')


def fit(costs):
    """Least squares of a + b·n over {n: ns}, on relative error: nanoseconds of a record and of a
    byte."""
    rows = [(1 / t, n / t) for n, t in costs.items()]
    aa, ab, bb = (sum(x * y for x, y in ((r[i], r[j]) for r in rows))
                  for i, j in ((0, 0), (0, 1), (1, 1)))
    ya, yb = (sum(r[i] for r in rows) for i in (0, 1))
    det = aa * bb - ab * ab
    return (ya * bb - yb * ab) / det, (yb * aa - ya * ab) / det


def rate_table(rates, costs):
    lines = ['| program | GB/s median | least – most | CPU s per GB, median | least – most |',
             '|---|---:|---:|---:|---:|']
    for name in rates:
        rate, cost = spread(rates[name]), spread(costs[name])
        lines.append(f'| {name} | {rate["median"] / 1e9:.2f} | '
                     f'{rate["least"] / 1e9:.2f} – {rate["most"] / 1e9:.2f} | '
                     f'{cost["median"]:.2f} | {cost["least"]:.2f} – {cost["most"]:.2f} |')
    return '\n'.join(lines)


def ratios(one, other):
    """Of each round, because the machine's speed changes between rounds."""
    return spread([a / b for a, b in zip(one, other)])


def bars_of(rows):
    """The bars of rows as ratio_table takes them, for JSON."""
    return [Bar(label, ratio, bar, most).as_json() for label, ratio, bar, most in rows
            if bar is not None]


def ratio_table(rows):
    """rows: (label, spread, bar, whether the bar is the most); answers text, and whether all
    bars are met. No bar: None."""
    lines = ['| ratio, of each round | median | least – most | bar |', '|---|---:|---:|---:|']
    met = True
    for label, ratio, bar, most in rows:
        text = '' if bar is None else f'{"≤" if most else "≥"} {bar}'
        lines.append(f'| {label} | {ratio["median"]:.2f} | {ratio["least"]:.2f} – '
                     f'{ratio["most"]:.2f} | {text} |')
        if bar is not None:
            met &= ratio['median'] <= bar if most else ratio['median'] >= bar
    return '\n'.join(lines), met
