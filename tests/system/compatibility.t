#!/usr/bin/env python3
"""compatibility - docs/compatibility.md lists all differences of parameters

Postfix's names and defaults are read from PARAMS, a file of columns with tabs
between: name, default, and others; "(...)" is a default that is computed.
"""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, TOP, Tap

PARAMS = os.environ.get("PARAMS", os.path.join(TOP, "../shared/params.tsv"))

tap = Tap()
page = open(os.path.join(TOP, "docs/compatibility.md")).read()
section = page[page.index("## Parameters"):page.index("## postconf")]

differ = {name: row for row in re.findall(r"^\| .*", section, re.M)[1:]
          for name in row.split("|")[1].replace(" ", "").split(",")}
differ.pop("parameter", None)
unlisted = section[section.index("Names that are known"):
                   section.index("Parameters that our engine")]
unlisted = [name for name in re.findall(r"`([a-z0-9_*]+)`", unlisted)]


def defaults():
    where = tempfile.mkdtemp()
    open(where + "/main.cf", "w").close()
    shutil.copy(os.path.join(TOP, "conf/etc/master.cf"), where)
    text = subprocess.run([os.path.join(BIN, "postconf"), "-c", where, "-d"],
                          stdout=subprocess.PIPE, text=True).stdout
    shutil.rmtree(where)
    return {line.partition(" =")[0]: line.partition(" =")[2].strip()
            for line in text.splitlines()}


def is_unlisted(name):
    return any(fnmatch.fnmatchcase(name, p) for p in unlisted)


def without(text, patterns):
    """The words of a default that names unlisted parameters too."""
    return [w for w in text.split()
            if not any(fnmatch.fnmatchcase(w.lstrip("$"), p) for p in patterns)]


ours = defaults()
tap.ok(all(name in ours for name in differ),
       "the table's names are parameters",
       [name for name in differ if name not in ours])
tap.ok(not any(name in ours for name in unlisted),
       "what is not listed is not listed",
       [name for name in unlisted if name in ours])

if os.path.exists(PARAMS):
    theirs = dict(line.rstrip("\n").split("\t")[:2]
                  for line in open(PARAMS).readlines()[1:])
    missing = [n for n in theirs if n not in ours and not is_unlisted(n)]
    tap.ok(not missing, "all other names are listed", "\n".join(missing))
    suffixes = [n[len("transport"):] for n in theirs
                if n.startswith("transport_")]
    more = [n for n in ours if n not in theirs and
            not any(n.endswith(s) for s in suffixes)]
    tap.ok(not more, "and no names of our own", "\n".join(more))
    wrong = ["%s: %s, not %s" % (n, ours[n], theirs[n]) for n in theirs
             if n in ours and n not in differ and theirs[n][:1] != "(" and
             without(ours[n], unlisted) != without(theirs[n], unlisted)]
    tap.ok(not wrong, "all other defaults are the same", "\n".join(wrong))
    idle = [p for p in unlisted
            if not any(fnmatch.fnmatchcase(n, p) and n not in ours
                       for n in theirs)]
    tap.ok(not idle, "the page names nothing that is not there",
           "\n".join(idle))
else:
    print("# skipped: no " + PARAMS)
sys.exit(tap.end())
