#!/usr/bin/env python3
"""Checks the length of the source files and the wording of comments, documents and test titles. Prints TAP.

Usage: prose.py SOURCE_ROOT
"""
import pathlib
import re
import sys

LINES_MAX = 450
# Words of an earlier vocabulary.
OLD_WORDS = {
    'errand', 'errands', 'pursuit', 'pursuits', 'quarry', 'deputy', 'deputies', 'racer', 'racers',
    'park', 'parks', 'parked', 'parking', 'unpark', 'handover', 'handovers',
}
PRONOUNS = {'he', 'him', 'his', 'whoever', 'whomever'}
# A sentence begins at the start of a paragraph, of a list item or of a table cell, and after a full stop or a colon.
CLAUSE = re.compile(r'(?:^|[.!?:;]["\')`*]*\s+|\|\s*)[("\'`*]*((?:Who|Whom|Whose|Whoever|What|Whatever)\b[^.!?|]{0,60})')

root = pathlib.Path(sys.argv[1])


def files(folders, suffixes):
    return [path for folder in folders for path in sorted((root / folder).rglob('*')) if path.suffix in suffixes]


code = files(('backends', 'fs', 'mountd', 'tests', 'examples'), ('.c', '.h'))
bats = files(('tests',), ('.bats',))
scripts = [
    path
    for path in files(('backends', 'fs', 'mountd', 'tests', 'examples', 'scripts', '.ci'), ('.bash', '.sh', '.py', '.build', ''))
    if path.is_file() and path != root / 'tests/unit/prose.py'
] + [root / 'meson.build']
documents = files(('docs', 'examples'), ('.md', '.1', '.7')) + sorted(root.glob('*.md'))
text = {path: path.read_text() for path in code + bats + scripts + documents}


def name(path):
    return path.relative_to(root).as_posix()


def place(path, position, lines=0):
    return f'{name(path)}:{text[path].count(chr(10), 0, position) + 1 + lines}'


def comments(path):
    """The comments of a C file, with the position of each."""
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|/\*(.*?)\*/|//([^\n]*)', text[path], re.S):
        if match[1] is not None or match[2] is not None:
            yield match.start(), re.sub(r'^[ \t]*\*[ \t]?', '', match[1] or match[2], flags=re.M)


def titles(path):
    for match in re.finditer(r'^@test (["\'])(.*)\1 \{$', text[path], re.M):
        yield match.start(), match[2]


def hash_comments(path):
    for match in re.finditer(r'(?:^[ \t]*#(?!!).*\n)+', text[path], re.M):
        yield match.start(), re.sub(r'^[ \t]*# ?', '', match[0], flags=re.M)


def docstrings(path):
    if path.suffix == '.py':
        yield from ((match.start(), match[1]) for match in re.finditer(r'"""(.*?)"""', text[path], re.S))


def document_text(path):
    """A Markdown file without its code, or a manual page without its comments, requests and literal text."""
    if path.suffix == '.md':
        yield 0, re.sub(r'^```.*?^```$', lambda match: '\n' * match[0].count('\n'), text[path], flags=re.M | re.S)
        return
    page = re.sub(r'^\.(?:nf|EX)\n.*?^\.(?:fi|EE)$', lambda match: '\n' * match[0].count('\n'), text[path], flags=re.M | re.S)
    page = re.sub(r'^\.\\".*$', '', page, flags=re.M)
    yield 0, re.sub(r'^\.(?:[BI]|[BIR]{2}|S[BMHS]|TP|PP|IP|TQ)\b ?', '', page, flags=re.M)


def paragraphs(position, passage):
    """Each paragraph or list item on one line, with the number of lines before it."""
    lines = 0
    for part in re.split(r'(\n(?=[ \t]*\n|[ \t]*(?:[-*#]|\d+\.)[ \t]|[ \t]*\|))', passage):
        yield lines, ' '.join(re.sub(r'^[ \t]*(?:[-*]|#+|\d+\.)[ \t]', '', part.strip()).split())
        lines += part.count('\n')


def passages():
    for path in code:
        yield from ((path, *comment) for comment in comments(path))
    for path in bats + scripts:
        yield from ((path, *comment) for comment in hash_comments(path))
        yield from ((path, *docstring) for docstring in docstrings(path))
    for path in documents:
        yield from ((path, *passage) for passage in document_text(path))


def long_files():
    for path in files(('backends', 'fs', 'mountd', 'tests/unit', 'tests/native', 'tests/bench'), ('.c', '.h')):
        lines = text[path].count('\n')
        if lines > LINES_MAX:
            yield f'{name(path)}: {lines} lines'


def clauses():
    for path, position, passage in passages():
        for lines, paragraph in paragraphs(position, passage):
            for match in CLAUSE.finditer(paragraph):
                if not paragraph[match.end() :].startswith('?'):
                    yield f'{place(path, position, lines)}: {match[1]}'
    for path in bats:
        for position, title in titles(path):
            if re.match(r'(?:who|whom|whose|whoever|what|whatever)\b', title, re.I):
                yield f'{place(path, position)}: {title}'


def uses_of(wanted, passage):
    """Where a text or its identifiers have one of the words: async_job_start and AsyncJob have async and job."""
    lower = passage.lower()
    if any(word in lower for word in wanted):
        for match in re.finditer(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+', passage):
            if match[0].lower() in wanted:
                yield match


def old_words():
    for path in text:
        for match in uses_of(OLD_WORDS, text[path]):
            yield f'{place(path, match.start())}: {match[0]}'


def pronouns():
    for path, position, passage in passages():
        for match in uses_of(PRONOUNS, passage):
            yield f'{place(path, position, passage.count(chr(10), 0, match.start()))}: {match[0]}'
    for path in bats:
        for position, title in titles(path):
            yield from (f'{place(path, position)}: {title}' for _ in uses_of(PRONOUNS, title))


tests = {
    f'no source file is longer than {LINES_MAX} lines': list(long_files()),
    'no sentence begins with a clause of "who" or "what" in place of a noun': list(clauses()),
    'no word of the earlier vocabulary is used': list(old_words()),
    'a noun names each process and each user, not "he" or "whoever"': list(pronouns()),
}
print(f'1..{len(tests)}')
for number, (title, faults) in enumerate(tests.items(), 1):
    print(f'{"not ok" if faults else "ok"} {number} {title}')
    for fault in faults:
        print(f'# {fault}')
