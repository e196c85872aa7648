# SPDX-License-Identifier: BSD-2-Clause
"""Writes, or checks, the parts of the documents that are made from the sources.

    pages.py write|check SOURCE_ROOT LISTS

LISTS is the program made of docs/lists.c. Made are docs/status.md and docs/refusals.md, and the
example in README.md, which is examples/embed.c from its first include on. Checked are, too, the
values in docs/limits.md, that links between the documents lead somewhere, and that names in them
are known.
"""

import re
import subprocess
import sys
from pathlib import Path

MARK = '```c\n'


def made_pages(lists):
    for page in ('status', 'refusals'):
        text = subprocess.run([lists, page], capture_output=True, text=True, check=True).stdout
        yield f'docs/{page}.md', text


def readme_with_example(root):
    """README.md with its one C block replaced by the example's code."""
    readme = (root / 'README.md').read_text()
    code = (root / 'examples/embed.c').read_text()
    code = code[code.index('#include'):]
    before, found, rest = readme.partition(MARK)
    if not found or MARK in rest:
        raise SystemExit('README.md should have exactly one block of C')
    return before + MARK + code + rest[rest.index('```\n'):]


def bounds_in_headers(root):
    """WEIR_MAX_… -> value, of the bounds that the headers define."""
    texts = {}
    for header in (root / 'include/weir').glob('*.h'):
        for name, value in re.findall(r'^#define (WEIR_\w+)[ ]+(\(?[\w +]+\)?)', header.read_text(),
                                      re.MULTILINE):
            texts[name] = value.strip()

    def value_of(text):
        total = 0
        for part in text.strip('()').split('+'):
            part = part.strip()
            number = re.fullmatch(r'(\d+)u?', part)
            total += int(number[1]) if number else value_of(texts[part])
        return total

    return {name: value_of(text) for name, text in texts.items() if '_MAX_' in name}


# Sizes of arrays; nothing is refused beyond them.
NOT_BOUNDS = {'WEIR_MAX_KEY', 'WEIR_MAX_SECRET'}


def wrong_bounds(root):
    stated = {name: int(value) for name, value in
              re.findall(r'`(WEIR_\w*MAX\w*)`\)? \| (\d+) \|', (root / 'docs/limits.md').read_text())}
    real = {name: value for name, value in bounds_in_headers(root).items()
            if name not in NOT_BOUNDS}
    return [f'{name} is {real.get(name)}, docs/limits.md says {stated.get(name)}'
            for name in sorted(real.keys() | stated.keys()) if real.get(name) != stated.get(name)]


def documents(root):
    folders = ['.', 'docs']
    return [path for folder in folders for path in sorted((root / folder).glob('*.md'))]


def anchor(heading):
    """What a heading is linked to by, in the way of the sites that show these pages."""
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def broken_links(root):
    """Links to files or headings that are not there, and pages that nothing links to from README.md
    on."""
    faults, reached, queue = [], set(), [root / 'README.md']
    while queue:
        page = queue.pop()
        if page in reached:
            continue
        reached.add(page)
        for target, part in re.findall(r'\]\(([^)#:]*)(?:#([^)]*))?\)', page.read_text()):
            there = (page.parent / target).resolve() if target else page
            if not there.exists():
                faults.append(f'{page.relative_to(root)} links to {target}')
            elif there.suffix == '.md':
                queue.append(there)
                headings = re.findall(r'^#+ (.*)$', there.read_text(), re.MULTILINE)
                if part and part not in map(anchor, headings):
                    faults.append(f'{page.relative_to(root)} links to {target}#{part}')
    faults += [f'nothing leads to {page.relative_to(root)}' for page in documents(root)
               if page.resolve() not in reached]
    return faults


def sources(root, *patterns):
    for pattern in patterns:
        for path in root.rglob(pattern):
            if not path.relative_to(root).parts[0].startswith(('build', '.')):
                yield path


def unknown_names(root):
    """Names of weir's in any page that no source has."""
    name = re.compile(r'\b(?:weir_[a-z0-9_]*[a-z0-9]|WEIR_[A-Z0-9_]*[A-Z0-9])\b(?!_?[…*])')
    known = set()
    written = sources(root, '*.c', '*.h', '*.py', 'meson.build')
    for path in [*written, *(root / 'scripts').iterdir()]:
        known.update(name.findall(path.read_text(errors='replace')))
    return [f'{page.relative_to(root)} says {word}' for page in sorted(sources(root, '*.md'))
            for word in sorted(set(name.findall(page.read_text())) - known)]


def check(name, faults):
    print(f'FAIL {name}: {"; ".join(faults)}' if faults else f'PASS {name}')
    return 1 if faults else 0


def main():
    action, root, lists = sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3]
    pages = dict(made_pages(lists))
    pages['README.md'] = readme_with_example(root)
    stale = 0
    for name, text in pages.items():
        path = root / name
        same = path.exists() and path.read_text() == text
        if action == 'write' and not same:
            path.write_text(text)
            print(f'wrote {name}')
        elif action == 'check':
            stale |= check(name, [] if same else ['not what the sources say; run `ninja docs`'])
    if action == 'check':
        stale |= check('bounds', wrong_bounds(root))
        stale |= check('links', broken_links(root))
        stale |= check('names', unknown_names(root))
    return stale


if __name__ == '__main__':
    sys.exit(main())
